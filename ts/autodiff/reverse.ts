/**
 * Reverse mode over a graph: appends the backward sweep to the forward one. Pre: a valid forward graph without guards' writes, `saved` reads or
 * exits out of active regions. Post: the joint graph, whose backward part reads forward values through `saved`; gradients only are allocated.
 */
import { DaceError, InternalError, type SourceLoc } from "../base/errors.js";
import { isDifferentiable, type DType } from "../base/dtypes.js";
import { input } from "../scalar/expr.js";
import { literal } from "../scalar/build.js";
import { bodiesOf, ROOT, visitPaths, loopsOf, type Path } from "../analysis/paths.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Branch, Condition, Loop, Memlet, Node, Operand, Parameter, Tasklet } from "../sdfg/nodes.js";
import { add, addInt, asSymbol, dependsOn, loadedContainers, sub, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { upperBound } from "../symbolic/prove.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { LIBRARY } from "../library/index.js";
import { activeContainers, baseOf, uninfluential } from "./activity.js";
import { Availability } from "../analysis/availability.js";
import { localsOf } from "../analysis/dependence.js";
import { reverseExtremum } from "./extrema.js";
import { isZero } from "./same.js";
import { fill, mapOver, Pool, tasklet } from "./names.js";
import { prepare, type Prepared } from "./prepare.js";
import { reverseTasklet, type TaskletContext } from "./tasklet.js";

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
}

export function reverse(graph: Graph, options: ReverseOptions): Joint {
  const pool = new Pool(graph.containers);
  const prepared = prepare(graph, pool);
  const forward = graph.with({ body: prepared.body, parameters: prepared.parameters, containers: pool.containers });
  const { active } = activeContainers(forward, options.wrt, options.of);
  return new Reversal(forward, prepared, pool, active, options).run();
}

class Reversal {
  readonly #gradients = new Map<string, string>();
  readonly #homes: Map<string, string[]>;
  readonly #first = new Map<string, number>();
  readonly #availability: Availability;

  constructor(readonly graph: Graph, readonly prepared: Prepared, readonly pool: Pool, readonly active: ReadonlySet<string>, readonly options: ReverseOptions) {
    this.#availability = new Availability(graph);
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
    const backward = this.#list(this.prepared.body.slice(this.prepared.initial.size), ROOT, [], seeded).nodes;

    const sweep = [...seeds, ...backward];
    const outputs: Record<string, string> = {};
    const unaffected = uninfluential(graph, options.wrt, options.of);
    const late: Node[] = [];
    for (const name of options.wrt) {
      const base = baseOf(graph, name);
      const g = this.#gradient(base);
      // A gradient that nothing accumulated into has not been initialised by the sweep.
      if (![...sweep, ...late].some((n) => touches(pool, n, g))) late.push(fill(pool, g, 0));
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
    const body = [...this.prepared.body, ...sweep, ...late];
    return {
      graph: graph.with({ containers: pool.containers, parameters: [...this.prepared.parameters, ...cotangents], result: { kind: "none" }, body }),
      outputs, unaffected, initial: this.prepared.initial, forward: this.prepared.body.length,
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
      dtype: c.dtype, shape: c.shape, transient: true, role: "gradient", ...(c.label ? { label: c.label } : {}), ...(c.loc ? { loc: c.loc } : {}),
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
      else if (n.kind === "library") for (const m of [...n.inputs, ...n.outputs]) touch(m.data);
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
          if (covering.length === 1 && this.#covers(covering[0]!, depth, base)) { this.#first.set(base, covering[0]!.at(-1)!.node.id); break; }
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
    for (let i = depth; i < path.length - 1; i++) if (path[i]!.node.kind !== "loop") return false;
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

  #list(body: readonly Node[], key: string, loops: readonly Loop[], seeded: ReadonlySet<string>): { nodes: Node[]; locals: string[] } {
    const nodes: Node[] = [], locals: string[] = [];
    for (let i = body.length - 1; i >= 0; i--) {
      const r = this.#node(body[i]!, loops);
      nodes.push(...r.nodes);
      locals.push(...r.locals);
    }
    for (const base of this.#homes.get(key) ?? []) {
      if (seeded.has(base) || !this.#gradients.has(base)) continue;
      const g = this.#gradient(base);
      const at = nodes.findIndex((n) => touches(this.pool, n, g));
      if (at >= 0) nodes.splice(at, 0, fill(this.pool, g, 0));
    }
    return { nodes, locals };
  }

  #facts(loops: readonly Loop[]): Assumptions {
    return this.graph.facts.with(...loops.flatMap((l) => [sub(sym(l.variable), l.begin), addInt(sub(l.end, sym(l.variable)), -1)]));
  }

  #context(t: Tasklet, loops: readonly Loop[]): TaskletContext {
    const base = baseOf(this.graph, t.output.data);
    return {
      pool: this.pool,
      gradient: (d) => this.#gradient(d),
      isActive: (d) => this.active.has(baseOf(this.graph, d)),
      baseOf: (d) => baseOf(this.graph, d),
      clearingUnneeded: this.#first.get(base) === t.id,
      resultAvailable: (x) => this.#availability.available(x.output, { node: x.id, when: "after" }),
      inputAvailable: (x, i) => this.#availability.available(x.inputs[i]!, { node: x.id, when: "before" }),
      facts: this.#facts(loops),
    };
  }

  #node(node: Node, loops: readonly Loop[]): { readonly nodes: readonly Node[]; readonly locals: readonly string[] } {
    switch (node.kind) {
      case "tasklet": return reverseTasklet(node, this.#context(node, loops));
      case "loop": {
        const extremum = this.prepared.extrema.get(node.id);
        if (extremum) return reverseExtremum(node, extremum, this.#context(extremum, loops));
        const r = this.#list(node.body, `${node.id}`, [...loops, node], new Set());
        if (r.nodes.length === 0) return { nodes: [], locals: [] };
        const locals = [...r.locals, ...(node.locals ?? []).flatMap((d) => (this.#gradients.has(d) ? [this.#gradients.get(d)!] : []))];
        return { nodes: [{ ...node, id: freshId(), order: node.order === "any" ? "any" : node.order === "up" ? "down" : "up", body: r.nodes, locals }], locals: [] };
      }
      case "conditional": {
        const arms = node.branches.map((b, i) => this.#list(b.body, `${node.id}.${i}`, loops, new Set()));
        if (arms.every((a) => a.nodes.length === 0)) return { nodes: [], locals: [] };
        const branches = node.branches.map((b, i): Branch => ({ ...(b.condition ? { condition: savedCondition(b.condition, node.id) } : {}), body: arms[i]!.nodes }));
        return { nodes: [{ ...node, id: freshId(), branches }], locals: arms.flatMap((a) => a.locals) };
      }
      case "block": {
        if (leaves(node.body, node.label) && this.#writesActive(node.body)) this.#refuse(node, "the derivative of a region that break, continue or return leaves");
        const r = this.#list(node.body, `${node.id}`, loops, new Set());
        return r;
      }
      case "while":
        if (this.#writesActive(node.body)) this.#refuse(node, "the derivative of a while loop");
        return { nodes: [], locals: [] };
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

  #writesActive(body: readonly Node[]): boolean {
    return body.some((n) => (n.kind === "tasklet" ? this.active.has(baseOf(this.graph, n.output.data)) : n.kind === "library" ? n.outputs.some((o) => this.active.has(baseOf(this.graph, o.data))) : bodiesOf(n).some((b) => this.#writesActive(b.list))));
  }

  #refuse(node: Node, what: string): never {
    const loc: SourceLoc | undefined = node.loc ?? firstLoc(node);
    throw new DaceError("UNSUPPORTED", what, { ...(loc ? { loc } : {}), hint: "use a for loop with a known number of steps, and if/else instead of leaving the loop; the program itself runs" });
  }
}

function savedCondition(c: Condition, node: number): Condition {
  return { ...c, inputs: c.inputs.map((m): Memlet => ({ ...m, saved: { node, when: "before", exact: true } })) };
}
function withoutSaved(o: Operand): Operand { const { saved: _, ...rest } = o; return rest; }
function leaves(body: readonly Node[], label: string): boolean { return body.some((n) => (n.kind === "exit" ? n.label === label : bodiesOf(n).some((b) => leaves(b.list, label)))); }
function firstLoc(node: Node): SourceLoc | undefined {
  for (const b of bodiesOf(node)) for (const n of b.list) { const l = n.loc ?? firstLoc(n); if (l) return l; }
  return undefined;
}
function touches(pool: Pool, node: Node, data: string): boolean {
  const is = (d: string): boolean => d === data || pool.containers.get(d)?.view?.base === data;
  if (node.kind === "tasklet") return is(node.output.data) || node.inputs.some((m) => is(m.data));
  if (node.kind === "library") return [...node.inputs, ...node.outputs].some((o) => is(o.data));
  return bodiesOf(node).some((b) => b.list.some((n) => touches(pool, n, data)));
}
