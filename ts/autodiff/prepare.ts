/**
 * Brings a forward graph into the form that reversal expects:
 * - arguments that the program changes become working copies, so that the caller's arrays stay as they are and every argument's initial
 *   value is available to the backward sweep for free;
 * - product reductions, and minima and maxima that are not plain reductions over a nest of loops, become sequential read-modify-write;
 * - operands of the remaining minima and maxima are stored, so that the tie mask compares the very values that were reduced;
 * - indices, loop bounds and conditions' indices that are loaded from arrays which the program changes, and that the backward sweep uses again, are recorded,
 *   one entry per iteration.
 */
import type { DType } from "../base/dtypes.js";
import { cast, input, mapScalar, op, visitScalar, type ScalarExpr } from "../scalar/expr.js";
import { clamped, loopExtent, type Extent } from "../analysis/extent.js";
import { aroundOf, bodiesOf, loopsOf, visitPaths, withBodies, type Around, type Path } from "../analysis/paths.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Condition, Container, Loop, Memlet, Node, Parameter, Tasklet } from "../sdfg/nodes.js";
import { accessesOf } from "../analysis/accesses.js";
import { loopFacts, mayMeet, type Relation } from "../analysis/dependence.js";
import { dependsOn, load, loadedContainers, mapAtoms, sub, substitute, sym, type Expr } from "../symbolic/expr.js";
import type { Iterations } from "./iterations.js";
import { copyAll, tasklet, type Pool } from "./names.js";

export interface Prepared {
  readonly body: readonly Node[];
  readonly parameters: readonly Parameter[];
  /** Working container of each changed argument → the container that holds its initial value. */
  readonly initial: ReadonlyMap<string, string>;
  /** Reduction nests of minima and maxima: id of the outermost reduction loop → the tasklet inside. */
  readonly extrema: ReadonlyMap<number, Tasklet>;
}

interface Containers { readonly containers: ReadonlyMap<string, Container> }
const owner = (of: Containers, data: string): string => of.containers.get(data)!.view?.base ?? data;

/** Containers (bases) that any node writes. */
export function writtenBases(of: Containers, body: readonly Node[], into: Set<string> = new Set()): Set<string> {
  for (const n of body) {
    if (n.kind === "tasklet") into.add(owner(of, n.output.data));
    else if (n.kind === "library") for (const o of n.outputs) into.add(owner(of, o.data));
    else for (const b of bodiesOf(n)) writtenBases(of, b.list, into);
  }
  return into;
}

/** `active`: what is differentiated. */
export function prepare(graph: Graph, pool: Pool, active: ReadonlySet<string>, iterations: Iterations): Prepared {
  pool.reserveAll(graph);
  let body = iterations.insert(recordLoads(pool, graph.body, active, iterations));
  body = sequentialise(graph, pool, body);
  const extrema = new Map<number, Tasklet>();
  visitPaths(body, (n, path) => {
    if (n.kind === "tasklet" && (n.wcr === "min" || n.wcr === "max")) extrema.set(path[reductionStep(n, path)!]!.node.id, n);
  });

  const written = writtenBases(pool, body);
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

/** The input that a tasklet passes on unchanged but for the conversion to the dtype of what it writes. */
export function plainLoad(e: ScalarExpr, dtype: DType): number | undefined {
  return e.kind === "input" ? e.index : e.kind === "cast" && e.dtype === dtype && e.arg.kind === "input" ? e.arg.index : undefined;
}

/** Rewrites product reductions and irregular extrema; stores operands of regular extrema that are not plain loads. */
function sequentialise(graph: Graph, pool: Pool, body: readonly Node[]): readonly Node[] {
  const rewrite = new Map<number, "ordered" | readonly Node[]>(), privates = new Map<number, string[]>();
  const whole = graph.with({ body, containers: new Map(pool.containers) });
  visitPaths(body, (n, path) => {
    if (n.kind !== "tasklet" || n.wcr === undefined || n.wcr === "sum") return;
    const base = owner(pool, n.output.data);
    const step = n.wcr === "prod" || n.inputs.some((m) => owner(pool, m.data) === base) ? undefined : reductionStep(n, path);
    // What is there is read, before each tasklet or before each nest of reduction loops: the order matters wherever two iterations may meet.
    const order = (from: Path): void => {
      from.forEach(({ node: l }, i) => {
        if (l.kind !== "loop" || l.order !== "any" || l.locals?.includes(base)) return;
        const touching = accessesOf(whole, [l]).filter((a) => a.base === base), facts = graph.facts.with(...loopsOf(from.slice(0, i + 1)).flatMap(loopFacts));
        const later = new Map<string, Relation>([[l.variable, "<"]]);
        if (touching.some((a) => touching.some((b) => (a.write || b.write) && mayMeet(whole, a, b, later, facts)))) rewrite.set(l.id, "ordered");
      });
    };
    if (step !== undefined) {
      const nest = path[step]!.node as Loop, at = plainLoad(n.code, pool.containers.get(n.output.data)!.dtype);
      const plain = at !== undefined && !n.inputs[at]!.guard?.length, outer = loopsOf(path.slice(0, step + 1));
      const stored = plain ? undefined : storeOperand(graph, pool, nest, aroundOf(path.slice(0, step + 1)));
      if (plain || stored) {
        order(path.slice(0, step));
        if (!stored) return;
        rewrite.set(nest.id, stored.nodes);
        const owned = outer.at(-1);
        if (owned) privates.set(owned.id, [...(privates.get(owned.id) ?? []), stored.data]);
        return;
      }
    }
    rewrite.set(n.id, "ordered");
    order(path);
  });
  if (rewrite.size === 0) return body;
  const visit = (list: readonly Node[]): Node[] => list.flatMap((n): readonly Node[] => {
    const how = rewrite.get(n.id);
    if (how && how !== "ordered") return how;
    if (n.kind === "tasklet" && how) {
      const k = n.inputs.length, dtype = pool.containers.get(n.output.data)!.dtype;
      const combine = n.wcr === "prod" ? "mul" : n.wcr === "min" ? "min" : "max";
      const { wcr: _, ...rest } = n;
      return [{ ...rest, inputs: [...n.inputs, n.output], code: op(combine, dtype, input(k, dtype), cast(n.code, dtype)) }];
    }
    const next = withBodies(n, bodiesOf(n).map((b) => visit(b.list)));
    if (next.kind !== "loop") return [next];
    const own = privates.get(n.id);
    return [{ ...next, ...(how ? { order: "up" as const } : {}), ...(own ? { locals: [...(next.locals ?? []), ...own] } : {}) }];
  });
  return visit(body);
}

/** Splits `for …: X max= e` into `for …: tmp[…] = e` and `for …: X max= tmp[…]`; undefined where the loops' lengths cannot be bounded. */
function storeOperand(graph: Graph, pool: Pool, nest: Loop, outer: readonly Around[]): { readonly data: string; readonly nodes: readonly Node[] } | undefined {
  const loops: Loop[] = [nest];
  let leaf: Node = nest.body[0]!;
  while (leaf.kind === "loop") { loops.push(leaf); leaf = leaf.body[0]!; }
  const t = leaf as Tasklet;
  const extents = loops.map((l, i) => extentOf(graph, pool, [...outer, ...loops.slice(0, i)], l));
  if (!extents.every((e) => e !== undefined)) return undefined;
  const tmp = pool.add(`${t.output.data}_operand`, { dtype: t.code.dtype, shape: extents.map((e) => clamped(e.size, graph.facts)), transient: true, role: "value" });
  const index = loops.map((l, i) => sub(sym(l.variable), extents[i]!.begin));
  const again = loops.map((l) => ({ ...l, id: freshId(), variable: pool.variable(l.variable) }));
  const renamed = new Map(loops.map((l, i) => [l.variable, sym(again[i]!.variable)]));
  const fix = (e: Expr): Expr => substitute(e, renamed);
  const rebuild = (ls: readonly Loop[], inner: Node): Node => ls.reduceRight<Node>((b, l) => ({ ...l, body: [b] }), inner);
  return { data: tmp, nodes: [
    rebuild(loops.map((l) => ({ ...l, id: freshId() })), tasklet({ data: tmp, index }, t.code, t.inputs, undefined, t.loc)),
    rebuild(again.map((l) => ({ ...l, begin: fix(l.begin), end: fix(l.end) })), { ...t, code: input(0, t.code.dtype), inputs: [{ data: tmp, index: index.map(fix) }] }),
  ] };
}

const extentOf = (graph: Graph, pool: Pool, outer: readonly Around[], l: Loop): Extent | undefined => loopExtent(outer, l, (d) => pool.containers.get(d)!.shape, graph.facts);
/** Does the backward sweep visit the node: does anything in it write what is differentiated? */
export function writesActive(of: Containers, n: Node, active: ReadonlySet<string>): boolean {
  if (n.kind === "tasklet") return active.has(owner(of, n.output.data));
  if (n.kind === "library") return n.outputs.some((o) => active.has(owner(of, o.data)));
  return bodiesOf(n).some((b) => b.list.some((x) => writesActive(of, x, active)));
}

/** Integers loaded from containers that the program changes: kept in arrays indexed by the loops around the use. */
function recordLoads(pool: Pool, body: readonly Node[], active: ReadonlySet<string>, iterations: Iterations): readonly Node[] {
  const written = writtenBases(pool, body);
  const changing = (data: string): boolean => written.has(owner(pool, data)) && pool.containers.get(data)!.role !== "count";
  const changes = (e: Expr): boolean => [...loadedContainers(e)].some(changing);
  const visit = (list: readonly Node[], loops: readonly Around[]): Node[] => list.flatMap((n): Node[] => {
    if (!writesActive(pool, n, active)) return [n];
    const before: Node[] = [];
    const done = new Map<string, Expr>();
    const record = (data: string, index: readonly Expr[], key: string): Expr => {
      const known = done.get(key);
      if (known) return known;
      const dtype = pool.containers.get(data)!.dtype;
      const at = iterations.place(loops), kept = iterations.add(`${data}_index`, at, { dtype, role: "count" });
      before.push(tasklet({ data: kept, index: at.index }, input(0, dtype), [{ data, index }], undefined, n.loc));
      const e = load(kept, at.index);
      done.set(key, e);
      return e;
    };
    const fix = (e: Expr): Expr => (changes(e) ? mapAtoms(e, (a) => (a.kind === "load" && changing(a.data) ? record(a.data, a.index.map(fix), a.key) : undefined)) : e);
    const fixMemlet = (m: Memlet): Memlet => ({ ...m, index: m.index.map(fix), ...(m.guard ? { guard: m.guard.map(fix) } : {}) });
    const fixCode = (c: ScalarExpr): ScalarExpr => mapScalar(c, (e) => (e.kind === "symbolic" && changes(e.expr) ? { ...e, expr: fix(e.expr) } : e));
    let next: Node = n;
    if (n.kind === "tasklet") next = { ...n, inputs: n.inputs.map(fixMemlet), output: fixMemlet(n.output), code: fixCode(n.code) };
    else if (n.kind === "loop") {
      const begin = fix(n.begin), end = fix(n.end);
      const l = { ...n, begin, end };
      next = { ...l, body: visit(n.body, [...loops, l]) };
    } else if (n.kind === "library") {
      const operand = <T extends { base: readonly Expr[]; sizes: readonly Expr[] }>(o: T): T => ({ ...o, base: o.base.map(fix), sizes: o.sizes.map(fix) });
      next = { ...n, inputs: n.inputs.map(operand), outputs: n.outputs.map(operand) };
    } else if (n.kind === "conditional") {
      // What a later condition loads may be looked at only where the earlier conditions failed.
      const late = n.branches.findIndex((b, i) => i > 0 && b.condition !== undefined && conditionExprs(b.condition).some(changes));
      if (late > 0) return visit([{ ...n, branches: [...n.branches.slice(0, late), { body: [{ kind: "conditional", id: freshId(), branches: n.branches.slice(late), ...(n.loc ? { loc: n.loc } : {}) }] }] }], loops);
      next = { ...n, branches: n.branches.map((b) => ({ ...b, ...(b.condition ? { condition: { inputs: b.condition.inputs.map(fixMemlet), code: fixCode(b.condition.code) } } : {}), body: visit(b.body, loops) })) };
    } else if (n.kind === "block") next = { ...n, body: visit(n.body, loops) };
    // Its condition is not looked at again: how often it ran is recorded.
    else if (n.kind === "while") next = { ...n, body: visit(n.body, [...loops, n]) };
    return [...before, next];
  });
  return visit(body, []);
}

function conditionExprs(c: Condition): Expr[] {
  const out = c.inputs.flatMap((m) => [...m.index, ...(m.guard ?? [])]);
  visitScalar(c.code, (e) => { if (e.kind === "symbolic") out.push(e.expr); });
  return out;
}
