/**
 * Reverse mode over a graph: appends the backward sweep to the forward one. Pre: a valid forward graph without guards' writes or `saved` reads.
 * Post: the joint graph, whose backward part reads forward values through `saved`; gradients are allocated, and integers that say how far loops came and
 * by which exit blocks were left. The backward sweep has neither while loops nor exits: what an exit skipped stands under the recorded fact that it was not taken.
 */
import { DaceError, InternalError, type SourceLoc } from "../base/errors.js";
import { isDifferentiable, type DType } from "../base/dtypes.js";
import { input, op, type ScalarExpr } from "../scalar/expr.js";
import { literal } from "../scalar/build.js";
import { bodiesOf, exitsOf, ROOT, visitPaths, loopsOf, type Around, type Path } from "../analysis/paths.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Branch, Condition, Conditional, Loop, Memlet, Node, Operand, Parameter, Saved, Tasklet } from "../sdfg/nodes.js";
import { add, addInt, asSymbol, dependsOn, loadedContainers, sub, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { upperBound } from "../symbolic/prove.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { LIBRARY } from "../library/index.js";
import { activeContainers, baseOf, uninfluential } from "./activity.js";
import { Availability } from "../analysis/availability.js";
import { Copies } from "../analysis/copies.js";
import { localsOf } from "../analysis/dependence.js";
import { definingParts } from "../analysis/fresh.js";
import { reverseExtremum } from "./extrema.js";
import { isZero } from "./same.js";
import { Exits } from "./exits.js";
import { Iterations, type Numbering } from "./iterations.js";
import { fill, mapOver, Pool, tasklet } from "./names.js";
import { prepare, writesActive, type Prepared } from "./prepare.js";
import { reverseTasklet, type TaskletContext } from "./tasklet.js";
import { uniqueLocals } from "../transform/unique-locals.js";

export interface ReverseOptions {
  /** Containers whose gradient is asked for. */
  readonly wrt: readonly string[];
  /** Containers that are differentiated. */
  readonly of: readonly string[];
  /** "unit": one scalar output with cotangent 1; "arguments": a cotangent argument per output. */
  readonly seeds: "unit" | "arguments";
  /** Containers whose final value the caller wants (must survive as outputs). */
  readonly keep: readonly string[];
}

export interface Joint {
  readonly graph: Graph;
  /** Output containers: `grad:NAME` for each wrt, `out:NAME` for each kept value. */
  readonly outputs: Readonly<Record<string, string>>;
  /** wrt containers that no output depends on in a differentiable way: their gradient is zero. `loc`: where the derivative ends, if it does so in one place. */
  readonly unaffected: ReadonlyMap<string, { readonly loc?: SourceLoc }>;
  /** Changed arguments' working containers → containers of their initial values. */
  readonly initial: ReadonlyMap<string, string>;
  /** Number of leading nodes of the body that are the forward sweep. */
  readonly forward: number;
  /** Loops of the forward sweep whose iterations are numbered. */
  readonly numbers: ReadonlyMap<number, Numbering>;
}

export function reverse(primal: Graph, options: ReverseOptions): Joint {
  const graph = uniqueLocals(primal);
  const pool = new Pool(graph.containers);
  const iterations = new Iterations(pool, graph.facts);
  const prepared = prepare(graph, pool, activeContainers(graph, options.wrt, options.of).active, iterations);
  const forward = graph.with({ body: prepared.body, parameters: prepared.parameters, containers: pool.containers });
  const { active } = activeContainers(forward, options.wrt, options.of);
  return new Reversal(forward, prepared, pool, active, options, iterations).run();
}

/** Where the sweep is: the loops around as it runs them, and as the forward sweep did. */
interface Here { readonly loops: readonly Loop[]; readonly around: readonly Around[] }
/** `locals`: containers that are private to an iteration around. */
interface Swept { readonly nodes: readonly Node[]; readonly locals: readonly string[] }
const HERE: Here = { loops: [], around: [] };

class Reversal {
  readonly #gradients = new Map<string, string>();
  readonly #homes: Map<string, string[]>;
  /** Tasklets that write what no later node of the sweep, which runs backwards, looks at before it is initialised anew. */
  readonly #first = new Set<number>();
  readonly #availability: Availability;
  readonly #copies: Copies;
  readonly #exits: Exits;

  constructor(readonly graph: Graph, readonly prepared: Prepared, readonly pool: Pool, readonly active: ReadonlySet<string>, readonly options: ReverseOptions, readonly iterations: Iterations) {
    this.#availability = new Availability(graph);
    this.#copies = new Copies(this.#availability);
    this.#exits = new Exits(prepared.body, iterations);
    this.#homes = this.#findHomes();
  }

  run(): Joint {
    const { graph, pool, options } = this;
    const seeds: Node[] = [];
    const cotangents: Parameter[] = [];
    const seeded = new Set<string>();
    for (const name of options.of) {
      const base = baseOf(graph, name), c = pool.containers.get(base)!;
      if (!this.active.has(base)) {
        if (options.seeds === "arguments") cotangents.push(this.#cotangent(name, c.dtype).parameter);
        continue;
      }
      // Two outputs may be one array under two names: both cotangents count.
      const again = seeded.has(base) ? "sum" : undefined;
      seeded.add(base);
      const g = this.#gradient(base);
      if (options.seeds === "unit") { seeds.push(tasklet({ data: g, index: c.shape.map(() => ZERO) }, literal(1, c.dtype), [])); continue; }
      const ct = this.#cotangent(name, c.dtype);
      cotangents.push(ct.parameter);
      if (pool.containers.get(ct.container)!.shape.length !== c.shape.length) throw new InternalError(`the output ${name} is a view of another rank than ${base}`);
      seeds.push(mapOver(pool, c.shape.map(() => ZERO), c.shape, (index) => tasklet({ data: g, index }, input(0, c.dtype), [{ data: ct.container, index }], again)));
    }
    // The copies of changed arguments are not differentiated: the cotangent of the working copy is that of the argument on entry.
    const backward = this.#list(this.prepared.body.slice(this.prepared.initial.size), ROOT, HERE, seeded).nodes;

    const sweep = [...seeds, ...backward];
    const outputs: Record<string, string> = {};
    const unaffected = uninfluential(graph, options.wrt, options.of);
    const late: Node[] = [];
    for (const name of options.wrt) {
      const base = baseOf(graph, name);
      const g = this.#gradient(base);
      // A gradient that nothing accumulated into has not been initialised by the sweep.
      if (![...sweep, ...late].some((n) => touches(pool, n, g))) late.push(...fill(pool, g, 0));
      pool.containers.set(g, { ...pool.containers.get(g)!, transient: false });
      outputs[`grad:${name}`] = g;
    }
    for (const name of options.keep) {
      const base = baseOf(graph, name);
      pool.containers.set(base, { ...pool.containers.get(base)!, transient: false });
      outputs[`out:${name}`] = name;
    }
    // Values that only the forward program returned and nobody asked for are plain transients now.
    const parameters = new Set(this.prepared.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : [])));
    const wanted = new Set([...Object.values(outputs), ...cotangents.map((p) => (p as { container: string }).container)]);
    for (const [name, c] of pool.containers) {
      if (!c.transient && !c.view && !parameters.has(name) && !wanted.has(name)) pool.containers.set(name, { ...c, transient: true });
    }
    const recorded = this.iterations.insert(this.prepared.body, this.prepared.initial.size), body = [...recorded, ...sweep, ...late];
    return {
      graph: graph.with({ containers: pool.containers, parameters: [...this.prepared.parameters, ...cotangents], result: { kind: "none" }, body }),
      outputs, unaffected, initial: this.prepared.initial, forward: recorded.length, numbers: this.iterations.numbers,
    };
  }

  #cotangent(name: string, dtype: Tasklet["code"]["dtype"]): { container: string; parameter: Parameter } {
    const c = this.pool.containers.get(name)!;
    const container = this.pool.add(`ct_${name}`, { dtype, shape: c.shape, transient: false, role: "gradient", ...(c.label ? { label: `cotangent of ${c.label}` } : {}) });
    return { container, parameter: { kind: "container", name: `cotangent:${name}`, container } };
  }

  /** The gradient container of a container; views of it are views of its gradient. */
  #gradient(data: string): string {
    const known = this.#gradients.get(data);
    if (known) return known;
    const c = this.pool.containers.get(data)!;
    const g = this.pool.add(`g_${data}`, {
      dtype: c.dtype, shape: c.shape, transient: true, role: "gradient", ...(c.growable ? { growable: true } : {}), ...(c.label ? { label: c.label } : {}), ...(c.loc ? { loc: c.loc } : {}),
      ...(c.view ? { view: { base: this.#gradient(c.view.base), offset: c.view.offset } } : {}),
    });
    this.#gradients.set(data, g);
    return g;
  }

  /**
   * For each active transient, the innermost body list that holds all its accesses and whose first access overwrites it whole: its gradient lives only
   * there, is born zero at its last use and dead at its definition. Everything else lives in the program's body.
   */
  #findHomes(): Map<string, string[]> {
    const paths = new Map<string, Path[]>();
    visitPaths(this.prepared.body, (n, path) => {
      const touch = (data: string): void => {
        const b = baseOf(this.graph, data);
        if (this.active.has(b)) { const l = paths.get(b); if (l) l.push(path); else paths.set(b, [path]); }
      };
      if (n.kind === "tasklet") { for (const m of n.inputs) touch(m.data); touch(n.output.data); }
      else if (n.kind === "library" && n.op !== "grow") for (const m of [...n.inputs, ...n.outputs]) touch(m.data);
      else if (n.kind === "conditional") for (const b of n.branches) for (const m of b.condition?.inputs ?? []) touch(m.data);
    });
    const homes = new Map<string, string[]>();
    const place = (key: string, base: string): void => { const l = homes.get(key); if (l) l.push(base); else homes.set(key, [base]); };
    const locals = localsOf(this.prepared.body);
    for (const base of this.active) {
      const ps = paths.get(base) ?? [];
      // Private to an iteration: so is its gradient.
      const own = locals.get(base);
      if (own !== undefined) { place(`${own}`, base); continue; }
      let depth = 0;
      const special = this.options.wrt.some((w) => baseOf(this.graph, w) === base) || this.options.of.some((w) => baseOf(this.graph, w) === base);
      if (!special && ps.length > 0 && this.pool.containers.get(base)!.transient) {
        while (ps.every((p) => p.length > depth + 1 && p[depth]!.node === ps[0]![depth]!.node && p[depth + 1]!.key === ps[0]![depth + 1]!.key)) depth++;
        // Walk outwards until the first access in the list is a covering write.
        for (; depth >= 0; depth--) {
          const first = ps.reduce((a, p) => (p[depth]!.index < a[depth]!.index ? p : a), ps[0]!);
          const covering = ps.filter((p) => p[depth]!.index === first[depth]!.index);
          if (covering.length === 1 && this.#covers(covering[0]!, depth, base)) { this.#first.add(covering[0]!.at(-1)!.node.id); break; }
          const parts = this.#partsOf(ps, depth, base);
          if (parts) { for (const t of parts) this.#first.add(t.id); break; }
        }
        depth = Math.max(depth, 0);
      }
      place(ps.length === 0 ? ROOT : ps[0]![depth]!.key, base);
    }
    return homes;
  }

  /** Is the access at the end of the path an unconditional plain write of the whole container, once, below `depth`? */
  #covers(path: Path, depth: number, base: string): boolean {
    const t = path.at(-1)!.node;
    if (t.kind !== "tasklet" || t.wcr || t.output.data !== base || t.inputs.some((m) => baseOf(this.graph, m.data) === base)) return false;
    // A loop that may be left, or an iteration that may end before it comes there, does not cover.
    for (let i = depth; i < path.length - 1; i++) if (path[i]!.node.kind !== "loop" || this.#exits.leaves(path[i]!.node)) return false;
    const loops = new Map(loopsOf(path, depth).map((l) => [l.variable, l]));
    const shape = this.pool.containers.get(base)!.shape;
    if (loops.size !== shape.length) return shape.length === 0 && loops.size === 0;
    return t.output.index.every((e, d) => {
      const v = asSymbol(e);
      const l = v === undefined ? undefined : loops.get(v);
      if (!l) return false;
      loops.delete(v!);
      return isZero(l.begin, this.graph.facts) === "yes" && isZero(sub(l.end, shape[d]!), this.graph.facts) === "yes";
    });
  }

  /** The writes, each of its own elements, that overwrite the container slice by slice before anything in the list at `depth` reads it. */
  #partsOf(paths: readonly Path[], depth: number, base: string): readonly Tasklet[] | undefined {
    const touching = new Set(paths.map((p) => p[depth]!.node));
    const parts = definingParts(this.graph, paths[0]![depth]!.list, base, (n) => ({ has: () => touching.has(n) }));
    if (!parts?.once) return undefined;
    const ids = new Set(parts.tasks.map((t) => t.id)), leaving = paths.some((p) => ids.has(p.at(-1)!.node.id) && p.slice(depth, -1).some((s) => this.#exits.leaves(s.node)));
    return leaving ? undefined : parts.tasks;
  }

  #list(body: readonly Node[], key: string, here: Here, seeded: ReadonlySet<string>): { nodes: Node[]; locals: string[] } {
    let nodes: Node[] = [];
    const locals: string[] = [];
    for (let i = body.length - 1; i >= 0; i--) {
      const n = body[i]!;
      // What comes behind a node that may be left ran only if it was not.
      if (n.kind === "exit" || n.kind === "raise") nodes = [];
      else if (nodes.length > 0 && this.#exits.leaves(n)) nodes = [{ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [], code: op("not", "bool", this.#exits.left([n], here.around)) }, body: nodes }] }];
      const r = this.#node(n, here);
      nodes.push(...r.nodes);
      locals.push(...r.locals);
    }
    for (const base of this.#homes.get(key) ?? []) {
      if (seeded.has(base) || !this.#gradients.has(base)) continue;
      const g = this.#gradient(base);
      const at = nodes.findIndex((n) => touches(this.pool, n, g));
      if (at >= 0) nodes.splice(at, 0, ...fill(this.pool, g, 0));
    }
    return { nodes, locals };
  }

  #facts(loops: readonly Loop[]): Assumptions {
    return this.graph.facts.with(...loops.flatMap((l) => [sub(sym(l.variable), l.begin), addInt(sub(l.end, sym(l.variable)), -1)]));
  }

  #context(t: Tasklet, loops: readonly Loop[]): TaskletContext {
    return {
      pool: this.pool,
      gradient: (d) => this.#gradient(d),
      isActive: (d) => this.active.has(baseOf(this.graph, d)),
      baseOf: (d) => baseOf(this.graph, d),
      clearingUnneeded: this.#first.has(t.id),
      resultAvailable: (x) => this.#isThere(x.output, { node: x.id, when: "after" }),
      inputAvailable: (x, i) => this.#isThere(x.inputs[i]!, { node: x.id, when: "before" }),
      facts: this.#facts(loops),
    };
  }

  #isThere(m: Memlet, saved: Saved): boolean { return this.#availability.available(m, saved) || this.#copies.find(m, saved) !== undefined; }

  #node(node: Node, here: Here): Swept {
    const { loops, around } = here;
    switch (node.kind) {
      case "tasklet": return reverseTasklet(node, this.#context(node, loops));
      case "loop": {
        const extremum = this.prepared.extrema.get(node.id);
        if (extremum) return reverseExtremum(node, extremum, this.#context(extremum, loops));
        const r = this.#list(node.body, `${node.id}`, { loops: [...loops, node], around: [...around, node] }, new Set());
        if (r.nodes.length === 0) return { nodes: [], locals: [] };
        const locals = [...r.locals, ...(node.locals ?? []).flatMap((d) => (this.#gradients.has(d) ? [this.#gradients.get(d)!] : []))];
        const { begin, end } = this.#exits.entered(node, around);
        return { nodes: [{ ...node, id: freshId(), begin, end, order: node.order === "any" ? "any" : node.order === "up" ? "down" : "up", body: r.nodes, locals }], locals: [] };
      }
      case "while": {
        if (!writesActive(this.graph, node, this.active)) return { nodes: [], locals: [] };
        const loop: Loop = { kind: "loop", id: freshId(), variable: node.counter, ...this.#exits.entered(node, around), order: "down", body: [], ...(node.loc ? { loc: node.loc } : {}) };
        const r = this.#list(node.body, `${node.id}`, { loops: [...loops, loop], around: [...around, node] }, new Set());
        return r.nodes.length === 0 ? { nodes: [], locals: [] } : { nodes: [{ ...loop, body: r.nodes, locals: r.locals }], locals: [] };
      }
      case "conditional": return this.#conditional(node, here);
      case "block": return this.#list(node.body, `${node.id}`, here, new Set());
      case "library": {
        const isActive = (o: Operand): boolean => this.active.has(baseOf(this.graph, o.data));
        if (!node.outputs.some(isActive)) return { nodes: [], locals: [] };
        const rule = LIBRARY.get(node.op);
        if (!rule) throw new InternalError(`no library operation ${node.op}`);
        if (!rule.adjoint) return { nodes: [], locals: [] };
        const locals: string[] = [], dtypeOf = (d: string): DType => this.pool.containers.get(d)!.dtype;
        const nodes: Node[] = [...rule.adjoint(node, {
          gradient: (o) => ({ ...withoutSaved(o), data: this.#gradient(o.data) }),
          active: { inputs: node.inputs.map(isActive), outputs: node.outputs.map(isActive) },
          // Integers (pivots, permutations) are discrete facts that floats decided.
          saved: (o, when) => ({ ...o, saved: { node: node.id, when, ...(isDifferentiable(dtypeOf(o.data)) ? {} : { exact: true }) } }),
          workspace: (label, dtype, sizes) => {
            // A size that changes with the loops around needs room for the largest.
            const shape = sizes.map((e) => this.#room(e, loops, node));
            const data = this.pool.add(label, { dtype, shape, transient: true, role: "workspace" });
            locals.push(data);
            return { data, base: sizes.map(() => ZERO), axes: sizes.map((_, d) => d), sizes };
          },
          dtypeOf, variable: () => this.pool.variable("x"),
        })];
        if (!node.accumulate) for (const o of node.outputs) if (isActive(o)) nodes.push(this.#clear(o));
        return { nodes, locals };
      }
      case "exit": case "raise": return { nodes: [], locals: [] };
    }
  }

  /** What a size is at most, over the loops around. */
  #room(e: Expr, loops: readonly Loop[], node: Node): Expr {
    const bound = upperBound(e, loops, this.#facts(loops));
    if (!bound || loadedContainers(bound).size > 0 || loops.some((l) => dependsOn(bound, l.variable))) throw new DaceError("UNSUPPORTED", "the derivative of an operation on arrays whose size is known only while the program runs", node.loc ? { loc: node.loc } : {});
    return bound;
  }

  #clear(o: Operand): Node {
    const g = this.#gradient(o.data), dtype = this.pool.containers.get(g)!.dtype;
    return mapOver(this.pool, o.sizes.map(() => ZERO), o.sizes, (v) => {
      const index = [...o.base];
      o.axes.forEach((axis, d) => { index[axis] = add(index[axis]!, v[d]!); });
      return tasklet({ data: g, index }, literal(0, dtype), []);
    });
  }

  /** Arms that always leave are known by their exits; the others by their conditions, as they were. */
  #conditional(node: Conditional, here: Here): Swept {
    const arms = node.branches.map((b, i) => this.#list(b.body, `${node.id}.${i}`, here, new Set()));
    if (arms.every((a) => a.nodes.length === 0)) return { nodes: [], locals: [] };
    const locals = arms.flatMap((a) => a.locals);
    // An arm that ends the program with an error was not taken.
    const possible = node.branches.map((b, i) => ({ ...b, nodes: arms[i]!.nodes, always: this.#exits.always(b.body) })).filter((b) => !b.always || b.body.some((n) => exitsOf(n).size > 0));
    const leaving = possible.filter((b) => b.always), staying = possible.filter((b) => !b.always), whole = node.branches.at(-1)!.condition === undefined;
    const left = (which: readonly Branch[]): ScalarExpr => this.#exits.left(which.flatMap((b) => b.body), here.around);
    const make = (branches: readonly Branch[]): Swept => ({ nodes: [{ ...node, id: freshId(), branches }], locals });
    const facts = leaving.map((b): Branch => ({ condition: { inputs: [], code: left([b]) }, body: b.nodes }));
    if (staying.length === 1 && whole) {
      // Nothing else is left to happen.
      const only = staying[0]!.nodes;
      if (leaving.length === 0) return { nodes: only, locals };
      if (leaving.every((b) => b.nodes.length === 0)) return make([{ condition: { inputs: [], code: op("not", "bool", left(leaving)) }, body: only }]);
      return make(only.length > 0 ? [...facts, { body: only }] : facts);
    }
    return make([...facts, ...staying.map((b) => ({ ...(b.condition ? { condition: savedCondition(b.condition, node.id) } : {}), body: b.nodes }))]);
  }
}

function savedCondition(c: Condition, node: number): Condition {
  return { ...c, inputs: c.inputs.map((m): Memlet => ({ ...m, saved: { node, when: "before", exact: true } })) };
}
function withoutSaved(o: Operand): Operand { const { saved: _, ...rest } = o; return rest; }
function touches(pool: Pool, node: Node, data: string): boolean {
  const is = (d: string): boolean => d === data || pool.containers.get(d)?.view?.base === data;
  if (node.kind === "tasklet") return is(node.output.data) || node.inputs.some((m) => is(m.data));
  if (node.kind === "library") return [...node.inputs, ...node.outputs].some((o) => is(o.data));
  return bodiesOf(node).some((b) => b.list.some((n) => touches(pool, n, data)));
}
