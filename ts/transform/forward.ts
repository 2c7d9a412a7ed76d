/**
 * Forwards elementwise definitions of transients into the nodes of the same list that read them, and drops what nobody reads any more:
 * `T[i] = e(i); A[i+1] = f(T[i])` becomes `A[i+1] = f(e(i))`, `T[i] = 0; T[i] += e(i)` becomes `T[i] = e(i)`. Library operations read what was copied, not the copy.
 * Pre: a valid graph. Post: same values; a definition goes only where every read of its elements was rewritten, or where it is overwritten before any read.
 * Safe because the instance that wrote the element is known (index solved for the loop variables, proven inside the definition's box), no write to the
 * element lies between, and nothing that its expression reads is written between definition and read, other iterations of the reader included.
 * It does nothing where the expression would be evaluated much more often than before.
 */
import { conditionFacts, extraFacts, ownAccesses, type Access } from "../analysis/accesses.js";
import { loopFacts, mayMeet } from "../analysis/dependence.js";
import { definitionOf, instanceOf, nestFacts, type Definition } from "../analysis/definition.js";
import { liveAfter, mayLeave, type Place } from "../analysis/live.js";
import { effectsOf, mayPrecede } from "../analysis/order.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { isRows, movesToHost } from "../library/offload.js";
import { addS, allNonNegative, isConst, literal, mulS, negS } from "../scalar/build.js";
import { isDifferentiable } from "../base/dtypes.js";
import { cast, input, mapScalar, op, select, visitScalar, type OpName, type ScalarExpr } from "../scalar/expr.js";
import { costOf } from "../scalar/ops.js";
import type { LibraryNode, Loop, Memlet, Node, Operand, Tasklet } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, affine, dependsOn, loadedContainers, sub, substitute, type Expr } from "../symbolic/expr.js";
import { isEqual, nonNegative } from "../symbolic/prove.js";
import { exprsOf } from "../analysis/walk.js";
import { dropUnused } from "./dead-code.js";
import { escaping } from "./loop-to-map.js";
import { hasLoads, Inputs } from "./nests.js";

/** Evaluating an expression again is taken to be cheaper than storing and loading it up to this many flops per element in all. */
const CHEAP_TOTAL = 10;
const MAX_INPUTS = 24, MAX_FLOPS = 400;

export interface ForwardOptions {
  readonly outputs?: Readonly<Record<string, string>>;
  /** The graph will be differentiated: what decides something may be evaluated again by the derivative. */
  readonly differentiable?: boolean;
}

export function forwardDefinitions(graph: Graph, options: ForwardOptions = {}): Graph {
  const outside = escaping(graph, options.outputs), viewed = new Set<string>();
  for (const c of graph.containers.values()) if (c.view) viewed.add(c.view.base);
  const pass: Pass = { graph, outside, viewed, differentiable: options.differentiable ?? false };
  const visit = (list: readonly Node[], facts: Assumptions, around: readonly Place[]): readonly Node[] => {
    let current = list;
    for (let i = 0; i < current.length; i++) {
      const n = current[i]!, bs = bodiesOf(n);
      if (bs.length === 0) continue;
      const place: Place = { list: current, index: i, owner: n };
      const inner = bs.map((b, arm) => {
        const c = n.kind === "conditional" ? n.branches[arm]!.condition : undefined;
        return visit(b.list, n.kind === "loop" ? facts.with(...loopFacts(n)) : c ? facts.with(...conditionFacts(c.code)) : facts, [...around, place]);
      });
      if (inner.some((x, k) => x !== bs[k]!.list)) current = current.map((x, k) => (k === i ? withBodies(n, inner) : x));
    }
    for (let p = 0; p < current.length; p++) {
      const next = forwardAt(pass, current, p, facts, around);
      if (!next) continue;
      if (next.length < current.length) p--;
      current = next;
    }
    return current;
  };
  const body = visit(graph.body, graph.facts, []);
  return body === graph.body ? graph : dropUnused(graph.with({ body }));
}

interface Pass { readonly graph: Graph; readonly outside: ReadonlySet<string>; readonly viewed: ReadonlySet<string>; readonly differentiable: boolean }

const flopsOf = (e: ScalarExpr): number => { let f = 0; visitScalar(e, (x) => { if (x.kind === "op") f += costOf(x.op); }); return f; };

const EXACT: ReadonlySet<OpName> = new Set<OpName>(["add", "sub", "mul", "div", "neg", "abs", "sqrt", "floor", "ceil", "trunc", "complex", "real", "imag", "conj"]);
/** At most one operation, correctly rounded: no contraction and no library function can change its result. */
function isReproducible(e: ScalarExpr): boolean {
  let n = 0, exact = true;
  visitScalar(e, (x) => { if (x.kind === "op") { n++; if (!EXACT.has(x.op)) exact = false; } });
  return n === 0 || (n === 1 && exact);
}
const DECIDING: ReadonlySet<OpName> = new Set<OpName>(["eq", "ne", "lt", "le", "gt", "ge", "min", "max", "sign", "abs", "floor", "ceil", "trunc", "round", "jsround", "floordiv", "mod", "rem"]);
/** Does the tasklet compare or round what it reads? */
function decides(t: Tasklet): boolean {
  let found = t.wcr === "min" || t.wcr === "max";
  visitScalar(t.code, (x) => { if ((x.kind === "op" && DECIDING.has(x.op) && !x.args.every((a) => a.kind === "symbolic" || a.kind === "const")) || (x.kind === "cast" && !isDifferentiable(x.dtype))) found = true; });
  return found;
}

/** A read that can be replaced; `operand`: what it becomes where a library operation reads a copy. */
interface Site { readonly access: Access; readonly task: Tasklet | LibraryNode; readonly at: ReadonlyMap<string, Expr>; readonly operand?: { readonly at: number; readonly value: Operand } }

function forwardAt({ graph, outside, viewed, differentiable }: Pass, list: readonly Node[], p: number, facts: Assumptions, around: readonly Place[]): readonly Node[] | undefined {
  const node = list[p]!, d = definitionOf(graph, node);
  if (!d) return undefined;
  const data = d.task.output.data;
  if (viewed.has(data) || d.task.inputs.some((m) => m.saved)) return undefined;
  const box = facts.with(...nestFacts(d.loops).filter((e) => !hasLoads(e)));
  const write = effectsOf(graph, node).accesses.find((a) => a.write)!;
  const none = new Map<string, "any">();

  // Forward through the list: all reads that may see a value of this definition, up to the node that overwrites all of it.
  const sites: Site[] = [];
  let update: { readonly at: number; readonly d: Definition } | undefined, product = -1;
  let stop = list.length, killed = false, resolved = true, read = false;
  // A read that cannot be replaced settles it for everything but a constant, which may go into some of its reads.
  const constant = d.task.code.kind === "const", hopeless = d.task.wcr !== undefined || d.task.inputs.some((m) => m.data === data);
  scan: for (let q = p + 1; q < list.length; q++) {
    const k = list[q]!, e = effectsOf(graph, k);
    if (mayLeave(k)) resolved = false;
    if (!e.reads.has(data) && !e.writes.has(data)) continue;
    const other = definitionOf(graph, k), defines = other?.task.output.data === data;
    for (const a of e.of(data)) {
      if (a.write && !a.wcr) continue;
      if (!mayMeet(graph, write, a, none, facts)) continue;
      read = true;
      if (hopeless) return undefined;
      if (a.wcr) {
        // An update of the very elements: folded into the definition.
        if (k.kind === "library" && coversAll(k, d, data, box) && isCovered(a, d, facts)) { product = q; killed = true; stop = q + 1; break scan; }
        if (!defines || update || a.wcr !== "sum" && a.wcr !== "prod" || a.node !== other.task || e.of(data).length > 1) { resolved = false; continue; }
        update = { at: q, d: other };
        continue;
      }
      const s = e.of(data).some((w) => w.write && mayPrecede(graph, w, a, facts)) ? undefined : a.node.kind === "library" ? (differentiable ? undefined : operandSite(graph, a, a.node, d, facts)) : site(graph, a, d, facts);
      if (s) sites.push(s); else resolved = false;
      if (!resolved && !constant) return undefined;
    }
    if (!resolved && !constant && read) return undefined;
    if (!e.writes.has(data)) continue;
    if (defines && instanceOf(other, d.task.output.index, box)) {
      stop = q + 1; killed = true;
      break scan;
    }
    // Another write to some of the elements: what is read after it is not known to be ours.
    if (e.of(data).some((a) => a.write && mayMeet(graph, write, a, none, facts))) { stop = q + 1; break scan; }
  }
  const places = new Map<string, Site>();
  if (read && product < 0) {
    // Something reads it: worth the question what becomes of it only where the reads can be replaced, at a price that pays.
    if (sites.length === 0 && !update || exprsOf(d.task).some(hasLoads)) return undefined;
    for (const s of sites) places.set(`${s.task.id}|${s.access.index.map((x) => x.key).join(",")}`, s);
    const flops = flopsOf(d.task.code), uses = places.size + (update ? 1 : 0);
    if (!constant && d.task.code.kind !== "input" && (sites.some(repeats) || (flops > 2 && d.loops.at(-1)?.order === "any" && sites.some(isSerial)) || (uses > 1 && flops * uses > CHEAP_TOTAL) || flops > MAX_FLOPS)) return undefined;
    if (update && !instanceOf(d, update.d.task.output.index, facts.with(...nestFacts(update.d.loops).filter((e) => !hasLoads(e))))) return undefined;
    // An ulp more or less would flip a decision: what decides is evaluated once, unless it comes out the same wherever it is evaluated.
    if ((differentiable || uses > 1) && !isReproducible(d.task.code) && (sites.some((s) => s.task.kind === "tasklet" && decides(s.task)) || (update !== undefined && decides(update.d.task)))) return undefined;
  }
  // Is anything of it still read later on?
  const left = resolved && !killed && liveAfter(graph, d, write, list, stop, around, outside.has(data), facts);
  const everything = resolved && !left;

  if (product >= 0) return everything && sites.length === 0 && !update && isConst(d.task.code, 0) && !d.task.wcr
    ? list.flatMap((n, i): Node[] => (i === p ? [] : i === product ? [{ ...(n as LibraryNode), accumulate: false }] : [n])) : undefined;
  // Overwritten, or forgotten, before anybody looks.
  if (!read) return everything && !loadsSomewhere(node) ? list.filter((_, i) => i !== p) : undefined;
  if (!everything && !constant) return undefined;

  // What the expression reads must still be there at each read.
  const own = effectsOf(graph, node).accesses.filter((a) => !a.write);
  const ok = (s: Site): boolean => own.every((a) => {
    const moved: Access = { ...s.access, data: a.data, base: a.base, index: a.index.map((x) => substitute(x, s.at)), guard: [...s.access.guard, ...a.guard.map((x) => substitute(x, s.at))] };
    for (let q = p + 1; q < stop; q++) {
      const k = list[q]!, e = effectsOf(graph, k);
      if (s.task.kind === "library" && effectsOf(graph, s.task).writes.has(a.base)) return false;
      if (k === s.access.path[0]!.node) return !e.writes.has(a.base) || !e.of(a.base).some((w) => w.write && mayPrecede(graph, w, moved, facts));
      if (e.writes.has(a.base) && e.of(a.base).some((w) => w.write && mayMeet(graph, w, moved, none, facts))) return false;
    }
    return false;
  });
  const good = new Set(sites.filter(ok));
  if (everything && good.size !== sites.length && !constant) return undefined;
  const updateSite = update ? updateAt(graph, list[update.at]!, update.d, d, facts) : undefined;
  if (update && (!updateSite || !ok(updateSite))) return undefined;
  if (good.size === 0 && !updateSite) return undefined;

  const replace = new Map<number, Site[]>();
  for (const s of good) { const l = replace.get(s.task.id); if (l) l.push(s); else replace.set(s.task.id, [s]); }
  let failed = false;
  const rewrite = (n: Node): Node => {
    if (n.kind === "tasklet") {
      let t: Tasklet = n;
      const mine = replace.get(n.id);
      if (mine) t = substituteReads(graph, t, d, mine);
      if (updateSite && n.id === updateSite.task.id) t = foldInto(graph, t, d, updateSite.at);
      if (t.inputs.length > MAX_INPUTS && t.inputs.length > n.inputs.length) failed = true;
      return t;
    }
    if (n.kind === "library") {
      const mine = replace.get(n.id);
      return mine ? { ...n, inputs: n.inputs.map((o, i) => mine.find((s) => s.operand!.at === i)?.operand!.value ?? o) } : n;
    }
    const bs = bodiesOf(n);
    return bs.length === 0 ? n : withBodies(n, bs.map((b) => b.list.map(rewrite)));
  };
  const touched = new Set<Node>([...good].map((s) => s.access.path[0]!.node));
  if (updateSite) touched.add(list[update!.at]!);
  const out = list.flatMap((n, i): Node[] => (i === p ? (everything && good.size === sites.length ? [] : [n]) : touched.has(n) ? [rewrite(n)] : [n]));
  return failed ? undefined : out;
}

function loadsSomewhere(n: Node): boolean { return exprsOf(n).some(hasLoads) || bodiesOf(n).some((b) => b.list.some(loadsSomewhere)); }

function site(graph: Graph, a: Access, d: Definition, facts: Assumptions): Site | undefined {
  if (a.node.kind !== "tasklet" || a.extra.length > 0 || a.data !== d.task.output.data || a.index.some(hasLoads)) return undefined;
  if (!a.node.inputs.some((m) => m.data === a.data && !m.saved && m.index.every((e, i) => e.key === a.index[i]!.key))) return undefined;
  // What an index loads cannot be replaced by an expression.
  if (exprsOf(a.node).some((e) => loadedContainers(e).has(a.data))) return undefined;
  const at = instanceOf(d, a.index, siteFacts(a, facts));
  return at && { access: a, task: a.node, at };
}
/** An operand that is (part of) a whole copy: the same part of what was copied, if that is a box with rows, or columns, of neighbours. */
function operandSite(graph: Graph, a: Access, node: LibraryNode, d: Definition, facts: Assumptions): Site | undefined {
  const [from] = d.task.inputs, dtype = graph.container(a.data).dtype;
  if (a.data !== d.task.output.data || d.task.wcr || d.task.code.kind !== "input" || d.task.inputs.length !== 1 || from!.guard?.length || from!.index.some(hasLoads) || graph.container(from!.data).dtype !== dtype) return undefined;
  const at = instanceOf(d, a.index, siteFacts(a, facts).with(...extraFacts(a)));
  const key = a.index.map((e) => e.key).join(), which = ownAccesses(graph, node).filter((x) => !x.write && x.extra.length > 0).findIndex((x) => x.data === a.data && x.index.map((e) => e.key).join() === key);
  // Every operand but a scalar is one access, in their order.
  const k = node.inputs.map((_, i) => i).filter((i) => node.inputs[i]!.axes.length > 0)[which];
  if (!at || k === undefined || a.extra.length === 0 || node.inputs[k]!.saved) return undefined;
  const variables = new Set(a.extra.map((x) => x.variable)), axes = new Map<string, number>(), base: Expr[] = [];
  for (const [axis, e] of from!.index.entries()) {
    const f = affine(substitute(e, at), variables);
    if (!f || f.coefficients.size > 1) return undefined;
    base.push(f.rest);
    for (const [v, c] of f.coefficients) { if (c.constant !== 1 || axes.has(v)) return undefined; axes.set(v, axis); }
  }
  if (axes.size !== variables.size || ![...axes.values()].includes(base.length - 1)) return undefined;
  const value = { data: from!.data, base, axes: a.extra.map((x) => axes.get(x.variable)!), sizes: node.inputs[k]!.sizes };
  // What leaves a device is a stretch of its memory.
  if (movesToHost(node) && (graph.container(from!.data).view || !isRows(value, graph.container(from!.data).shape))) return undefined;
  return { access: a, task: node, at, operand: { at: k, value } };
}
function siteFacts(a: Access, facts: Assumptions): Assumptions {
  const loops = a.path.slice(0, -1).flatMap((s) => (s.node.kind === "loop" ? loopFacts(s.node) : []));
  return facts.with(...loops, ...a.guard.filter((g) => !hasLoads(g)));
}
function updateAt(graph: Graph, node: Node, u: Definition, d: Definition, facts: Assumptions): Site | undefined {
  const access = effectsOf(graph, node).accesses.find((a) => a.write)!;
  const at = instanceOf(d, u.task.output.index, siteFacts(access, facts));
  return at && { access: { ...access, write: false }, task: u.task, at };
}

/** Does the read stand in an innermost sequential loop, whose chain the expression would lengthen? */
function isSerial(s: Site): boolean {
  const inner = s.access.path.filter((x) => x.node.kind === "loop" && x.node !== s.access.node).at(-1)?.node;
  return inner?.kind === "loop" && inner.order !== "any";
}
/** Is an expression evaluated more than once per element at this read: under a loop that the element does not move with? */
function repeats(s: Site): boolean {
  return s.access.path.slice(0, -1).some((x) => x.node.kind === "while" || (x.node.kind === "loop" && !s.access.index.some((e) => dependsOn(e, (x.node as Loop).variable))));
}

/** The definition's expression over the given inputs, in the instance `at`. */
function expand(graph: Graph, d: Definition, at: ReadonlyMap<string, Expr>, place: (m: Memlet) => number, guard: readonly Expr[] = []): ScalarExpr {
  const where = d.task.inputs.map((m) => {
    const g = [...guard, ...(m.guard ?? []).map((e) => substitute(e, at))];
    return place({ data: m.data, index: m.index.map((e) => substitute(e, at)), ...(g.length > 0 ? { guard: g } : {}) });
  });
  const code = mapScalar(d.task.code, (e) => (e.kind === "input" ? input(where[e.index]!, e.dtype) : e.kind === "symbolic" ? { ...e, expr: substitute(e.expr, at) } : e));
  return cast(code, graph.container(d.task.output.data).dtype);
}

/** Does the definition write every element of the box that is accessed? */
function isCovered(a: Access, d: Definition, facts: Assumptions): boolean {
  return instanceOf(d, a.index, facts.with(...extraFacts(a))) !== undefined;
}

/** Does the library node add to exactly one box, which holds all that the definition writes, and read nothing else of the container? */
function coversAll(n: LibraryNode, d: Definition, data: string, box: Assumptions): boolean {
  const mine = n.outputs.filter((o) => o.data === data), [o] = mine;
  if (!o || mine.length > 1 || !n.accumulate || n.outputs.length > 1 || n.inputs.some((x) => x.data === data)) return false;
  return d.task.output.index.every((e, axis) => {
    const k = o.axes.indexOf(axis), at = sub(e, o.base[axis]!);
    return k < 0 ? isEqual(e, o.base[axis]!, box) === "yes" : nonNegative(at, box) === "yes" && nonNegative(addInt(sub(o.sizes[k]!, at), -1), box) === "yes";
  });
}

function substituteReads(graph: Graph, t: Tasklet, d: Definition, sites: readonly Site[]): Tasklet {
  const inputs = new Inputs(), dtype = graph.container(d.task.output.data).dtype;
  const values = t.inputs.map((m): ScalarExpr => {
    const s = m.data === d.task.output.data ? sites.find((x) => x.access.index.every((e, i) => e.key === m.index[i]!.key)) : undefined;
    if (!s) return input(inputs.place(m), graph.container(m.data).dtype);
    const value = expand(graph, d, s.at, inputs.place, m.guard);
    return m.guard?.length ? select(allNonNegative(m.guard), value, literal(0, dtype)) : value;
  });
  const code = mapScalar(t.code, (e) => (e.kind === "input" ? values[e.index]! : folded(e)));
  return { ...t, inputs: inputs.list, code };
}

/** What is exact to fold once a constant stands in the place of an input. */
function folded(e: ScalarExpr): ScalarExpr {
  if (e.kind !== "op" || !isDifferentiable(e.dtype) || e.args.some((a) => a.dtype !== e.dtype)) return e;
  const [a, b] = e.args;
  if (e.op === "mul" && (isConst(a!, 1) || isConst(b!, 1))) return isConst(a!, 1) ? b! : a!;
  if ((e.op === "div" || e.op === "sub") && isConst(b!, e.op === "div" ? 1 : 0)) return a!;
  if (e.op === "neg" && a!.kind === "const" && !a!.imag) return negS(a!);
  return e;
}

/** `T = e` then `T sum= f`: `T = e + f`. */
function foldInto(graph: Graph, t: Tasklet, d: Definition, at: ReadonlyMap<string, Expr>): Tasklet {
  const inputs = new Inputs(), dtype = graph.container(t.output.data).dtype;
  const where = t.inputs.map((m) => inputs.place(m));
  const mine = cast(mapScalar(t.code, (e) => (e.kind === "input" ? input(where[e.index]!, e.dtype) : e)), dtype);
  const old = expand(graph, d, at, inputs.place);
  const { wcr, ...rest } = t;
  return { ...rest, inputs: inputs.list, code: wcr === "prod" ? mulS(old, mine) : old.kind === "const" ? addS(old, mine) : op("add", dtype, old, mine) };
}
