/** Availability and dependence, judged by running random programs: what is claimed must hold in every execution. */
import test from "ava";
import fc from "fast-check";
import { Availability } from "../../ts/analysis/availability.js";
import { accessesOf, conditionFacts } from "../../ts/analysis/accesses.js";
import { Copies } from "../../ts/analysis/copies.js";
import { carriedBy, localsOf, loopFacts } from "../../ts/analysis/dependence.js";
import { loopExtent } from "../../ts/analysis/extent.js";
import { effectsOf } from "../../ts/analysis/order.js";
import { loopsOf, pathsOf, visitPaths } from "../../ts/analysis/paths.js";
import { exprsOf, mapNodes, rewriteNodes, substituteNodes, symbolsOf, visitNodes } from "../../ts/analysis/walk.js";
import { constant, input, op, symbolic } from "../../ts/scalar/expr.js";
import type { Loop, Memlet, Node, Tasklet } from "../../ts/sdfg/nodes.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import { graphText } from "../../ts/sdfg/text.js";
import { evaluate, int, sym } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { interpret } from "../support/interpret.js";
import { buildGraph, graphSpec } from "../support/random-graph.js";
import { Build, id, plus } from "../transform/build.js";
import { effort } from "../support/effort.js";

const finite = (b: ReturnType<typeof buildGraph>): boolean => { for (const [, x] of interpret(b.graph, b.sizes, b.inputs)) if (x.v.some((v, i) => x.set[i] && !Number.isFinite(v))) return false; return true; };

test("what is called available is still there at the end", (t) => {
  let claims = 0, reads = 0;
  fc.assert(fc.property(graphSpec({ control: true }), (spec) => {
    const b = buildGraph(spec), a = new Availability(b.graph), claimed = new Map<Memlet, number>();
    visitNodes(b.graph.body, (n) => { if (n.kind === "tasklet") for (const m of n.inputs) { reads++; if (a.available(m, { node: n.id, when: "before" })) claimed.set(m, n.id); } });
    claims += claimed.size;
    const seen: { m: Memlet; base: string; at: number; stamp: number }[] = [];
    interpret(b.graph, b.sizes, b.inputs, {
      onRead: (m, base, at, stamp) => { if (claimed.has(m)) seen.push({ m, base, at, stamp }); },
      onEnd: (last) => { for (const s of seen) t.is(last(s.base, s.at), s.stamp, `${s.m.data}[${s.m.index.map((e) => e.key).join(", ")}], element ${s.at}, read by ${claimed.get(s.m)}\n${graphText(b.graph)}`); },
    });
  }), { numRuns: effort(150, 600), seed: 4 });
  t.log(`${claims} of ${reads} reads are available`);
  t.true(claims > reads / 10);
});

test("what has not changed since the start is the initial value", (t) => {
  let claims = 0;
  fc.assert(fc.property(graphSpec({ control: true }), (spec) => {
    const b = buildGraph(spec), a = new Availability(b.graph), claimed = new Set<Memlet>();
    visitNodes(b.graph.body, (n) => { if (n.kind === "tasklet") for (const m of n.inputs) if (!b.graph.container(m.data).transient && !a.changedSinceStart(m, { node: n.id, when: "before" }, new Set())) claimed.add(m); });
    claims += claimed.size;
    interpret(b.graph, b.sizes, b.inputs, { onRead: (m, base, at, stamp) => { if (claimed.has(m)) t.is(stamp, 0, `${base}[${at}]\n${graphText(b.graph)}`); } });
  }), { numRuns: effort(100, 400), seed: 5 });
  t.true(claims > 300);
});

test("where a copy of a value is said to lie, it lies at the end", (t) => {
  let claims = 0, compared = 0;
  fc.assert(fc.property(graphSpec({ control: true, exits: true }), (spec) => {
    const b = buildGraph(spec), dtypeOf = (m: Memlet): string => b.graph.container(m.data).dtype;
    // Random programs move little: every other tasklet becomes a move of its first input.
    const moving = b.graph.with({ body: mapNodes(b.graph.body, (n) => {
      if (n.kind !== "tasklet" || n.id % 2 === 0 || n.wcr || n.inputs.length === 0) return n;
      const from = n.inputs[0]!, dtype = b.graph.container(from.data).dtype;
      return dtypeOf(n.output) === dtype && !n.output.guard && !from.guard ? { ...n, inputs: [from], code: input(0, dtype) } : n;
    }) });
    const copies = new Copies(new Availability(moving)), claimed = new Map<Memlet, Memlet>();
    visitNodes(moving.body, (n) => { if (n.kind === "tasklet") for (const m of n.inputs) { const c = copies.find(m, { node: n.id, when: "before" }); if (c) claimed.set(m, c); } });
    claims += claimed.size;
    const seen: { base: string; at: number; value: number; m: Memlet }[] = [];
    let end: ReturnType<typeof interpret>;
    // A loop that counted may not end any more.
    try { end = interpret(moving, b.sizes, b.inputs, { fuel: 20_000, races: false, onRead: (m, _base, _at, _stamp, { value, place }) => { const c = claimed.get(m); if (c && !Number.isNaN(value)) seen.push({ ...place(c), value, m }); } }); } catch { return; }
    compared += seen.length;
    for (const s of seen) { const v = end.get(s.base)!.v[s.at]; t.true(v === s.value || Number.isNaN(v), `${s.m.data}[${s.m.index.map((e) => e.key).join(", ")}] is not at ${s.base}[${s.at}]\n${graphText(moving)}`); }
  }), { numRuns: effort(100, 400), seed: 11 });
  t.log(`${claims} copies, ${compared} values`);
  t.true(claims > effort(20, 100) && compared > effort(20, 100));
});

test("loops without a carried dependence run in any order", (t) => {
  let free = 0, loops = 0;
  fc.assert(fc.property(graphSpec(), (spec) => {
    const b = buildGraph(spec);
    if (!finite(b)) return;
    visitPaths(b.graph.body, (n, path) => {
      if (n.kind !== "loop") return;
      loops++;
      const facts = b.graph.facts.with(...loopsOf(path).flatMap(loopFacts));
      if (carriedBy(b.graph, n, facts)) return;
      free++;
      // The interpreter runs the map in a random order and looks for two iterations that meet.
      const map = b.graph.with({ body: mapNodes(b.graph.body, (x) => (x.id === n.id ? { ...x, order: "any" } as Loop : x)) });
      t.notThrows(() => interpret(map, b.sizes, b.inputs, { seed: spec.seed }), graphText(map));
    });
  }), { numRuns: effort(100, 400), seed: 6 });
  t.log(`${free} of ${loops} loops`);
  t.true(free > loops / 10);
});

test("extents hold every value of the variable", (t) => {
  let known = 0, all = 0;
  fc.assert(fc.property(graphSpec(), (spec) => {
    const b = buildGraph(spec), extents = new Map<string, { begin: number; end: number }>();
    visitPaths(b.graph.body, (n, path) => {
      if (n.kind !== "loop") return;
      all++;
      const e = loopExtent(loopsOf(path), n, (d) => b.graph.container(d).shape, b.graph.facts);
      if (!e) return;
      known++;
      const env = new Map(Object.entries(b.sizes)), begin = evaluate(e.begin, env);
      extents.set(n.variable, { begin, end: begin + evaluate(e.size, env) });
    });
    // A tasklet at the head of each loop reads a container indexed by the variable, which must be in bounds.
    const containers = new Map(b.graph.containers);
    for (const [v, e] of extents) containers.set(`in_${v}`, { name: `in_${v}`, dtype: "float64", shape: [int(Math.max(0, e.end - e.begin))], transient: false });
    const probe = (l: Loop): Node => ({ kind: "tasklet", id: -1, inputs: [], output: { data: `in_${l.variable}`, index: [parseExpr(`${l.variable} - (${extents.get(l.variable)!.begin})`)] }, code: constant(1, "float64") });
    const probed = b.graph.with({ containers, body: mapNodes(b.graph.body, (n) => (n.kind === "loop" && extents.has(n.variable) ? { ...n, body: [probe(n), ...n.body] } : n)) });
    t.notThrows(() => interpret(probed, b.sizes, b.inputs), graphText(b.graph));
  }), { numRuns: effort(75, 300), seed: 7 });
  t.log(`${known} of ${all}`);
  t.true(known > all * 0.9);
});

test("accesses: order, guards, conditions, operands", (t) => {
  const b = new Build("N").data("A", "N").data("B", "N");
  b.containers.set("k", { name: "k", dtype: "int64", shape: [sym("N")], transient: false });
  b.loop("i", "0", "k[0]", "up", () => b.push({ kind: "conditional", id: 7, branches: [{ condition: { inputs: [], code: op("lt", "bool", symbolic(sym("i")), constant(3, "int64")) }, body: b.apart(() => b.set("A[k[i]]", ["B[i]"], id, "sum")) }, { body: b.apart(() => b.set("A[i]", ["A[i]"], id)) }] }));
  const as = accessesOf(b.graph(), b.graph().body);
  t.deepEqual(as.map((a) => `${a.write ? "w" : "r"} ${a.data}[${a.index.map((e) => e.key).join()}]${a.conditional ? "?" : ""} ${a.guard.map((g) => g.key).join(" ")}`.trim()), [
    "r k[0]", "r B[i]? -1*i + 2", "r k[i]? -1*i + 2", "w A[k[i]]? -1*i + 2", "r A[i]? i + -3", "w A[i]? i + -3",
  ]);
  t.deepEqual(conditionFacts(op("and", "bool", op("ge", "bool", symbolic(sym("i")), constant(1, "int64")), op("ne", "bool", symbolic(sym("i")), constant(2, "int64")))).map((e) => e.key), ["i + -1"]);
  t.deepEqual(conditionFacts(op("lt", "bool", symbolic(parseExpr("k[0]")), constant(1, "int64"))), [], "loaded integers are no facts");
});

test("walking and rewriting", (t) => {
  const b = new Build("N").data("A", "N").temp("s");
  b.loop("i", "0", "N", "up", () => { b.set("s", ["A[i]"], id); b.loop("j", "0", "i", "up", () => b.set("A[j]", ["s", "A[j]"], plus)); }, ["s"]);
  const g = b.graph();
  t.deepEqual([...symbolsOf(g.body)].sort(), ["N", "i", "j"]);
  t.deepEqual([...localsOf(g.body).keys()], ["s"]);
  t.deepEqual([...pathsOf(g.body).values()].map((p) => p.length), [1, 2, 2, 3]);
  const renamed = rewriteNodes(g.body, { name: (d) => (d === "A" ? "Z" : d), fresh: true });
  let reads = 0;
  visitNodes(renamed, (n) => { if (n.kind === "tasklet") for (const m of [...n.inputs, n.output]) { t.not(m.data, "A"); reads++; } });
  t.is(reads, 5);
  const inner = (g.body[0] as Loop).body, at3 = substituteNodes(inner, new Map([["i", int(3)]]));
  t.is((at3[0] as Tasklet).inputs[0]!.index[0]!.key, "3");
  t.deepEqual(exprsOf(at3[1]!).map((e) => e.key), ["0", "3"]);
  t.is(mapNodes(g.body, (n) => n), g.body, "nothing changed: the same list");
});

test("what is remembered of a node is what its accesses say, also after views change", (t) => {
  const check = (graph: Graph): void => visitNodes(graph.body, (n) => {
    const all = accessesOf(graph, [n, n]).slice(0, accessesOf(graph, [n]).length), e = effectsOf(graph, n);
    t.deepEqual(accessesOf(graph, [n]).map((a) => [a.base, a.index.map((x) => x.key), a.write]), all.map((a) => [a.base, a.index.map((x) => x.key), a.write]));
    t.deepEqual([...e.reads].sort(), [...new Set(all.filter((a) => !a.write || a.wcr).map((a) => a.base))].sort());
    t.deepEqual([...e.writes].sort(), [...new Set(all.filter((a) => a.write).map((a) => a.base))].sort());
    t.is(accessesOf(graph, [n]), accessesOf(graph, [n]));
  });
  fc.assert(fc.property(graphSpec({ control: true }), (spec) => {
    const { graph } = buildGraph(spec);
    check(graph);
    // The same nodes where another container has become a view: names mean something else.
    const names = [...graph.containers].filter(([, c]) => !c.view && c.shape.length > 0).map(([name]) => name);
    if (names.length < 2) return;
    const [a, b] = names as [string, string], containers = new Map(graph.containers);
    containers.set(a, { ...graph.container(a), view: { base: b, offset: int(0) } });
    check(graph.with({ containers }));
    check(graph);
  }), { numRuns: effort(37, 150) });
});
