/**
 * Brings a forward graph into the form that reversal expects:
 * - arguments that the program changes become working copies, so that the caller's arrays stay as they are and every argument's initial
 *   value is available to the backward sweep for free;
 * - product reductions, and minima and maxima that are not plain reductions over a nest of loops, become sequential read-modify-write;
 * - operands of the remaining minima and maxima are stored, so that the tie mask compares the very values that were reduced;
 * - indices and loop bounds that are loaded from arrays which the program changes are recorded, one entry per iteration.
 */
import { DaceError } from "../base/errors.js";
import { input, op, type ScalarExpr } from "../scalar/expr.js";
import { bodiesOf, visitPaths, withBodies, type Path } from "../analysis/paths.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Loop, Memlet, Node, Parameter, Tasklet } from "../sdfg/nodes.js";
import { dependsOn, load, loadedContainers, mapAtoms, sub, sym, type Expr } from "../symbolic/expr.js";
import { upperBound, lowerBound } from "../symbolic/prove.js";
import { baseOf } from "./activity.js";
import { copyAll, Pool, tasklet } from "./names.js";

export interface Prepared {
  readonly body: readonly Node[];
  readonly parameters: readonly Parameter[];
  /** Working container of each changed argument → the container that holds its initial value. */
  readonly initial: ReadonlyMap<string, string>;
  /** Reduction nests of minima and maxima: id of the outermost reduction loop → the tasklet inside. */
  readonly extrema: ReadonlyMap<number, Tasklet>;
}

/** Containers (bases) that any node writes. */
export function writtenBases(graph: Graph, body: readonly Node[], into: Set<string> = new Set()): Set<string> {
  for (const n of body) {
    if (n.kind === "tasklet") into.add(baseOf(graph, n.output.data));
    else if (n.kind === "library") for (const o of n.outputs) into.add(baseOf(graph, o.data));
    else for (const b of bodiesOf(n)) writtenBases(graph, b.list, into);
  }
  return into;
}

export function prepare(graph: Graph, pool: Pool): Prepared {
  visitPaths(graph.body, (n) => { if (n.kind === "loop") pool.reserve([n.variable]); });
  pool.reserve(graph.symbols);
  let body = sequentialise(graph, pool, graph.body);
  body = recordLoads(graph, pool, body);
  const extrema = new Map<number, Tasklet>();
  visitPaths(body, (n, path) => {
    if (n.kind !== "tasklet" || (n.wcr !== "min" && n.wcr !== "max")) return;
    extrema.set(path[reductionStep(n, path)!]!.node.id, n);
  });

  const written = writtenBases(graph, body);
  const initial = new Map<string, string>();
  const copies: Node[] = [];
  const parameters = graph.parameters.map((p): Parameter => {
    if (p.kind !== "container") return p;
    const c = pool.containers.get(p.container)!;
    const base = c.view ? c.view.base : p.container;
    if (!written.has(base)) return p;
    let first = initial.get(base);
    if (first === undefined) {
      const b = pool.containers.get(base)!;
      first = pool.add(`${base}_in`, { ...b });
      pool.containers.set(base, { ...b, transient: true });
      initial.set(base, first);
      copies.push(copyAll(pool, base, first));
    }
    return { ...p, container: first };
  });
  return { body: [...copies, ...body], parameters, initial, extrema };
}

/** For a min/max reduction: the step of the outermost loop of its perfect nest over which the target does not move. */
function reductionStep(t: Tasklet, path: Path): number | undefined {
  let best: number | undefined;
  for (let i = path.length - 2; i >= 0; i--) {
    const n = path[i]!.node;
    if (n.kind !== "loop" || n.body.length !== 1 || t.output.index.some((e) => dependsOn(e, n.variable))) break;
    best = i;
  }
  return best;
}

function isPlainLoad(e: ScalarExpr): boolean { return e.kind === "input" || (e.kind === "cast" && isPlainLoad(e.arg)); }

/** Rewrites product reductions and irregular extrema; stores operands of regular extrema that are not plain loads. */
function sequentialise(graph: Graph, pool: Pool, body: readonly Node[]): readonly Node[] {
  const rewrite = new Map<number, "ordered" | "stored">();
  visitPaths(body, (n, path) => {
    if (n.kind !== "tasklet" || n.wcr === undefined || n.wcr === "sum") return;
    const step = n.wcr === "prod" ? undefined : reductionStep(n, path);
    if (step === undefined) {
      rewrite.set(n.id, "ordered");
      for (const s of path) if (s.node.kind === "loop" && s.node.order === "any" && !n.output.index.some((e) => dependsOn(e, (s.node as Loop).variable))) rewrite.set(s.node.id, "ordered");
    } else if (!isPlainLoad(n.code)) rewrite.set(path[step]!.node.id, "stored");
  });
  if (rewrite.size === 0) return body;
  const visit = (list: readonly Node[]): Node[] => list.flatMap((n): Node[] => {
    const how = rewrite.get(n.id);
    if (n.kind === "tasklet" && how === "ordered") {
      const k = n.inputs.length, dtype = pool.containers.get(n.output.data)!.dtype;
      const combine = n.wcr === "prod" ? "mul" : n.wcr === "min" ? "min" : "max";
      const { wcr: _, ...rest } = n;
      return [{ ...rest, inputs: [...n.inputs, n.output], code: op(combine, dtype, input(k, dtype), n.code) }];
    }
    if (n.kind === "loop" && how === "stored") return storeOperand(graph, pool, n);
    const next = withBodies(n, bodiesOf(n).map((b) => visit(b.list)));
    return [next.kind === "loop" && how === "ordered" ? { ...next, order: "up" } : next];
  });
  return visit(body);
}

/** Splits `for …: X max= e` into `for …: tmp[…] = e` and `for …: X max= tmp[…]`. */
function storeOperand(graph: Graph, pool: Pool, nest: Loop): Node[] {
  const loops: Loop[] = [nest];
  let leaf: Node = nest.body[0]!;
  while (leaf.kind === "loop") { loops.push(leaf); leaf = leaf.body[0]!; }
  const t = leaf as Tasklet;
  const tmp = pool.add(`${t.output.data}_operand`, { dtype: t.code.dtype, shape: loops.map((l, i) => extent(graph, loops.slice(0, i), l)), transient: true, role: "value" });
  const index = loops.map((l) => sub(sym(l.variable), lowest(graph, loops.slice(0, loops.indexOf(l)), l)));
  const again = loops.map((l) => ({ ...l, id: freshId(), variable: pool.variable(l.variable) }));
  const renamed = new Map(loops.map((l, i) => [l.variable, sym(again[i]!.variable)]));
  const fix = (e: Expr): Expr => mapAtoms(e, (a) => (a.kind === "symbol" ? renamed.get(a.name) : undefined));
  const rebuild = (ls: readonly Loop[], inner: Node): Node => ls.reduceRight<Node>((b, l) => ({ ...l, body: [b] }), inner);
  return [
    rebuild(loops.map((l) => ({ ...l, id: freshId() })), tasklet({ data: tmp, index }, t.code, t.inputs, undefined, t.loc)),
    rebuild(again.map((l) => ({ ...l, begin: fix(l.begin), end: fix(l.end) })), { ...t, code: input(0, t.code.dtype), inputs: [{ data: tmp, index: index.map(fix) }] }),
  ];
}

const ranges = (loops: readonly Loop[]): { variable: string; begin: Expr; end: Expr }[] => loops.map((l) => ({ variable: l.variable, begin: l.begin, end: l.end }));
function lowest(graph: Graph, outer: readonly Loop[], l: Loop): Expr {
  const e = lowerBound(l.begin, ranges(outer), graph.facts);
  if (!e) throw new DaceError("UNSUPPORTED", "the derivative of a loop whose bounds are not affine in the loops around it", l.loc ? { loc: l.loc } : {});
  return e;
}
function extent(graph: Graph, outer: readonly Loop[], l: Loop): Expr {
  const e = upperBound(l.end, ranges(outer), graph.facts);
  if (!e) throw new DaceError("UNSUPPORTED", "the derivative of a loop whose bounds are not affine in the loops around it", l.loc ? { loc: l.loc } : {});
  return sub(e, lowest(graph, outer, l));
}

/** Integers loaded from containers that the program changes: kept in arrays indexed by the loops around the use. */
function recordLoads(graph: Graph, pool: Pool, body: readonly Node[]): readonly Node[] {
  const written = writtenBases(graph, body);
  const changes = (e: Expr): boolean => [...loadedContainers(e)].some((d) => written.has(baseOf(graph, d)) && pool.containers.get(d)!.role !== "count");
  const visit = (list: readonly Node[], loops: readonly Loop[]): Node[] => list.flatMap((n): Node[] => {
    const before: Node[] = [];
    const done = new Map<string, Expr>();
    const record = (data: string, index: readonly Expr[], key: string): Expr => {
      const known = done.get(key);
      if (known) return known;
      const dtype = pool.containers.get(data)!.dtype;
      const kept = pool.add(`${data}_index`, { dtype, shape: loops.map((l, i) => extent(graph, loops.slice(0, i), l)), transient: true, role: "count" });
      const at = loops.map((l, i) => sub(sym(l.variable), lowest(graph, loops.slice(0, i), l)));
      before.push(tasklet({ data: kept, index: at }, input(0, dtype), [{ data, index }], undefined, n.loc));
      const e = load(kept, at);
      done.set(key, e);
      return e;
    };
    const fix = (e: Expr): Expr => (changes(e) ? mapAtoms(e, (a) => (a.kind === "load" && written.has(baseOf(graph, a.data)) ? record(a.data, a.index.map(fix), a.key) : undefined)) : e);
    const fixMemlet = (m: Memlet): Memlet => ({ ...m, index: m.index.map(fix) });
    let next: Node = n;
    if (n.kind === "tasklet") next = { ...n, inputs: n.inputs.map(fixMemlet), output: fixMemlet(n.output) };
    else if (n.kind === "loop") {
      const begin = fix(n.begin), end = fix(n.end);
      const l = { ...n, begin, end };
      next = { ...l, body: visit(n.body, [...loops, l]) };
    } else if (n.kind === "library") {
      const operand = <T extends { base: readonly Expr[]; sizes: readonly Expr[] }>(o: T): T => ({ ...o, base: o.base.map(fix), sizes: o.sizes.map(fix) });
      next = { ...n, inputs: n.inputs.map(operand), outputs: n.outputs.map(operand) };
    } else if (n.kind === "conditional") {
      next = { ...n, branches: n.branches.map((b) => ({ ...b, ...(b.condition ? { condition: { ...b.condition, inputs: b.condition.inputs.map(fixMemlet) } } : {}), body: visit(b.body, loops) })) };
    } else if (n.kind === "block") next = { ...n, body: visit(n.body, loops) };
    // Inside a while loop the iteration count is unknown: nothing is recorded there, and its derivative is refused anyway.
    return [...before, next];
  });
  return visit(body, []);
}

