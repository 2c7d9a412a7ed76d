/** Rebuilding and looking through node trees: every expression, memlet or container name of a subtree. */
import { mapScalar, symbolicsOf, type ScalarExpr } from "../scalar/expr.js";
import type { Condition, Memlet, Node, Operand } from "../sdfg/nodes.js";
import { freshId } from "../sdfg/sdfg.js";
import { freeSymbols, load, loadedContainers, mapAtoms, substitute, type Expr } from "../symbolic/expr.js";
import { bodiesOf, withBodies } from "./paths.js";

/** What to change in a subtree. Absent functions leave things as they are. */
export interface Rewrite {
  /** Applied to every index, bound, guard, size and symbolic value. */
  readonly expr?: (e: Expr) => Expr;
  /** Applied to container names, inside expressions too. */
  readonly name?: (data: string) => string;
  /** Applied to memlets after `expr` and `name`. */
  readonly memlet?: (m: Memlet, role: "read" | "write") => Memlet;
  /** The same for operands. */
  readonly operand?: (o: Operand) => Operand;
  /** Gives every node a new identity. */
  readonly fresh?: boolean;
}

export function rewriteNodes(body: readonly Node[], r: Rewrite): readonly Node[] { return body.map((n) => rewriteNode(n, r)); }

export function rewriteNode(n: Node, r: Rewrite): Node {
  const rename = r.name;
  const expr = (e: Expr): Expr => {
    const x = r.expr ? r.expr(e) : e;
    return rename ? mapAtoms(x, (a) => (a.kind === "load" ? load(rename(a.data), a.index.map(expr)) : undefined)) : x;
  };
  const touched = r.expr !== undefined || rename !== undefined;
  const exprs = (es: readonly Expr[]): readonly Expr[] => (touched ? es.map(expr) : es);
  const memlet = (m: Memlet, role: "read" | "write"): Memlet => {
    const x: Memlet = touched ? { ...m, data: rename ? rename(m.data) : m.data, index: exprs(m.index), ...(m.guard ? { guard: exprs(m.guard) } : {}) } : m;
    return r.memlet ? r.memlet(x, role) : x;
  };
  const code = (c: ScalarExpr): ScalarExpr => (touched ? mapScalar(c, (e) => (e.kind === "symbolic" ? { ...e, expr: expr(e.expr) } : e)) : c);
  const condition = (c: Condition): Condition => ({ inputs: c.inputs.map((m) => memlet(m, "read")), code: code(c.code) });
  const operand = (o: Operand): Operand => {
    const x: Operand = touched ? { ...o, data: rename ? rename(o.data) : o.data, base: exprs(o.base), sizes: exprs(o.sizes) } : o;
    return r.operand ? r.operand(x) : x;
  };
  const id = r.fresh ? { id: freshId() } : {};
  switch (n.kind) {
    case "tasklet": return { ...n, ...id, inputs: n.inputs.map((m) => memlet(m, "read")), output: memlet(n.output, "write"), code: code(n.code) };
    case "loop": return { ...n, ...id, begin: expr(n.begin), end: expr(n.end), body: rewriteNodes(n.body, r), ...(n.locals && rename ? { locals: n.locals.map(rename) } : {}) };
    case "while": return { ...n, ...id, condition: condition(n.condition), body: rewriteNodes(n.body, r) };
    case "conditional": return { ...n, ...id, branches: n.branches.map((b) => ({ ...b, ...(b.condition ? { condition: condition(b.condition) } : {}), body: rewriteNodes(b.body, r) })) };
    case "library": return { ...n, ...id, inputs: n.inputs.map(operand), outputs: n.outputs.map(operand) };
    case "block": return { ...n, ...id, body: rewriteNodes(n.body, r) };
    case "exit": case "raise": return { ...n, ...id };
  }
}

/** The subtree with symbols replaced (loop headers keep their own variables: do not substitute those of loops inside). */
export function substituteNodes(body: readonly Node[], map: ReadonlyMap<string, Expr>): readonly Node[] {
  return map.size === 0 ? body : rewriteNodes(body, { expr: (e) => substitute(e, map) });
}

/** Renames a loop's variable, in its body too. */
export function renameLoop<T extends Node & { kind: "loop" }>(l: T, variable: string, symbol: Expr): T {
  return l.variable === variable ? l : { ...l, variable, body: substituteNodes(l.body, new Map([[l.variable, symbol]])) };
}

/** Replaces nodes bottom-up: `f` sees a node with mapped bodies and returns what stands in its place. */
export function mapNodes(body: readonly Node[], f: (n: Node) => readonly Node[] | Node): readonly Node[] {
  let changed = false;
  const out: Node[] = [];
  for (const n of body) {
    const bs = bodiesOf(n);
    let next = n;
    if (bs.length > 0) {
      const mapped = bs.map((b) => mapNodes(b.list, f));
      if (mapped.some((m, i) => m !== bs[i]!.list)) next = withBodies(n, mapped);
    }
    const r = f(next);
    if (r !== n) changed = true;
    if (Array.isArray(r)) out.push(...(r as readonly Node[])); else out.push(r as Node);
  }
  return changed ? out : body;
}

/** Visits every node of a subtree, parents first. */
export function visitNodes(body: readonly Node[], f: (n: Node) => void): void {
  for (const n of body) { f(n); for (const b of bodiesOf(n)) visitNodes(b.list, f); }
}

const exprs = new WeakMap<Node, readonly Expr[]>(), loads = new WeakMap<Node, readonly string[]>();
/** All integer expressions of one node (not of its children), symbolic values in its code included. */
export function exprsOf(n: Node): readonly Expr[] {
  let known = exprs.get(n);
  if (!known) exprs.set(n, known = collectExprs(n));
  return known;
}
/** Containers that the node's own expressions load from. */
export function loadedBy(n: Node): readonly string[] {
  let known = loads.get(n);
  if (!known) {
    const found = new Set<string>();
    for (const e of exprsOf(n)) loadedContainers(e, found);
    loads.set(n, known = [...found]);
  }
  return known;
}
function collectExprs(n: Node): readonly Expr[] {
  const out: Expr[] = [];
  const memlet = (m: Memlet): void => { out.push(...m.index, ...(m.guard ?? [])); };
  const code = (c: ScalarExpr): void => { out.push(...symbolicsOf(c)); };
  switch (n.kind) {
    case "tasklet": n.inputs.forEach(memlet); memlet(n.output); code(n.code); break;
    case "loop": out.push(n.begin, n.end); break;
    case "while": n.condition.inputs.forEach(memlet); code(n.condition.code); break;
    case "conditional": for (const b of n.branches) if (b.condition) { b.condition.inputs.forEach(memlet); code(b.condition.code); } break;
    case "library": for (const o of [...n.inputs, ...n.outputs]) out.push(...o.base, ...o.sizes); break;
    default: break;
  }
  return out;
}

/** Symbols used anywhere in a subtree, loop variables included. */
export function symbolsOf(body: readonly Node[]): Set<string> {
  const s = new Set<string>();
  visitNodes(body, (n) => { for (const e of exprsOf(n)) freeSymbols(e, s); if (n.kind === "loop") s.add(n.variable); if (n.kind === "while") s.add(n.counter); });
  return s;
}
