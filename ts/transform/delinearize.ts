/**
 * Gives flat arrays their dimensions back: a 1-D container all of whose accesses are i*s + j (s symbolic, 0 <= j < s provable) is accessed as [i, j].
 * Pre: a valid graph. Post: the same elements are accessed; transients have the new shape, other containers are accessed through a view of it.
 * Safe because every access is decomposed exactly, with its inner indices proven in range; a length that the stride does not divide is an entry check
 * ("speculation"), and without speculation such containers stay flat.
 */
import { loopsOf, visitPaths, bodiesOf, withBodies, type Path } from "../analysis/paths.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Container, EntryCheck, Loop, Memlet, Node, Tasklet } from "../sdfg/nodes.js";
import { Names } from "./nests.js";
import { add, addInt, affine, asSymbol, content, divideExact, floordiv, freeSymbols, int, load, loadedContainers, max, min, mod, mul, neg, scale, sub, sym, ZERO, visitAtoms, type Atom, type Expr, type Term } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import type { Assumptions } from "../symbolic/assumptions.js";

interface Use { readonly index: Expr; readonly loops: readonly Loop[] }

/** A loop that sets every element of a flat container to a constant: it becomes a nest over the new dimensions. */
function fillOf(l: Loop): string | undefined {
  const [t] = l.body;
  if (l.body.length !== 1 || t!.kind !== "tasklet" || t!.wcr || t!.code.kind !== "const" || l.locals?.length) return undefined;
  return t!.output.index.length === 1 && asSymbol(t!.output.index[0]!) === l.variable ? t!.output.data : undefined;
}
const isWholeFill = (graph: Graph, l: Loop): boolean => {
  const data = fillOf(l);
  return data !== undefined && l.begin.constant === 0 && l.end.key === graph.container(data).shape[0]!.key;
};

export function delinearize(graph: Graph, options: { readonly speculate: boolean }): Graph {
  const chains = new Map<string, readonly Expr[]>();
  const filled = new Set<string>(), uses = collect(graph, filled);
  for (const [name, list] of uses) {
    if (!list) continue;
    const c = graph.container(name);
    const chain = findChain(graph, c, list, options.speculate, filled.has(name));
    if (chain) chains.set(name, chain);
  }
  if (chains.size === 0) return graph;
  return rewrite(graph, chains, options.speculate);
}

/** Accesses of each flat container; undefined for one that cannot change its shape. */
function collect(graph: Graph, filled: Set<string>): Map<string, Use[] | undefined> {
  const uses = new Map<string, Use[] | undefined>();
  for (const c of graph.containers.values()) if (c.shape.length === 1 && !c.view) uses.set(c.name, []);
  for (const c of graph.containers.values()) if (c.view) uses.set(c.view.base, undefined);
  const opaque = (e: Expr): void => visitAtoms(e, (a) => { if (a.kind === "load") uses.set(a.data, undefined); });
  visitPaths(graph.body, (n, path: Path) => {
    const loops = loopsOf(path);
    const note = (m: Memlet): void => {
      m.index.forEach(opaque);
      m.guard?.forEach(opaque);
      const l = uses.get(m.data);
      if (l) l.push({ index: m.index[0]!, loops });
    };
    switch (n.kind) {
      // What fills the whole container follows any shape.
      case "tasklet": n.inputs.forEach(note); if (!(loops.length > 0 && loops.at(-1)!.body[0] === n && isWholeFill(graph, loops.at(-1)!))) note(n.output); else if (uses.get(n.output.data)) filled.add(n.output.data); break;
      case "conditional": for (const b of n.branches) b.condition?.inputs.forEach(note); break;
      case "while": n.condition.inputs.forEach(note); break;
      case "library": for (const o of [...n.inputs, ...n.outputs]) { uses.set(o.data, undefined); o.base.forEach(opaque); o.sizes.forEach(opaque); } break;
      case "loop": opaque(n.begin); opaque(n.end); break;
      default: break;
    }
  });
  return uses;
}

/** Strides from the outermost to the innermost (which is 1, left out), each dividing the one before. */
function findChain(graph: Graph, c: Container, uses: readonly Use[], speculate: boolean, filled: boolean): readonly Expr[] | undefined {
  const candidates = new Map<string, readonly Expr[]>();
  for (const u of uses) {
    const vars = new Set(u.loops.map((l) => l.variable));
    const a = affine(u.index, vars);
    if (!a) continue;
    // A variable may move along several dimensions at once (a diagonal): then the terms of its coefficient are the strides.
    for (const parts of [(k: Expr): readonly Expr[] => [k], (k: Expr): readonly Expr[] => k.terms.map((t) => ofTerm(t))]) {
      const strides = new Map<string, Expr>();
      for (const k of [...a.coefficients.values()].flatMap(parts)) {
        const g = content(k);
        const s = g > 1 ? floordiv(k, int(g)) : k;
        const positive = s.constant === undefined && s.terms[0]!.coefficient < 0 ? neg(s) : s;
        if (positive.constant === undefined) strides.set(positive.key, positive);
      }
      const chain = [...strides.values()].sort((x, y) => degree(y) - degree(x) || y.terms.length - x.terms.length);
      if (chain.length > 0 && isChain(chain)) candidates.set(chain.map((s) => s.key).join(" | "), chain);
    }
  }
  // Several may fit (a diagonal moves by n + 1): the plainest strides come first.
  const terms = (chain: readonly Expr[]): number => chain.reduce((k, e) => k + e.terms.length, 0);
  const ordered = [...candidates.values()].sort((x, y) => y.length - x.length || terms(x) - terms(y));
  for (const chain of ordered) {
    const top = chain[0]!;
    const whole = quotient(c.shape[0]!, top);
    if (!(whole && whole.rest.constant === 0) && (!speculate || filled)) continue;
    // Shapes and checks are made of what is known on entry.
    if (chain.some((e) => loadedContainers(e).size > 0 || [...freeSymbols(e)].some((s) => !graph.symbols.includes(s)))) continue;
    if (uses.every((u) => decompose(u.index, chain, factsOf(graph, u.loops, speculate ? chain : [])) !== undefined)) return chain;
  }
  return undefined;
}

const degree = (e: Expr): number => e.terms.reduce((m, t) => Math.max(m, t.atoms.length), 0);
function isChain(chain: readonly Expr[]): boolean {
  return chain.every((s, i) => i === chain.length - 1 || quotient(s, chain[i + 1]!)?.rest.constant === 0);
}

function ofAtom(a: Atom): Expr {
  switch (a.kind) {
    case "symbol": return sym(a.name);
    case "floordiv": return floordiv(a.a, a.b);
    case "mod": return mod(a.a, a.b);
    case "min": return min(...a.args);
    case "max": return max(...a.args);
    case "load": return load(a.data, a.index);
  }
}
const ofTerm = (t: Term): Expr => t.atoms.reduce<Expr>((p, a) => mul(p, ofAtom(a)), int(t.coefficient));

/** Polynomial division by the leading term of s: e = q*s + rest. */
function quotient(e: Expr, s: Expr): { readonly q: Expr; readonly rest: Expr } | undefined {
  const lead = ofTerm(s.terms[0]!);
  let q: Expr = ZERO, rest = e;
  for (let guard = 0; guard < 64; guard++) {
    const part = rest.terms.map((t) => divideExact(ofTerm(t), lead)).find((x) => x !== undefined);
    if (!part) return { q, rest };
    q = add(q, part);
    rest = sub(rest, mul(part, s));
  }
  return undefined;
}

/** Strides are taken to be positive, which is checked on entry. */
function factsOf(graph: Graph, loops: readonly Loop[], positive: readonly Expr[]): Assumptions {
  return graph.facts.with(...positive.map((s) => addInt(s, -1)), ...loops.flatMap((l) => [sub(sym(l.variable), l.begin), addInt(sub(l.end, sym(l.variable)), -1)]));
}

/** Indices per dimension, the inner ones proven to be in range. */
function decompose(e: Expr, chain: readonly Expr[], facts: Assumptions): readonly Expr[] | undefined {
  const out: Expr[] = [];
  let rest = e;
  for (const s of chain) {
    const d = quotient(rest, s);
    if (!d) return undefined;
    let found = false;
    for (const shift of [0, -1, 1]) {
      const r = sub(d.rest, scale(s, shift));
      if (nonNegative(r, facts) === "yes" && nonNegative(addInt(sub(s, r), -1), facts) === "yes") {
        out.push(addInt(d.q, shift));
        rest = r;
        found = true;
        break;
      }
    }
    if (!found) return undefined;
  }
  out.push(rest);
  return out;
}

function rewrite(graph: Graph, chains: ReadonlyMap<string, readonly Expr[]>, speculate: boolean): Graph {
  const containers = new Map(graph.containers);
  const checks: EntryCheck[] = [...graph.checks];
  const target = new Map<string, string>();
  for (const [name, chain] of chains) {
    const c = graph.container(name), length = c.shape[0]!, top = chain[0]!;
    const whole = quotient(length, top);
    const exact = whole && whole.rest.constant === 0;
    if (speculate) for (const s of chain) {
      const e = addInt(s, -1);
      if (nonNegative(e, graph.facts) !== "yes" && !checks.some((x) => x.expr.key === e.key)) checks.push({ kind: "speculation", expr: e, message: "a stride is positive" });
    }
    if (!exact) {
      checks.push({ kind: "speculation", expr: neg(mod(length, top)), message: "an array's length is a multiple of its stride" });
    }
    const shape = [exact ? whole.q : floordiv(length, top), ...chain.map((s, i) => (i + 1 < chain.length ? quotient(s, chain[i + 1]!)!.q : s))];
    if (c.transient) { containers.set(name, { ...c, shape }); target.set(name, name); continue; }
    let view = `${name}_nd`;
    while (containers.has(view)) view += "_";
    containers.set(view, { name: view, dtype: c.dtype, shape, transient: c.transient, view: { base: name, offset: ZERO }, ...(c.label ? { label: c.label } : {}), ...(c.loc ? { loc: c.loc } : {}) });
    target.set(name, view);
  }
  const names = new Names(graph);
  const fill = (l: Loop, data: string): Node => {
    const t = l.body[0] as Tasklet, shape = containers.get(target.get(data)!)!.shape;
    const variables = shape.map((_, d) => (d === 0 ? l.variable : names.fresh(l.variable)));
    return shape.reduceRight<Node>((body, end, d): Loop => ({ ...l, id: d === 0 ? l.id : freshId(), variable: variables[d]!, begin: ZERO, end, body: [body] }), { ...t, output: { data: target.get(data)!, index: variables.map(sym) } });
  };
  const visit = (list: readonly Node[], loops: readonly Loop[]): readonly Node[] => list.map((n): Node => {
    const fix = (m: Memlet): Memlet => {
      const chain = chains.get(m.data);
      return chain ? { ...m, data: target.get(m.data)!, index: decompose(m.index[0]!, chain, factsOf(graph, loops, speculate ? chain : []))! } : m;
    };
    switch (n.kind) {
      case "tasklet": return { ...n, inputs: n.inputs.map(fix), output: fix(n.output) };
      case "loop": {
        const data = isWholeFill(graph, n) ? fillOf(n)! : undefined;
        return data !== undefined && chains.has(data) ? fill(n, data) : { ...n, body: visit(n.body, [...loops, n]) };
      }
      case "conditional": return { ...n, branches: n.branches.map((b) => ({ ...b, ...(b.condition ? { condition: { ...b.condition, inputs: b.condition.inputs.map(fix) } } : {}), body: visit(b.body, loops) })) };
      case "while": return { ...n, condition: { ...n.condition, inputs: n.condition.inputs.map(fix) }, body: visit(n.body, loops) };
      default: return withBodies(n, bodiesOf(n).map((b) => visit(b.list, loops)));
    }
  });
  return graph.with({ containers, checks, body: visit(graph.body, []) });
}
