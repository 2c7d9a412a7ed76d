/**
 * Divides a program between the host and kernels. Maps become kernels; runs of scalar code and of loops without maps worth a grid become kernels of one thread, in order; what
 * is left is control flow, which the host runs. Host control knows symbols, its own loop variables, lists that a planner gives with the call, and the integers and booleans it has fetched: whatever else its
 * bounds and conditions depend on is computed by a kernel and read.
 * Pre: a valid graph without views of private containers. Post: all tasklets are inside kernels, but for the reads of fetched values, `host[] = device[]`, and of lists, `host[] = list[i, k]`.
 * Safe because everything runs in program order on one stream; where nothing is proven, one thread does the work in order.
 */
import { loopFacts } from "../../analysis/dependence.js";
import { exprsOf, rewriteNode, symbolsOf } from "../../analysis/walk.js";
import { bodiesOf } from "../../analysis/paths.js";
import { accessesOf, conditionFacts } from "../../analysis/accesses.js";
import { DaceError, type SourceLoc } from "../../base/errors.js";
import type { DType } from "../../base/dtypes.js";
import { constant, input, symbolic } from "../../scalar/expr.js";
import { freshId, type Graph } from "../../sdfg/sdfg.js";
import type { Condition, LibraryNode, Loop, Memlet, Node, Tasklet } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { hasLoads, int, load, mapAtoms, ONE, visitAtoms, ZERO, type Expr } from "../../symbolic/expr.js";
import { splitInteriors } from "../interior.js";
import { unitsIn } from "../work.js";
import { smallLoops } from "./block.js";
import { kernelsOf, PARTIALS } from "./kernel.js";
import { threadable } from "./nests.js";
import { batchForms } from "./products.js";
import { separate } from "./separate.js";
import { flagsOf } from "./solvers.js";

/** Units of work that one thread does rather than a grid. */
const FEW_UNITS = 1024;

export interface Placed {
  readonly graph: Graph;
  /** Scalars that live on the host. */
  readonly host: ReadonlySet<string>;
  /** Containers that kernels use and that no node names. */
  readonly partials: ReadonlySet<string>;
}

export function placeOnGpu(graph: Graph, options: { readonly strict: boolean; readonly blocks: boolean }): Placed {
  const used = symbolsOf(graph.body), variable = (prefix: string): string => { for (let n = 0; ; n++) { const v = `${prefix}_${n}`; if (!used.has(v)) { used.add(v); return v; } } };
  const p = new Placer(graph, options.strict, variable);
  const placed = p.list(graph.body, graph.facts), body = !options.blocks ? placed : smallLoops(placed, graph.facts, { graph: () => p.graph, host: p.host, variable, counter: () => p.counter(), place: (nodes, facts) => p.list(nodes, facts) });
  return { graph: graph.with({ body, containers: p.graph.containers }), host: p.host, partials: p.partials };
}

/** What a planner gives with a call, where nothing writes it. */
function listsOf(graph: Graph): ReadonlySet<string> {
  const written = new Set(accessesOf(graph, graph.body).flatMap((a) => (a.write ? [a.base] : [])));
  return new Set(graph.parameters.flatMap((p) => (p.kind === "container" && p.name.startsWith("schedule:") && graph.container(p.container).dtype === "int64" && !written.has(p.container) ? [p.container] : [])));
}

class Placer {
  graph: Graph;
  /** Scalars that live on the host. */
  readonly host: Set<string>;
  readonly partials = new Set<string>();
  readonly #names = new Map<string, number>();
  readonly #separations = new WeakMap<Loop, { readonly parts: readonly Loop[] | undefined }>();
  readonly #kernels = new WeakMap<Loop, { readonly kernel: Node | undefined }>();
  /** Lists that the host has in its own memory as well. */
  readonly #lists: ReadonlySet<string>;
  /** Loops of the host around. */
  #around: readonly Loop[] = [];
  /** `variable`: a new loop variable. */
  constructor(graph: Graph, readonly strict: boolean, readonly variable: (prefix: string) => string) { this.graph = graph; this.host = new Set(flagsOf(graph)); this.#lists = listsOf(graph); }

  #container(prefix: string, dtype: DType, shape: readonly Expr[]): string {
    let n = this.#names.get(prefix) ?? 0, name: string;
    do name = `${prefix}_${n++}`; while (this.graph.containers.has(name));
    this.#names.set(prefix, n);
    this.graph = this.graph.with({ containers: new Map([...this.graph.containers, [name, { name, dtype, shape, transient: true, role: "workspace" }]]) });
    return name;
  }

  /** An integer of the device, and one of the host. */
  counter(): { readonly device: string; readonly host: string } {
    const device = this.#container("asked", "int64", []), host = this.#container("fetched", "int64", []);
    this.host.add(host);
    return { device, host };
  }

  /** What launches the loop: one kernel, or one of two by sizes. */
  #kernel(l: Loop, facts: Assumptions): Node | undefined {
    let known = this.#kernels.get(l);
    if (!known) {
      const all = kernelsOf(this.graph, l, facts, { strict: this.strict, partials: (r) => { const name = this.#container("partials", this.graph.container(r.data).dtype, [int(PARTIALS)]); this.partials.add(name); return name; } });
      const made = all?.map((c, i) => ({ ...c, kernel: this.#finished(i === 0 ? c.kernel : rewriteNode(c.kernel, { fresh: true }) as Loop, facts) }));
      const branches = made?.map((c) => ({ ...(c.when ? { condition: { inputs: [], code: c.when } } : {}), body: [c.kernel] }));
      this.#kernels.set(l, known = { kernel: !made || !branches ? undefined : made.length === 1 ? made[0]!.kernel : { kind: "conditional", id: freshId(), branches, ...(l.loc ? { loc: l.loc } : {}) } });
    }
    return known.kernel;
  }
  /** Guards inside are decided once, for the inner part of the grid. */
  #finished(k: Loop, facts: Assumptions): Loop {
    return splitInteriors(this.graph.with({ assumptions: [...this.graph.assumptions, ...facts.facts], body: [k] })).body[0] as Loop;
  }

  /** Is there anything inside that is worth a grid, or that only the host can do? */
  #needsHost(n: Node, facts: Assumptions): boolean {
    if (!threadable([n])) return true;
    if (n.kind === "loop") {
      if (this.#worthGrid(n, facts)) return true;
      const inner = facts.with(...loopFacts(n));
      return this.#inside(n, () => n.body.some((x) => this.#needsHost(x, inner)));
    }
    if (n.kind === "conditional") return n.branches.some((b) => { const inner = b.condition ? facts.with(...conditionFacts(b.condition.code)) : facts; return b.body.some((x) => this.#needsHost(x, inner)); });
    return bodiesOf(n).some((b) => b.list.some((x) => this.#needsHost(x, facts)));
  }
  #inside<T>(l: Loop, f: () => T): T {
    const before = this.#around;
    this.#around = [...before, l];
    const r = f();
    this.#around = before;
    return r;
  }
  #worthGrid(l: Loop, facts: Assumptions): boolean {
    if (l.order !== "any") return false;
    return !this.#isFew(l) && (this.#kernel(l, facts) !== undefined || this.#parts(l, facts)?.some((x) => this.#worthGrid(x, facts)) === true);
  }

  /** Maps that want several kernels, as several maps. */
  #separated(n: Node, facts: Assumptions): readonly Node[] {
    const parts = this.#parts(n, facts);
    return parts ? parts.flatMap((x) => this.#separated(x, facts)) : [n];
  }
  #parts(n: Node, facts: Assumptions): readonly Loop[] | undefined {
    if (n.kind !== "loop" || n.order !== "any" || this.#isFew(n)) return undefined;
    const known = this.#separations.get(n);
    if (known) return known.parts;
    const r = separate(this.graph, n, { strict: this.strict, facts, around: this.#around, container: (like, shape) => { const name = this.#container(like.name, like.dtype, shape); return { name, graph: this.graph }; } });
    this.#separations.set(n, { parts: r?.parts });
    return r?.parts;
  }
  #isFew(l: Loop): boolean { const work = unitsIn([l]).constant; return work !== undefined && work <= FEW_UNITS; }

  list(given: readonly Node[], facts: Assumptions): readonly Node[] {
    const body = given.flatMap((n) => this.#separated(n, facts)), out: Node[] = [];
    let single: Node[] = [];
    const flush = (): void => { if (single.length > 0) out.push(this.#single(single, facts)); single = []; };
    for (const n of body) {
      if (!this.#needsHost(n, facts)) { single.push(n); continue; }
      flush();
      out.push(...this.#place(n, facts));
    }
    flush();
    return out;
  }

  /** One thread runs the nodes in order. */
  #single(body: readonly Node[], facts: Assumptions): Node {
    const [first] = body;
    const l: Loop = { kind: "loop", id: freshId(), variable: this.variable("one"), begin: ZERO, end: ONE, order: "any", body, ...(first?.loc ? { loc: first.loc } : {}), schedule: { gpu: { kernel: "single" } } };
    return this.#finished(l, facts);
  }

  #place(n: Node, facts: Assumptions): readonly Node[] {
    switch (n.kind) {
      case "loop": {
        const batch = batchForms(this.graph, n, facts, { few: this.#isFew(n), variable: this.variable, place: (x) => this.list([x], facts) });
        if (batch) return batch;
        const kernel = this.#isFew(n) ? undefined : this.#kernel(n, facts);
        if (kernel) return [kernel];
        const before: Node[] = [], begin = this.#known(n.begin, n.loc, before, facts), end = this.#known(n.end, n.loc, before, facts);
        const body = this.#inside(n, () => this.list(n.body, facts.with(...loopFacts(n))));
        return [...before, { ...n, begin, end, body }];
      }
      case "conditional": return this.#conditional(n, 0, facts);
      case "while": return [this.#while(n, facts)];
      case "block": return [{ ...n, body: this.list(n.body, facts) }];
      case "library": {
        if (n.op === "grow") return this.#grow(n, facts);
        return [n];
      }
      case "tasklet": throw new DaceError("UNSUPPORTED", "this statement cannot run on the GPU", n.loc ? { loc: n.loc } : {});
      default: return [n];
    }
  }

  #grow(n: LibraryNode, facts: Assumptions): readonly Node[] {
    const before: Node[] = [], known = (e: Expr): Expr => this.#known(e, n.loc, before, facts);
    const operand = (o: LibraryNode["inputs"][number]): LibraryNode["inputs"][number] => ({ ...o, base: o.base.map(known), sizes: o.sizes.map(known) });
    const outputs = n.outputs.map(operand);
    return [...before, { ...n, inputs: outputs, outputs }];
  }

  // ---- values that host control needs

  /** The value of a scalar expression over containers, fetched: the name of the host scalar that holds it. */
  #fetch(code: Tasklet["code"], inputs: readonly Memlet[], loc: SourceLoc | undefined, before: Node[], facts: Assumptions): string {
    const device = this.#container("asked", code.dtype, []), host = this.#container("fetched", code.dtype, []);
    this.host.add(host);
    const at = loc ? { loc } : {};
    before.push(
      this.#single([{ kind: "tasklet", id: freshId(), inputs, output: { data: device, index: [] }, code, ...at }], facts),
      { kind: "tasklet", id: freshId(), inputs: [{ data: device, index: [] }], output: { data: host, index: [] }, code: input(0, code.dtype), ...at },
    );
    return host;
  }
  #known(e: Expr, loc: SourceLoc | undefined, before: Node[], facts: Assumptions): Expr {
    let ofLists = true;
    visitAtoms(e, (a) => { if (a.kind === "load" && !this.#isElement(a)) ofLists = false; });
    if (ofLists) return mapAtoms(e, (a) => (a.kind === "load" ? load(this.#element(a, before), []) : undefined));
    return hasLoads(e) ? load(this.#fetch(symbolic(e), [], loc, before, facts), []) : e;
  }
  #isElement(m: Memlet): boolean { return this.#lists.has(m.data) && !m.guard?.length && !m.index.some(hasLoads); }
  /** A list's element, from the host's own memory. */
  #element({ data, index }: Memlet, before: Node[]): string {
    const host = this.#container("fetched", "int64", []);
    this.host.add(host);
    before.push({ kind: "tasklet", id: freshId(), inputs: [{ data, index }], output: { data: host, index: [] }, code: input(0, "int64") });
    return host;
  }
  /** A condition of symbols is the host's own business, and so is one of lists. */
  #condition(c: Condition, loc: SourceLoc | undefined, before: Node[], facts: Assumptions): Condition {
    const loads = exprsOf({ kind: "conditional", id: 0, branches: [{ condition: c, body: [] }] }).some(hasLoads);
    if (!loads && c.inputs.every((m) => this.host.has(m.data) || this.#isElement(m))) return { ...c, inputs: c.inputs.map((m) => (this.host.has(m.data) ? m : { data: this.#element(m, before), index: [] })) };
    const name = this.#fetch(c.code, c.inputs, loc, before, facts);
    return { inputs: [{ data: name, index: [] }], code: input(0, "bool") };
  }
  /** Later conditions are computed only where the earlier ones fail. */
  #conditional(n: Node & { kind: "conditional" }, from: number, facts: Assumptions): readonly Node[] {
    const b = n.branches[from];
    if (!b) return [];
    if (!b.condition) return this.list(b.body, facts);
    const before: Node[] = [], condition = this.#condition(b.condition, n.loc, before, facts);
    const otherwise = this.#conditional(n, from + 1, facts);
    const { branches: _, ...rest } = n;
    return [...before, {
      ...rest, id: from === 0 ? n.id : freshId(),
      branches: [{ condition, body: this.list(b.body, facts.with(...conditionFacts(b.condition.code))) }, ...(otherwise.length > 0 ? [{ body: otherwise }] : [])],
    }];
  }
  #while(n: Node & { kind: "while" }, facts: Assumptions): Node {
    const before: Node[] = [], condition = this.#condition(n.condition, n.loc, before, facts), body = this.list(n.body, facts);
    if (before.length === 0) return { ...n, body };
    // The condition is asked for in each round.
    const label = `leave ${n.id}`;
    const leave: Node = { kind: "conditional", id: freshId(), branches: [{ condition, body: [] }, { body: [{ kind: "exit", id: freshId(), label }] }] };
    const round = n.testAfter ? [...body, ...before, leave] : [...before, leave, ...body];
    return { kind: "block", id: freshId(), label, body: [{ ...n, condition: { inputs: [], code: constant(true, "bool") }, testAfter: false, body: round }] };
  }
}
