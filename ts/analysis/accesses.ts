/** Every read and write of a subtree, with the nodes around it. */
import type { ScalarExpr } from "../scalar/expr.js";
import { symbolicsOf } from "../scalar/expr.js";
import type { Condition, Container, Memlet, Node, Operand, Wcr } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { add, addInt, hasLoads, mul, scale, sub, sym, visitAtoms, ZERO, type Expr } from "../symbolic/expr.js";
import { ROOT, visitPaths, type Path } from "./paths.js";

/** One access. A rectangular operand is one access whose `extra` variables run from 0 to their sizes. */
export interface Access {
  /** From the subtree's body down to the node that makes the access (the last step). A loop's own bounds are read at the loop. */
  readonly path: Path;
  readonly node: Node;
  readonly data: string;
  /** The container whose buffer it is. */
  readonly base: string;
  readonly index: readonly Expr[];
  readonly extra: readonly { readonly variable: string; readonly size: Expr }[];
  readonly write: boolean;
  /** Combining write: reads what is there too. */
  readonly wcr?: Wcr;
  /** The access happens only where all are >= 0: the memlet's guards and the understood conditions around it. */
  readonly guard: readonly Expr[];
  /** May not happen although the loops around it run (under a condition, in a while loop). */
  readonly conditional: boolean;
}

/** The ranges of an operand's own variables; those that are loaded are left out. */
export function extraFacts(a: Access): Expr[] {
  return a.extra.flatMap((x) => [sym(x.variable), addInt(sub(x.size, sym(x.variable)), -1)]).filter((e) => !hasLoads(e));
}

export function baseOf(graph: Graph, data: string): string { return graph.container(data).view?.base ?? data; }

/** Element offset in the base buffer. */
export function flatIndex(graph: Graph, data: string, index: readonly Expr[]): Expr {
  const c = graph.container(data);
  const e = index.reduce<Expr>((sum, x, d) => add(d === 0 ? ZERO : mul(sum, c.shape[d]!), x), ZERO);
  return c.view ? add(e, c.view.offset) : e;
}

/** What a node touches is a property of the node as long as views stay what they are: where there are none, always. */
const NO_VIEWS = {};
const viewsOf = new WeakMap<ReadonlyMap<string, Container>, object>();
/** The same object for graphs in which names mean the same buffers: a key for what is remembered about nodes. */
export function namingOf(graph: Graph): object {
  let known = viewsOf.get(graph.containers);
  if (!known) {
    known = NO_VIEWS;
    for (const c of graph.containers.values()) if (c.view) { known = graph.containers; break; }
    viewsOf.set(graph.containers, known);
  }
  return known;
}
/** Remembers a property of nodes that depends on nothing else than which containers are views of which. */
export function remembered<T>(f: (graph: Graph, node: Node) => T): (graph: Graph, node: Node) => T {
  const byNaming = new WeakMap<object, WeakMap<Node, { readonly value: T }>>();
  // Questions come in rows about one graph.
  let last: WeakRef<Graph["containers"]> | undefined, byNode = new WeakMap<Node, { readonly value: T }>();
  return (graph, node) => {
    if (last?.deref() !== graph.containers) {
      const naming = namingOf(graph), found = byNaming.get(naming);
      if (found) byNode = found; else byNaming.set(naming, byNode = new WeakMap());
      last = new WeakRef(graph.containers);
    }
    let known = byNode.get(node);
    if (!known) byNode.set(node, known = { value: f(graph, node) });
    return known.value;
  };
}

/** Accesses in program order: a node's reads before its write, bounds and conditions before bodies. */
export function accessesOf(graph: Graph, body: readonly Node[]): readonly Access[] {
  return body.length === 1 ? accessesOfNode(graph, body[0]!) : collect(graph, body);
}
const accessesOfNode = remembered((graph, node): readonly Access[] => collect(graph, [node]));
/** The accesses that a node makes itself, without those of the nodes inside. */
export function ownAccesses(graph: Graph, node: Node): readonly Access[] {
  const out: Access[] = [];
  visitOwn(graph, node, [{ key: ROOT, list: [node], index: 0, node }], out);
  return out;
}

function collect(graph: Graph, body: readonly Node[]): readonly Access[] {
  const out: Access[] = [];
  visitPaths(body, (node, path) => { visitOwn(graph, node, path, out); });
  return out;
}

type Own = Omit<Access, "path" | "conditional">;

/** What the node itself touches, whatever is around it; `guard`: the memlets' own. */
const ownOf = remembered((graph, node): readonly Own[] => {
  const out: Own[] = [];
  let extras = 0;
  const push = (m: Memlet, write: boolean, wcr?: Wcr, extra: Access["extra"] = []): void => {
    out.push({ node, data: m.data, base: baseOf(graph, m.data), index: m.index, extra, write, ...(wcr ? { wcr } : {}), guard: m.guard ?? [] });
  };
  const loads = (e: Expr): void => { if (hasLoads(e)) visitAtoms(e, (a) => { if (a.kind === "load") push({ data: a.data, index: a.index }, false); }); };
  const code = (c: ScalarExpr): void => { symbolicsOf(c).forEach(loads); };
  const read = (m: Memlet): void => { m.index.forEach(loads); m.guard?.forEach(loads); push(m, false); };
  const condition = (c: Condition): void => { c.inputs.forEach(read); code(c.code); };
  const operand = (o: Operand, write: boolean, wcr?: Wcr): void => {
    o.base.forEach(loads); o.sizes.forEach(loads);
    const index = [...o.base];
    const extra = o.axes.map((axis, d) => {
      const variable = `_x${node.id}_${extras++}`;
      index[axis] = add(index[axis]!, sym(variable));
      return { variable, size: o.sizes[d]! };
    });
    push({ data: o.data, index }, write, wcr, extra);
  };
  switch (node.kind) {
    case "tasklet":
      node.inputs.forEach(read);
      code(node.code);
      node.output.index.forEach(loads);
      push(node.output, true, node.wcr);
      break;
    case "loop": loads(node.begin); loads(node.end); break;
    case "while": condition(node.condition); break;
    case "conditional": for (const b of node.branches) if (b.condition) condition(b.condition); break;
    case "library":
      for (const o of node.inputs) operand(o, false);
      for (const o of node.outputs) operand(o, true, node.accumulate ? "sum" : undefined);
      break;
    default: break;
  }
  return out;
});

function visitOwn(graph: Graph, node: Node, path: Path, out: Access[]): void {
  const guards: Expr[] = [];
  let under = false;
  for (let s = 0; s < path.length - 1; s++) {
    const n = path[s]!.node;
    if (n.kind === "while" || n.kind === "block") under = true;
    if (n.kind !== "conditional") continue;
    under = true;
    const arm = Number(path[s + 1]!.key.split(".")[1]);
    const c = n.branches[arm]?.condition;
    if (c) guards.push(...conditionFacts(c.code));
    if (arm === 1 || n.branches.length === 2) { const first = n.branches[0]!.condition; if (arm === 1 && first) guards.push(...negatedFacts(first.code)); }
  }
  // Written out: spreading an object is several times slower, and there are very many.
  for (const { data, base, index, extra, write, wcr, guard: own } of ownOf(graph, node)) {
    const guard = guards.length === 0 ? own : own.length === 0 ? guards : [...guards, ...own], conditional = under || own.length > 0;
    out.push(wcr === undefined ? { path, node, data, base, index, extra, write, guard, conditional } : { path, node, data, base, index, extra, write, wcr, guard, conditional });
  }
}

export function integerOf(e: ScalarExpr): Expr | undefined {
  if (e.kind === "symbolic") return e.expr;
  if (e.kind === "cast" && (e.dtype === "int64" || e.dtype === "float64") && e.arg.kind === "symbolic") return e.arg.expr;
  return e.kind === "const" && typeof e.value === "number" && Number.isSafeInteger(e.value) ? addInt(ZERO, e.value) : undefined;
}

/** Facts `e >= 0` that follow where a condition holds; those that are not about symbols alone are left out. */
export function conditionFacts(c: ScalarExpr): Expr[] {
  if (c.kind !== "op") return [];
  if (c.op === "and") return c.args.flatMap(conditionFacts);
  if (c.op === "not") return negatedFacts(c.args[0]!);
  return comparison(c.op, c.args);
}
export function negatedFacts(c: ScalarExpr): Expr[] {
  if (c.kind !== "op") return [];
  const flip = { lt: "ge", le: "gt", gt: "le", ge: "lt", ne: "eq" } as const;
  if (c.op === "or") return c.args.flatMap(negatedFacts);
  if (c.op === "not") return conditionFacts(c.args[0]!);
  return c.op in flip ? comparison(flip[c.op as keyof typeof flip], c.args) : [];
}
function comparison(op: string, args: readonly ScalarExpr[]): Expr[] {
  const [x, y] = args;
  const a = x && integerOf(x), b = y && integerOf(y);
  // Two literals say nothing about symbols; comparisons of loaded integers are not stable facts.
  if (!a || !b || (a.constant !== undefined && b.constant !== undefined)) return [];
  if (hasLoads(a) || hasLoads(b)) return [];
  const d = sub(a, b);
  switch (op) {
    case "ge": return [d];
    case "gt": return [addInt(d, -1)];
    case "le": return [scale(d, -1)];
    case "lt": return [addInt(scale(d, -1), -1)];
    case "eq": return [d, scale(d, -1)];
    default: return [];
  }
}
