/** Loop schedules, carried out on paper, against closed forms, the recursion that defines them, and a shortest path over everything one can do. */
import test from "ava";
import { awayOptions, awayActions, carryOut, loopOptions, MixedTable, mixedTable, nestedOptions, onlineActions, paretoOptions, revolveActions, revolveExtra, storeAllActions, uniformActions, type LoopShape } from "../../../ts/checkpoint/plan/index.js";
import { loopOptimum } from "./reference.js";

const unit = (steps: number, more: Partial<LoopShape> = {}): LoopShape => ({ steps, snapshot: 1, tape: 0, forward: 1, taped: 1, ...more });

test("revolve: the closed form is the recursion's minimum", (t) => {
  const table: number[][] = [];
  for (let c = 1; c <= 8; c++) {
    const row = table[c] = [0, 0];
    for (let l = 2; l <= 60; l++) {
      let best = c === 1 ? l * (l - 1) / 2 : Infinity;
      if (c > 1) for (let j = 1; j < l; j++) best = Math.min(best, j + table[c - 1]![l - j]! + row[j]!);
      row[l] = best;
      t.is(revolveExtra(l, c), best, `t(${l}, ${c})`);
    }
  }
});

test("revolve: the schedule advances as often as the closed form says, with so many snapshots", (t) => {
  for (const follows of [false, true]) {
    for (const [l, c] of [[1, 1], [2, 1], [5, 2], [13, 3], [30, 4], [56, 3], [100, 10], [365, 3], [1000, 20]] as const) {
      const s = carryOut(unit(l), revolveActions(l, c, follows));
      t.is(s.advanced, revolveExtra(follows ? l + 1 : l, c), `${l} steps, ${c} snapshots`);
      t.true(s.peak <= c);
      // One tape at a time.
      t.true(carryOut(unit(l, { snapshot: 0, tape: 1 }), revolveActions(l, c, follows)).peak === 1);
    }
  }
});

test("a loop of unknown length: what it keeps on the way does not depend on its length, and fits", (t) => {
  for (const c of [1, 2, 3, 7]) {
    let before: string[] = [];
    for (const steps of [0, 1, 2, 3, 7, 8, 9, 31, 100]) {
      const actions = [...onlineActions(steps, c)], forward = actions.slice(0, actions.findIndex((a) => a.do === "turn")).map((a) => JSON.stringify(a));
      const s = carryOut(unit(steps), actions);
      t.true(s.peak <= c);
      t.deepEqual(forward.slice(0, before.length), before);
      before = forward;
      // Never better than knowing the length, and of its order.
      const known = revolveExtra(steps + 1, c);
      t.true(s.advanced >= known && s.advanced <= 2 * known + steps, `${steps} steps, ${c} snapshots: ${s.advanced}, ${known}`);
    }
  }
});

test("uniform segments: bytes and steps", (t) => {
  for (const [steps, length] of [[10, 5], [10, 4], [100, 34], [7, 7], [9, 1]] as const) {
    const k = Math.ceil(steps / length), last = steps - (k - 1) * length, shape = unit(steps, { snapshot: 2, tape: 5 });
    const alone = carryOut(shape, uniformActions(steps, length, false));
    t.is(alone.advanced, steps - last);
    t.is(alone.peak, Math.max(2 * (k - 1) + 5 * last, k > 1 ? 2 * (k - 2) + 5 * length : 0));
    const inside = carryOut(shape, uniformActions(steps, length, true));
    t.is(inside.advanced, steps);
    t.is(inside.held, 2 * k);
  }
  t.like(carryOut(unit(6, { tape: 3 }), storeAllActions(6)), { held: 18, inside: 18, advanced: 0, extra: 0 });
});

test("mixtures of snapshots and tapes are the best there are", (t) => {
  for (const shape of [unit(4, { tape: 1 }), unit(4, { tape: 2 }), unit(5, { snapshot: 2, tape: 3, forward: 2, taped: 3 }), unit(4, { tape: 1, forward: 2, taped: 2, copy: 1 }), unit(3, { snapshot: 2, tape: 3, copy: 5 })]) {
    const table = new MixedTable(shape.steps, shape.snapshot, shape.tape, shape.forward, shape.taped, shape.steps * shape.tape + shape.snapshot, shape.copy);
    for (let m = 0; m <= shape.steps * shape.tape; m++) {
      t.is(table.cost(m), loopOptimum(shape, m), `${shape.steps} steps, memory ${m}`);
      if (table.cost(m) === Infinity) continue;
      const s = carryOut(shape, table.actions(m, false, 1, shape.steps));
      t.true(s.peak <= m);
      t.is(s.forwardCost, table.cost(m));
    }
  }
});

test("long loops have their steps in groups, and their schedules still fit", (t) => {
  const shape = unit(1700, { snapshot: 1_000_003, tape: 3_000_017 }), { table, group, unit: bytes } = mixedTable(shape);
  t.true(group > 1);
  for (const m of table.breakpoints().filter((_, i) => i % 40 === 0)) t.true(carryOut(shape, table.actions(m, false, group, shape.steps)).peak <= m * bytes);
});

test("a loop's options: none is beaten by another, each is what its schedule takes", (t) => {
  const shape = unit(60, { snapshot: 4096, tape: 9 * 4096, forward: 3, taped: 4, copy: 2 });
  for (const follows of [true, false]) {
    const options = loopOptions(shape, follows);
    t.true(options.length > 8 && options.length <= 64);
    t.is(paretoOptions(options).length, options.length);
    t.true(options.some((o) => o.cost === 0) && options.some((o) => o.inside <= 3 * 4096 + shape.tape));
    for (const o of options) {
      const s = carryOut(shape, o.actions());
      t.deepEqual([s.heldApart, s.insideApart], [o.held, o.inside], `${o.kind} ${o.parameter}`);
      // Of binomial schedules of groups they are bounds.
      t.true(s.advanced <= o.extraSteps && s.copies <= o.copies && s.extra <= o.cost && (o.kind === "revolve" || s.extra === o.cost), `${o.kind} ${o.parameter}`);
    }
  }
});

test("options of very long loops come from closed forms that the schedules would confirm", (t) => {
  const long = loopOptions(unit(30_000, { snapshot: 100, tape: 700 }), true);
  t.true(long.length > 8);
  for (const o of long.filter((_, i) => i % 6 === 0)) {
    const s = carryOut(unit(30_000, { snapshot: 100, tape: 700 }), o.actions());
    t.true(s.heldApart <= o.held && s.insideApart <= o.inside, `${o.kind} ${o.parameter}`);
    t.true(s.extra <= o.cost && (o.kind === "revolve" ? o.cost <= 1.25 * s.extra : s.extra === o.cost), `${o.kind} ${o.parameter}`);
  }
});

test("a loop in a loop: the inner one's bytes are in the outer tape, its cost arises once a step", (t) => {
  const inner = loopOptions(unit(8, { snapshot: 10, tape: 20 }), true), outer = unit(5, { snapshot: 30, tape: 2, forward: 8, taped: 8 }), options = nestedOptions(outer, inner, true);
  t.true(options.length <= 64 && options.some((o) => o.cost === 0));
  for (const o of options) {
    const i = inner[o.inner!]!, s = carryOut({ ...outer, tape: 2 + i.held, reverse: i.inside - i.held, reverseCost: i.cost }, o.actions());
    t.deepEqual([s.heldApart, s.insideApart, s.extra], [o.held, o.inside, o.cost]);
  }
  t.is(Math.min(...options.map((o) => o.cost)), 0);
  // Least of all: one snapshot of each loop and one tape.
  t.true(Math.min(...options.map((o) => o.inside)) <= 30 + 2 + 10 + 20 + 10);
});

test("schedules that are wrong do not pass", (t) => {
  const wrong = (actions: Parameters<typeof carryOut>[1]): void => { t.throws(() => carryOut(unit(2), actions), { message: /loop schedule/ }); };
  wrong([{ do: "advance", from: 0, to: 2 }, { do: "turn" }, { do: "restore", at: 0, free: true }]);
  wrong([{ do: "tape", step: 0 }, { do: "tape", step: 1 }, { do: "turn" }, { do: "reverse", step: 0 }]);
  wrong([{ do: "tape", step: 0 }, { do: "tape", step: 1 }, { do: "turn" }, { do: "reverse", step: 1 }]);
  wrong([{ do: "snapshot", at: 0 }, { do: "tape", step: 0 }, { do: "tape", step: 1 }, { do: "turn" }, { do: "reverse", step: 1 }, { do: "reverse", step: 0 }]);
});

test("tapes that leave the device: two groups of rows, every step recorded once and back before it is reversed", (t) => {
  for (const [steps, group] of [[3, 1], [4, 1], [7, 2], [8, 2], [9, 4], [30, 7], [100, 16]] as const) {
    const actions = [...awayActions(steps, group)], s = carryOut(unit(steps, { tape: 5 }), actions);
    t.like(s, { advanced: 0, extra: 0, copies: 0, away: steps, heldApart: 10 * group, insideApart: 10 * group });
    t.true(s.peak <= 10 * group);
    // Nothing that it waits for may be left out, but for what the turn waits for anyhow, and nothing may come later.
    actions.forEach((a, i) => {
      if (a.do === "wait" || a.do === "fetch" || a.do === "send") t.throws(() => carryOut(unit(steps, { tape: 5 }), actions.filter((_, k) => k !== i)), undefined, `${steps} steps, ${group} together, without action ${i}`);
    });
  }
});

test("tapes that leave the device cost what no work covers, and the host must have room for all of them", (t) => {
  const shape = unit(20, { tape: 100, taped: 3 }), moving = (n: number): number => 2 + 4 * n, options = awayOptions(shape, 6, moving, 2000);
  t.deepEqual(options.map((o) => [o.parameter, o.held, o.host]), [[1, 200, 2000], [2, 400, 2000], [4, 800, 2000], [8, 1600, 2000]]);
  // 20 copies of 6 beside steps of 3 and 6: each but the last one out is 3 late, and the first one back has nothing beside it.
  t.deepEqual(options.map((o) => o.cost), [12 + 19 * 3, 20 + 9 * 4, 36 + 4 * 6, 68 + 2 * 10]);
  t.deepEqual(options.map((o) => o.copies), [40, 20, 10, 6]);
  t.deepEqual(awayOptions(shape, 6, moving, 1999), []);
  t.deepEqual(awayOptions(unit(2, { tape: 1 }), 1, moving, 1e9), []);
});
