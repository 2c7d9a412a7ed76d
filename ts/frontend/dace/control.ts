/** Control flow: structured items of a region → loops, conditionals, blocks and exits; symbols that are assigned between states. */
import { DaceError } from "../../base/errors.js";
import { isFloat, isDType, type DType } from "../../base/dtypes.js";
import { constant, type ScalarExpr } from "../../scalar/expr.js";
import type { Assignment, Block, LoopBlock, Region } from "../../sdfg/dace/model.js";
import { namesIn, node, nodes, parseExpression, parseStatements, textOf, type PyNode } from "../../sdfg/dace/python.js";
import { asBool, ScalarReader, type Value } from "../../sdfg/dace/scalars.js";
import { count, integerOf } from "../../sdfg/dace/integers.js";
import { structured, type Item } from "../../sdfg/dace/structure.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { Branch, Node } from "../../sdfg/nodes.js";
import { add, addInt, freeSymbols, int, loadedContainers, max, mul, neg, sub, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { isLessEqual, isPositive } from "../../symbolic/prove.js";
import { Restart, type Binding, type Instance, type Lowering } from "./context.js";
import { lowerState, mapOver } from "./state.js";
import { writtenIn } from "./written.js";

export function lowerRegion(l: Lowering, inst: Instance, region: Region): void { lowerItems(l, inst, structured(region)); }

function lowerItems(l: Lowering, inst: Instance, items: readonly Item[]): void { for (const i of items) lowerItem(l, inst, i); }

function lowerItem(l: Lowering, inst: Instance, item: Item): void {
  switch (item.kind) {
    case "block": lowerBlock(l, inst, item.block); break;
    case "assign": assignAll(l, inst, item.assignments); break;
    case "if": lowerBranches(l, inst, assignedIn([item]), item.branches.map((b) => ({ condition: b.condition, run: () => { lowerItems(l, inst, b.body); } }))); break;
    case "loop": lowerRepeat(l, inst, item); break;
  }
}

function lowerBlock(l: Lowering, inst: Instance, b: Exclude<Block, Region>): void {
  switch (b.kind) {
    case "state": lowerState(l, inst, b); break;
    case "loop": lowerLoop(l, inst, b); break;
    case "conditional": lowerBranches(l, inst, assignedIn([{ kind: "block", block: b }]), b.branches.map((x) => ({ condition: x.condition, run: () => { lowerRegion(l, inst, x.body); } }))); break;
    case "map": mapOver(l, inst, b, undefined, () => { lowerRegion(l, inst, b.body); }); break;
    case "return": leave(l, inst.returnLabel); break;
    case "break": case "continue": {
      const at = l.labels.at(-1) ?? l.refuse(`the block ${b.label}: ${b.kind} outside of a loop`);
      leave(l, b.kind === "break" ? at.exit : at.next);
      break;
    }
  }
}
function leave(l: Lowering, label: string): void { l.usedLabels.add(label); l.body.push({ kind: "exit", id: freshId(), label }); }
/** Wraps what `f` emits in a block, if something inside leaves it. */
export function block(l: Lowering, label: string, f: () => void): void {
  const body = l.region(f);
  if (l.usedLabels.has(label)) l.body.push({ kind: "block", id: freshId(), label, body }); else l.body.push(...body);
}

// ---- symbols ----

const reader = (l: Lowering, inst: Instance, where: string): ScalarReader => new ScalarReader(l.scalars(inst, where));
function evaluate(l: Lowering, inst: Instance, n: PyNode, where: string): Value {
  const e = integerOf(n, l.integers(inst)), v = reader(l, inst, where).value(n);
  // The symbolic reading of N/2 and the like is exact where the other one would round.
  return e ? { ...v, int: v.int ?? e } : v;
}

export function evaluateText(l: Lowering, inst: Instance, text: string, where: string): Value { return evaluate(l, inst, parseExpression(text), where); }

export function assignAll(l: Lowering, inst: Instance, assignments: readonly Assignment[]): void {
  const values = assignments.map((a) => ({ symbol: a.symbol, value: evaluate(l, inst, parseExpression(a.value), `the assignment of ${a.symbol} in the SDFG ${inst.sdfg.name}`) }));
  if (values.length > 1 && values.some((a) => cellName(l, inst, a.symbol, a.value) !== undefined)) {
    // Cells change as they are written: right-hand sides that read others' cells are taken first.
    const held = values.map((a) => ({ ...a, value: hold(l, a.value) }));
    for (const a of held) assign(l, inst, a.symbol, a.value);
  } else for (const a of values) assign(l, inst, a.symbol, a.value);
}
function hold(l: Lowering, v: Value): Value {
  if (l.readsOf(v.code).size === 0) return v;
  const name = l.local("held", v.code.dtype);
  l.store({ data: name, index: [] }, v.code);
  return { ...l.readMemlet({ data: name, index: [] }), ...(v.int && stable(l, v.int) ? { int: v.int } : {}) };
}

/** Loaded values in it come from containers that never change. */
function stable(l: Lowering, e: Expr): boolean { return [...loadedContainers(e)].every((d) => l.freeze(d)); }

function dtypeOf(inst: Instance, symbol: string, v: Value): DType {
  const declared = inst.sdfg.symbols.get(symbol);
  return declared !== undefined && isDType(declared) ? declared : v.code.dtype;
}
/** The scalar in which a symbol is kept, if it must be: it is not a stable integer, or several assignments reach a use. */
function cellName(l: Lowering, inst: Instance, symbol: string, v: Value): string | undefined {
  const key = `${inst.path}:${symbol}`;
  if (!l.learnt.cells.has(key)) {
    if (v.int && !isFloat(dtypeOf(inst, symbol, v)) && stable(l, v.int)) return undefined;
    // Earlier assignments of this pass went elsewhere.
    l.learnt.cells.add(key);
    throw new Restart();
  }
  return key;
}
export function assign(l: Lowering, inst: Instance, symbol: string, v: Value): void {
  if (cellName(l, inst, symbol, v) === undefined) { inst.env.set(symbol, { kind: "int", expr: v.int! }); return; }
  const known = inst.env.get(symbol);
  const container = known?.kind === "cell" ? known.container : cellOf(l, inst, symbol, v);
  l.store({ data: container, index: [] }, v.code);
  inst.env.set(symbol, { kind: "cell", container });
}
function cellOf(l: Lowering, inst: Instance, symbol: string, v: Value): string {
  const key = `${inst.path}:${symbol}`, made = l.cells.get(key);
  if (made !== undefined) return made;
  const dtype = dtypeOf(inst, symbol, v);
  const c = l.addContainer({ name: l.unique(symbol), dtype: isFloat(dtype) || dtype.startsWith("complex") || dtype === "bool" ? dtype : "int64", shape: [], transient: true, label: symbol });
  if (inst.home) { inst.home.locals.push(c.name); l.homed.add(c.name); }
  l.cells.set(key, c.name);
  return c.name;
}

/** Symbols that a piece of control flow assigns. */
function assignedIn(items: readonly Item[], into: Set<string> = new Set()): Set<string> {
  const region = (r: Region): void => { for (const e of r.edges) for (const a of e.assignments) into.add(a.symbol); r.blocks.forEach(each); };
  const each = (b: Block): void => {
    switch (b.kind) {
      case "region": region(b); break;
      case "loop":
        for (const code of [b.init, b.update]) for (const s of code === undefined ? [] : statements(code, b.label)) into.add(s.symbol);
        region(b.body);
        break;
      case "conditional": for (const x of b.branches) region(x.body); break;
      case "map": region(b.body); break;
      default: break;
    }
  };
  for (const i of items) {
    if (i.kind === "block") each(i.block);
    else if (i.kind === "assign") for (const a of i.assignments) into.add(a.symbol);
    else if (i.kind === "if") for (const b of i.branches) assignedIn(b.body, into);
    else { assignedIn(i.head, into); assignedIn(i.body, into); for (const a of i.update) into.add(a.symbol); }
  }
  return into;
}
/** From here on a symbol's value depends on which way the program went. */
function blur(l: Lowering, inst: Instance, symbols: Iterable<string>): void {
  for (const s of symbols) {
    const cell = l.cells.get(`${inst.path}:${s}`);
    inst.env.set(s, cell !== undefined ? { kind: "cell", container: cell } : { kind: "stale" });
  }
}
/** Before a region that may change symbols kept in cells: the cells hold the values of now. */
function settle(l: Lowering, inst: Instance, symbols: Iterable<string>): void {
  for (const s of symbols) {
    if (!l.learnt.cells.has(`${inst.path}:${s}`)) continue;
    const b = inst.env.get(s);
    if (b?.kind === "int") assign(l, inst, s, { code: { kind: "symbolic", dtype: "int64", expr: b.expr }, int: b.expr });
    else if (b?.kind === undefined) { const c = cellOf(l, inst, s, { code: constant(0, "int64") }); inst.env.set(s, { kind: "cell", container: c }); }
  }
}

// ---- conditionals ----

function conditionOf(l: Lowering, inst: Instance, text: string, where: string): ScalarExpr {
  const body = parseStatements(text.trim());
  const n = body.length === 1 && body[0]!.nodeType === "Expr" ? node(body[0]!["value"]) : parseExpression(text);
  return asBool(reader(l, inst, where).value(n));
}

function lowerBranches(l: Lowering, inst: Instance, changed: ReadonlySet<string>, branches: readonly { readonly condition: string | undefined; readonly run: () => void }[]): void {
  const conditions = branches.map((b) => (b.condition === undefined ? undefined : conditionOf(l, inst, b.condition, `a condition of the SDFG ${inst.sdfg.name}`)));
  settle(l, inst, changed);
  const before = inst.env, known = l.known, out: Branch[] = [], ends: Map<string, Binding>[] = [], survivors: Map<string, Expr>[] = [];
  for (const [k, b] of branches.entries()) {
    inst.env = new Map(before);
    l.known = new Map(known);
    const body = l.region(b.run);
    survivors.push(l.known);
    out.push({ ...(conditions[k] ? { condition: l.condition(conditions[k]) } : {}), body });
    // An arm that leaves does not reach what follows.
    if (!endsWithExit(body)) ends.push(inst.env);
  }
  if (branches.at(-1)!.condition !== undefined) ends.push(before);
  l.known = new Map([...known].filter(([c, e]) => survivors.every((m) => m.get(c)?.key === e.key)));
  const all = new Set(ends.flatMap((e) => [...e.keys()]));
  inst.env = new Map(ends[0] ?? before);
  for (const s of all) if (!ends.every((e) => bindingKey(e.get(s)) === bindingKey(ends[0]!.get(s)))) blur(l, inst, [s]);
  if (out.some((b) => b.body.length > 0)) l.emit({ kind: "conditional", id: freshId(), branches: out });
}
function bindingKey(b: Binding | undefined): string { return b === undefined ? "" : b.kind === "int" ? `= ${b.expr.key}` : b.kind === "cell" ? `cell ${b.container}` : "stale"; }
function endsWithExit(body: readonly Node[]): boolean { return body.at(-1)?.kind === "exit"; }

// ---- loops ----

function statements(code: string, where: string): { readonly symbol: string; readonly value: string; readonly node: PyNode }[] {
  return parseStatements(code).map((s) => {
    const targets = nodes(s["targets"]), t = s.nodeType === "Assign" && targets.length === 1 ? targets[0]! : s.nodeType === "AugAssign" ? node(s["target"]) : undefined;
    if (t?.nodeType !== "Name") throw new DaceError("UNSUPPORTED", `the loop ${where}: ${code} is not an assignment to a symbol`);
    const value: PyNode = s.nodeType === "Assign" ? node(s["value"]) : { nodeType: "BinOp", op: s["op"], left: { nodeType: "Name", id: t["id"] }, right: s["value"] };
    return { symbol: textOf(t["id"]), value: code, node: value };
  });
}

/** A counted loop: variable = first + step·t for t in [0, trips). */
interface Counted { readonly variable: string; readonly first: Expr; readonly step: Expr; readonly trips: Expr; /** The bound that stops it, exclusive, for steps of ±1 that test before the body. */ readonly bound?: Expr }

/**
 * Recognises `for (v = first; v <op> limit; v += step)`. The limit and the step must not change while the loop runs, and nothing else may assign v.
 */
function counted(l: Lowering, inst: Instance, variable: string, first: Expr, condition: string, update: PyNode, changed: ReadonlySet<string>, written: ReadonlySet<string>, test: "before" | "after" | "afterUpdate"): Counted | undefined {
  const c = parseExpression(condition);
  if (c.nodeType !== "Compare" || nodes(c["ops"]).length !== 1) return undefined;
  const ints = l.integers(inst), marker = sym("@v");
  const scope = { ...ints, name: (n: string) => (n === variable ? marker : ints.name(n)) };
  // Anything the loop changes must not take part.
  for (const n of [...namesIn(c), ...namesIn(update)]) if (n !== variable && (changed.has(n) || written.has(n))) return undefined;
  const left = integerOf(node(c["left"]), scope), right = integerOf(nodes(c["comparators"])[0]!, scope), next = integerOf(update, scope);
  if (!left || !right || !next) return undefined;
  const loads = new Set([left, right, next].flatMap((e) => [...loadedContainers(e)].map((d) => l.bufferOf(d))));
  if (loads.size > 0) for (const n of written) {
    const r = inst.refs.get(n);
    if (inst.sdfg.arrays.get(n)?.kind === "view" || (r && loads.has(l.bufferOf(r.container)))) return undefined;
  }
  const step = sub(next, marker);
  if (freeSymbols(step).has("@v")) return undefined;
  // condition as  difference < 0  with difference = ±v + …
  let op = nodes(c["ops"])[0]!.nodeType, d = sub(left, right);
  const k = coefficient(d);
  if (k !== 1 && k !== -1) return undefined;
  if (op === "Gt" || op === "GtE") { d = neg(d); op = op === "Gt" ? "Lt" : "LtE"; }
  if (op === "LtE") { d = addInt(d, -1); op = "Lt"; }
  const s = step.constant;
  if (op === "NotEq") {
    // Only a unit step towards the limit is sure to meet it.
    if (s !== 1 && s !== -1) return undefined;
    if (coefficient(d) !== s) d = neg(d);
    const limit = sub(sub(marker, scaleBy(d, s)), ZERO), gap = s === 1 ? sub(limit, first) : sub(first, limit);
    if (isLessEqual(ZERO, gap, l.facts) !== "yes") return undefined;
    op = "Lt";
  }
  if (op !== "Lt") return undefined;
  const sign = coefficient(d);
  if (s === undefined) {
    if (sign !== 1) return undefined;
    if (isPositive(step, l.facts) !== "yes" && !l.entryCheck("bounds", addInt(step, -1), `the step ${step.key} of the loop over ${variable} is not positive`)) return undefined;
  } else if (s === 0 || Math.sign(s) !== sign) return undefined;
  // sign·v + rest < 0
  const rest = sub(d, scaleBy(marker, sign));
  const limit = sign === 1 ? neg(rest) : rest;
  const before = s === 1 ? sub(limit, first) : s === -1 ? sub(first, limit) : sign === 1 ? countDiv(sub(limit, first), step) : countDiv(sub(first, limit), neg(step));
  const trips = test === "before" ? before : test === "after" ? addInt(max(before, ZERO), 1) : max(before, int(1));
  return { variable, first, step, trips, ...(test === "before" && (s === 1 || s === -1) ? { bound: limit } : {}) };
}
const scaleBy = (e: Expr, k: number): Expr => (k === 1 ? e : neg(e));
/** ceil(a / step) for a positive step. */
function countDiv(a: Expr, step: Expr): Expr { return count(ZERO, addInt(a, -1), step); }
function coefficient(e: Expr): number | undefined {
  let k: number | undefined = 0;
  for (const t of e.terms) {
    const has = t.atoms.some((a) => a.key.includes("@v"));
    if (!has) continue;
    if (t.atoms.length !== 1 || t.atoms[0]!.kind !== "symbol" || k !== 0) return undefined;
    k = t.coefficient;
  }
  return k;
}

function lowerLoop(l: Lowering, inst: Instance, b: LoopBlock): void {
  const init = b.init === undefined ? [] : statements(b.init, b.label), update = b.update === undefined ? [] : statements(b.update, b.label);
  const items = structured(b.body);
  const run = (): void => { lowerItems(l, inst, items); };
  for (const s of init) assign(l, inst, s.symbol, evaluate(l, inst, s.node, `the loop ${b.label}`));
  const changed = assignedIn(items), written = writtenIn(b.body);
  const test = !b.inverted ? "before" : b.updateBeforeCondition ? "afterUpdate" : "after";
  const only = update.length === 1 ? update[0]! : undefined;
  if (only && !changed.has(only.symbol)) {
    const first = inst.env.get(only.symbol) ?? undefined;
    if (first?.kind === "int") {
      const c = counted(l, inst, only.symbol, first.expr, b.condition, only.node, changed, written, test);
      if (c) { emitCounted(l, inst, c, changed, run); return; }
    } else if (first?.kind === "cell") {
      // The counter lives in a scalar because something after the loop uses it; its first value is still a plain one.
      const start = init.length === 1 ? integerOf(init[0]!.node, l.integers(inst)) : undefined;
      const c = start && counted(l, inst, only.symbol, start, b.condition, only.node, changed, written, test);
      if (c) { emitCounted(l, inst, c, changed, run); return; }
    }
  }
  const all = new Set([...changed, ...update.map((s) => s.symbol)]);
  emitWhile(l, inst, all, b.condition, test, b.label, run, () => { for (const s of update) assign(l, inst, s.symbol, evaluate(l, inst, s.node, `the loop ${b.label}`)); });
}

/** Loops found in state machines. */
function lowerRepeat(l: Lowering, inst: Instance, item: Item & { readonly kind: "loop" }): void {
  const changed = assignedIn([...item.head, ...item.body]), head = item.head, only = item.update.length === 1 ? item.update[0]! : undefined;
  const written = new Set<string>(); writtenItems(item, written);
  const update = (): void => { assignAll(l, inst, item.update); };
  const label = "loop";
  if (head.length === 0) {
    const first = only && !changed.has(only.symbol) ? inst.env.get(only.symbol) : undefined;
    if (only && first?.kind === "int") {
      const c = counted(l, inst, only.symbol, first.expr, item.condition, parseExpression(only.value), changed, written, "before");
      if (c) { emitCounted(l, inst, c, changed, () => { lowerItems(l, inst, item.body); }); return; }
    }
    emitWhile(l, inst, new Set([...changed, ...item.update.map((a) => a.symbol)]), item.condition, "before", label, () => { lowerItems(l, inst, item.body); }, update);
    return;
  }
  const all = new Set([...changed, ...item.update.map((a) => a.symbol)]);
  if (item.body.length === 0) { emitWhile(l, inst, all, item.condition, "after", label, () => { lowerItems(l, inst, head); }, update); return; }
  // head; test; body: the test stands in the middle.
  const exit = l.unique("leave");
  l.usedLabels.add(exit);
  const inner = l.region(() => {
    emitWhile(l, inst, all, "True", "before", label, () => {
      lowerItems(l, inst, head);
      const c = conditionOf(l, inst, item.condition, "a loop");
      l.emit({ kind: "conditional", id: freshId(), branches: [{ condition: l.condition(c), body: [] }, { body: [{ kind: "exit", id: freshId(), label: exit }] }] });
      lowerItems(l, inst, item.body);
    }, update);
  });
  l.body.push({ kind: "block", id: freshId(), label: exit, body: inner });
}
function writtenItems(item: Item, into: Set<string>): void {
  switch (item.kind) {
    case "block": writtenIn(item.block, into); break;
    case "if": for (const b of item.branches) for (const i of b.body) writtenItems(i, into); break;
    case "loop": for (const i of [...item.head, ...item.body]) writtenItems(i, into); break;
    case "assign": break;
  }
}


function emitCounted(l: Lowering, inst: Instance, c: Counted, changed: ReadonlySet<string>, run: () => void): void {
  settle(l, inst, [...changed]);
  blur(l, inst, changed);
  const kept = l.learnt.cells.has(`${inst.path}:${c.variable}`), cell = kept ? cellOf(l, inst, c.variable, { code: constant(0, "int64") }) : undefined;
  const s = c.step.constant, exit = l.unique("break");
  const emitLoop = (): void => {
    const body = (v: Expr): void => {
      const value = c.bound ? v : add(c.first, mul(c.step, v));
      inst.env.set(c.variable, { kind: "int", expr: value });
      if (cell !== undefined) l.store({ data: cell, index: [] }, { kind: "symbolic", dtype: "int64", expr: value });
      const at = { exit, next: l.unique("continue") };
      l.labels.push(at);
      block(l, at.next, run);
      l.labels.pop();
    };
    if (c.bound && s === 1) l.loop(c.variable, c.first, c.bound, "up", body);
    else if (c.bound && s === -1) l.loop(c.variable, addInt(c.bound, 1), addInt(c.first, 1), "down", body);
    else l.loop(c.variable, ZERO, c.trips, "up", body);
  };
  block(l, exit, emitLoop);
  const breaks = l.usedLabels.has(exit);
  blur(l, inst, changed);
  // DaCe's counter keeps its last value: first + step · trips.
  const last = add(c.first, mul(c.step, max(c.trips, ZERO)));
  if (cell !== undefined) { if (!breaks) l.store({ data: cell, index: [] }, { kind: "symbolic", dtype: "int64", expr: last }); inst.env.set(c.variable, { kind: "cell", container: cell }); }
  else if (breaks || loadedContainers(last).size > 0) inst.env.set(c.variable, { kind: "stale" });
  else inst.env.set(c.variable, { kind: "int", expr: last });
}

function emitWhile(l: Lowering, inst: Instance, changed: ReadonlySet<string>, condition: string, test: "before" | "after" | "afterUpdate", label: string, run: () => void, update: () => void): void {
  settle(l, inst, changed);
  // A symbol that is assigned before it is used in each iteration needs no cell; one that is carried gets one when it is read.
  blur(l, inst, changed);
  l.known = new Map();
  const exit = l.unique("break"), counter = l.unique("iteration");
  block(l, exit, () => {
    const head = (): ReturnType<typeof l.condition> => l.condition(conditionOf(l, inst, condition, `the loop ${label}`));
    // The condition sees what the previous iteration left.
    const before = test === "before" ? head() : undefined;
    let after: ReturnType<typeof l.condition> | undefined;
    const body = l.region(() => {
      const at = { exit, next: l.unique("continue") };
      l.labels.push(at);
      block(l, at.next, run);
      l.labels.pop();
      if (test === "after") {
        const c = head();
        l.usedLabels.add(exit);
        l.body.push({ kind: "conditional", id: freshId(), branches: [{ condition: c, body: [] }, { body: [{ kind: "exit", id: freshId(), label: exit }] }] });
      }
      update();
      if (test === "afterUpdate") after = head();
    });
    const always = { inputs: [], code: constant(true, "bool") };
    l.emit({ kind: "while", id: freshId(), condition: test === "before" ? before! : after ?? always, testAfter: test === "afterUpdate", counter, body });
  });
  l.known = new Map();
  blur(l, inst, changed);
}
