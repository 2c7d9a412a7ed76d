/**
 * A graph of ours → the JSON of a DaCe SDFG that DaCe and our loader read. Sequential loops, conditionals and while loops become control-flow regions, map
 * nests map scopes (with a nested SDFG where the body is more than one tasklet), every tasklet a state of its own: the order stays as it is.
 * Views become index arithmetic on what they view. Saved reads, guards and errors of the program's own have
 * no counterpart and are refused; bounds checks are left out, since our loader adds its own.
 */
import { DaceError } from "../../base/errors.js";
import { visitScalar, type ScalarExpr } from "../../scalar/expr.js";
import { add, floordiv, freeSymbols, mod, mul, ONE, sub, visitAtoms, ZERO, type Expr } from "../../symbolic/expr.js";
import type { Condition, Container, LibraryNode, Loop, Memlet, Node, ReturnValue, Tasklet } from "../nodes.js";
import type { Graph } from "../sdfg.js";
import { codeJson, connectorsJson, numberRegions, rangeJson, regionJson, sdfgJson, StateJson, type BlockJson, type JsonObject, type Piece } from "./json.js";
import { integerText, pythonText, type Names } from "./print.js";

export interface ExportOptions {
  /** Plain loops and tasklets for a library node. */
  readonly expand: (node: LibraryNode, dtypeOf: (data: string) => Container["dtype"], variable: () => string) => readonly Node[];
}

const LAMBDA = { sum: "(lambda x, y: (x + y))", prod: "(lambda x, y: (x * y))", min: "(lambda x, y: min(x, y))", max: "(lambda x, y: max(x, y))" } as const;
const refuse = (what: string): never => { throw new DaceError("UNSUPPORTED", `${what} in a .sdfg file`, { hint: "save the program before it is differentiated or scheduled" }); };

export function exportGraph(graph: Graph, options: ExportOptions): JsonObject { return new Exporter(graph, options).root(); }

/** Where break, continue and return lead from here. */
interface Targets { readonly exit?: string; readonly next?: string; readonly root?: string }

class Exporter {
  readonly #taken = new Set<string>();
  readonly #data = new Map<string, string>();
  readonly #symbols = new Map<string, string>();
  readonly #declared = new Map<string, string>();
  #labels = 0;
  #variables = 0;
  /** In code. */
  readonly names: Names = { symbol: (s) => this.symbol(s), load: (d, index) => this.element({ data: d, index }) };

  constructor(readonly graph: Graph, readonly options: ExportOptions) {
    for (const c of graph.checks) if (c.kind === "speculation") refuse("a program that holds for some sizes only");
    for (const p of graph.parameters) { const n = this.#fresh(p.name); if (p.kind === "symbol") this.#symbols.set(p.symbol, n); else if (!this.#data.has(p.container)) this.#data.set(p.container, n); }
    const results = returned(graph.result);
    results.forEach((r, i) => {
      const name = graph.result.kind === "container" ? "__return" : `__return_${i}`;
      this.#taken.add(name);
      if (!this.#data.has(r) ) this.#data.set(r, name);
    });
    for (const s of graph.symbols) if (!this.#symbols.has(s)) this.#symbols.set(s, this.#fresh(s));
    for (const c of graph.containers.values()) if (!this.#data.has(c.name)) this.#data.set(c.name, this.#fresh(c.name));
  }
  #fresh(base: string): string {
    const clean = base.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_");
    let name = clean;
    for (let n = 1; this.#taken.has(name); n++) name = `${clean}_${n}`;
    this.#taken.add(name);
    return name;
  }
  #label(kind: string): string { return `${kind}_${this.#labels++}`; }
  symbol(s: string): string {
    let n = this.#symbols.get(s);
    if (n === undefined) { n = this.#fresh(s); this.#symbols.set(s, n); }
    return n;
  }

  root(): JsonObject {
    const { graph } = this;
    const parameters = new Set(graph.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : [])));
    const copies: BlockJson[] = [];
    if (graph.result.kind === "integer") refuse("an integer result");
    if ((graph.result.kind === "tuple" ? graph.result.items : [graph.result]).some((r) => r.kind === "container" && r.lengths)) refuse("a result whose length the run finds");
    if (graph.result.kind === "tuple" && graph.result.items.some((r) => r.kind !== "container")) refuse("a tuple with other results than arrays and numbers");
    // An argument that is returned too is copied to the result.
    const extra: JsonObject = {};
    returned(graph.result).forEach((r, i) => {
      const name = graph.result.kind === "container" ? "__return" : `__return_${i}`;
      if (this.#data.get(r) === name) return;
      const c = graph.container(r);
      extra[name] = this.#descriptor({ ...c, transient: false, shape: c.shape }, true);
      copies.push(this.#copyBlock(r, name));
    });
    const body = [...this.blocks(graph.body, { ...rootLabel(graph.body) }), ...copies];
    const arrays: JsonObject = {};
    for (const c of graph.containers.values()) {
      if (c.view) continue;
      const returnedHere = returned(graph.result).includes(c.name) && !parameters.has(c.name);
      arrays[this.#data.get(c.name)!] = this.#descriptor({ ...c, transient: !parameters.has(c.name) && !returnedHere }, returnedHere || (parameters.has(c.name) && this.#written(c.name)));
    }
    const symbols: JsonObject = {};
    for (const s of graph.symbols) symbols[this.symbol(s)] = "int64";
    for (const [s, d] of this.#declared) symbols[s] = d;
    const json = sdfgJson(graph.name.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "_") || "program", { ...arrays, ...extra }, symbols, body, graph.parameters.map((p) => (p.kind === "symbol" ? this.symbol(p.symbol) : this.#data.get(p.container)!)));
    numberRegions(json);
    return json;
  }
  #written(name: string): boolean { return writes(this.graph, this.graph.body).has(name); }

  /** A number that is written for the caller is an array of one element in DaCe. */
  #descriptor(c: Container, output: boolean): JsonObject {
    const shape = c.shape.map((e) => this.int(e));
    if (shape.length === 0 && !output) return { type: "Scalar", attributes: { dtype: c.dtype, shape: ["1"], ...(c.transient ? { transient: true } : {}) } };
    const sizes = shape.length === 0 ? ["1"] : shape, strides: string[] = [];
    let s: Expr = ONE;
    for (let d = c.shape.length - 1; d >= 0; d--) { strides[d] = this.int(s); s = mul(s, c.shape[d]!); }
    return { type: "Array", attributes: { strides: shape.length === 0 ? ["1"] : strides, total_size: shape.length === 0 ? "1" : this.int(s), offset: sizes.map(() => "0"), dtype: c.dtype, shape: sizes, ...(c.transient ? { transient: true } : {}) } };
  }
  /** In ranges, subsets and shapes; loaded values are symbols there. */
  #sympy(replace: ReadonlyMap<string, string> = new Map()): Names {
    const typed = (s: string): string => `symbol($${s}, dtype=dace.int64)`;
    return { symbol: (s) => typed(this.symbol(s)), load: (d, index) => typed(replace.get(loadKey(d, index)) ?? refuse("an indirect index here")) };
  }
  int(e: Expr): string { return integerText(e, this.#sympy()); }

  // ---- elements ----
  /** Views are index arithmetic on the viewed container. */
  place(m: { readonly data: string; readonly index: readonly Expr[] }): { readonly data: string; readonly index: readonly Expr[] } {
    const c = this.graph.container(m.data);
    if (!c.view) return m;
    const base = this.graph.container(c.view.base);
    let flat = m.index.reduce<Expr>((sum, e, d) => (d === 0 ? e : add(mul(sum, c.shape[d]!), e)), ZERO);
    flat = add(flat, c.view.offset);
    const index: Expr[] = [];
    for (let d = base.shape.length - 1; d >= 0; d--) { index[d] = d === 0 ? flat : mod(flat, base.shape[d]!); flat = floordiv(flat, base.shape[d]!); }
    return { data: base.name, index };
  }
  /** Text of an element in a condition or an assignment. */
  element(m: { readonly data: string; readonly index: readonly Expr[] }): string {
    const p = this.place(m), name = this.#data.get(p.data)!;
    return p.index.length === 0 ? (this.#isArray(p.data) ? `${name}[0]` : name) : `${name}[${p.index.map((e) => integerText(e, this.names, true)).join(", ")}]`;
  }
  #isArray(name: string): boolean {
    const c = this.graph.container(name), parameter = this.graph.parameters.some((p) => p.kind === "container" && p.container === name);
    return c.shape.length > 0 || (returned(this.graph.result).includes(name) && !parameter) || (parameter && this.#written(name));
  }
  subset(p: { readonly index: readonly Expr[] }, replace: ReadonlyMap<string, string>): Piece[] {
    if (p.index.length === 0) return [{ begin: "0", end: "0" }];
    const names = this.#sympy(replace);
    return p.index.map((e) => { const t = integerText(e, names); return { begin: t, end: t }; });
  }
  full(name: string): Piece[] {
    const c = this.graph.container(name);
    return c.shape.length === 0 ? [{ begin: "0", end: "0" }] : c.shape.map((e) => ({ begin: "0", end: this.int(sub(e, ONE)) }));
  }
  volume(name: string): string { const c = this.graph.container(name); return c.shape.length === 0 ? "1" : c.shape.map((e) => `(${this.int(e)})`).join("*"); }
  /** Values that are loaded for indices become symbols on the way in. */
  loads(exprs: readonly Expr[]): { readonly before: { symbol: string; value: string }[]; readonly replace: Map<string, string> } {
    const before: { symbol: string; value: string }[] = [], replace = new Map<string, string>();
    for (const e of exprs) visitAtoms(e, (a) => {
      if (a.kind !== "load") return;
      const key = loadKey(a.data, a.index);
      if (replace.has(key)) return;
      const s = this.#fresh("__sym_load");
      this.#declared.set(s, "int64");
      replace.set(key, s);
      before.push({ symbol: s, value: this.element({ data: a.data, index: a.index }) });
    });
    return { before, replace };
  }

  // ---- control flow ----
  blocks(body: readonly Node[], t: Targets): BlockJson[] { return body.flatMap((n) => this.block(n, t)); }

  block(n: Node, t: Targets): BlockJson[] {
    switch (n.kind) {
      case "tasklet": return [this.tasklet(n)];
      case "library": return this.library(n, t);
      case "loop": return [n.order === "any" ? this.map(n) : this.loop(n, t, undefined)];
      case "while": return [this.whileLoop(n, t, undefined)];
      case "conditional": {
        // A bounds check of ours: whoever loads the file has checks of their own.
        if (n.branches.every((b) => b.body.every((x) => x.kind === "raise" && x.code === "BOUNDS"))) return [];
        const l = this.loads(n.branches.flatMap((b) => (b.condition ? conditionExprs(b.condition) : [])));
        const branches = n.branches.map((b, i) => [b.condition ? codeJson(this.condition(b.condition, l.replace)) : null, regionJson(this.blocks(b.body, t), this.#label(`branch${i}`))]);
        const label = this.#label("if");
        return [{ before: l.before, make: (id) => ({ type: "ConditionalBlock", attributes: {}, collapsed: false, label, id, cfg_list_id: 0, start_block: null, branches }) }];
      }
      case "block": {
        if (n.label === t.root) return this.blocks(n.body, t);
        const only = n.body[0];
        if (n.body.length === 1 && only?.kind === "loop" && only.order !== "any") return [this.loop(only, t, n.label)];
        if (n.body.length === 1 && only?.kind === "while") return [this.whileLoop(only, t, n.label)];
        return refuse("a block that is left from inside and is no loop");
      }
      case "exit": {
        const kind = n.label === t.exit ? "BreakBlock" : n.label === t.next ? "ContinueBlock" : n.label === t.root ? "ReturnBlock" : refuse("an exit out of several loops");
        const label = this.#label(kind === "BreakBlock" ? "break" : kind === "ContinueBlock" ? "continue" : "return");
        return [{ before: [], make: (id) => ({ type: kind, label, id, attributes: {}, collapsed: false }) }];
      }
      case "raise": return n.code === "BOUNDS" ? [] : refuse(`an error that the program raises (${n.message})`);
    }
  }
  loop(n: Loop, t: Targets, exit: string | undefined): BlockJson {
    const v = this.symbol(n.variable), down = n.order === "down", { before, replace } = this.loads([n.begin, n.end]);
    const text = (e: Expr): string => integerText(e, this.#with(replace), true);
    this.#declared.set(v, "int64");
    return this.#region(n.body, t, exit, before, {
      update_statement: codeJson(down ? `${v} = (${v} - 1)` : `${v} = (${v} + 1)`), init_statement: codeJson(`${v} = ${down ? `((${text(n.end)}) - 1)` : text(n.begin)}`),
      loop_condition: codeJson(down ? `(${v} >= (${text(n.begin)}))` : `(${v} < (${text(n.end)}))`), loop_variable: v,
    });
  }
  whileLoop(n: Node & { readonly kind: "while" }, t: Targets, exit: string | undefined): BlockJson {
    const l = this.loads(conditionExprs(n.condition)), v = this.symbol(n.counter);
    if (l.before.length > 0) refuse("an indirect index in the condition of a while loop");
    this.#declared.set(v, "int64");
    return this.#region(n.body, t, exit, [], {
      update_statement: codeJson(`${v} = (${v} + 1)`), init_statement: codeJson(`${v} = 0`), loop_condition: codeJson(this.condition(n.condition, l.replace)), loop_variable: v,
      ...(n.testAfter ? { inverted: true } : {}),
    });
  }
  #region(body: readonly Node[], t: Targets, exit: string | undefined, before: BlockJson["before"], attributes: JsonObject): BlockJson {
    // The whole body in a block: leaving it is continue.
    const only = body[0], next = body.length === 1 && only?.kind === "block" ? only : undefined;
    const inner: Targets = { ...(t.root !== undefined ? { root: t.root } : {}), ...(exit !== undefined ? { exit } : {}), ...(next ? { next: next.label } : {}) };
    const label = this.#label("loop"), s = regionJson(this.blocks(next ? next.body : body, inner), label);
    return { before, make: (id) => ({ ...s, type: "LoopRegion", attributes, label, id }) };
  }
  #with(replace: ReadonlyMap<string, string>): Names { return { symbol: (s) => this.symbol(s), load: (d, index) => replace.get(loadKey(d, index)) ?? this.element({ data: d, index }) }; }
  condition(c: Condition, replace: ReadonlyMap<string, string>): string {
    for (const m of c.inputs) this.#plain(m);
    const names = this.#with(replace);
    return pythonText(c.code, (i) => { const m = this.place(c.inputs[i]!), name = this.#data.get(m.data)!; return m.index.length === 0 ? this.element(m) : `${name}[${m.index.map((e) => integerText(e, names, true)).join(", ")}]`; }, names);
  }
  #plain(m: Memlet): void { if (m.saved) refuse("a saved value"); if (m.guard?.length) refuse("a guarded read"); }

  // ---- dataflow ----
  /** The tasklet as a node with its access nodes; `entry`, `exit`: the map around it. */
  tasklet(n: Tasklet, around: readonly Loop[] = []): BlockJson {
    n.inputs.forEach((m) => { this.#plain(m); });
    const inputs = n.inputs.map((m) => this.place(m)), output = this.place(n.output);
    const { before, replace } = this.loads([...around.flatMap((l) => [l.begin, l.end]), ...inputs.flatMap((m) => m.index), ...output.index, ...codeExprs(n.code)]);
    const code = `__out = ${pythonText(n.code, (i) => `__in${i}`, this.#with(replace))}`, label = this.#label(around.length > 0 ? "map" : "assign");
    const s = new StateJson(label), ins = inputs.map((_, i) => `__in${i}`), wcr = n.wcr ? { wcr: LAMBDA[n.wcr] } : {};
    const attributes = { code: codeJson(code), label, in_connectors: connectorsJson(ins), out_connectors: connectorsJson(["__out"]) };
    const memlet = (m: { data: string; index: readonly Expr[] }, source: boolean): { data: string; subset: Piece[]; source: boolean; volume: string } => ({ data: this.#data.get(m.data)!, subset: this.subset(m, replace), source, volume: "1" });
    const whole = (data: string, source: boolean): { data: string; subset: Piece[]; source: boolean; volume: string } => ({ data: this.#data.get(data)!, subset: this.full(data), source, volume: this.volume(data) });
    if (around.length === 0) {
      const reads = new Map([...new Set(inputs.map((m) => m.data))].map((d) => [d, s.access(this.#data.get(d)!)]));
      const t = s.node("Tasklet", label, attributes, undefined), w = s.access(this.#data.get(output.data)!);
      inputs.forEach((m, i) => { s.edge(reads.get(m.data)!, null, t, `__in${i}`, memlet(m, true)); });
      s.edge(t, "__out", w, null, { ...memlet(output, false), ...wcr });
      return { before, make: (id) => s.json(id) };
    }
    const map = this.#scope(s, label, around, replace, new Set(inputs.map((m) => m.data)), new Set([output.data]));
    const t = s.node("Tasklet", label, attributes, map.scope);
    inputs.forEach((m, i) => { s.edge(map.entry, `OUT_${this.#data.get(m.data)!}`, t, `__in${i}`, memlet(m, true)); });
    if (inputs.length === 0) s.edge(map.entry, null, t, null, undefined);
    s.edge(t, "__out", map.exit(), `IN_${this.#data.get(output.data)!}`, { ...memlet(output, false), ...wcr });
    map.connect(whole, wcr);
    return { before, make: (id) => s.json(id) };
  }
  /** Entry and exit of a map over loops, with the arrays that come in and go out. */
  #scope(s: StateJson, label: string, loops: readonly Loop[], replace: ReadonlyMap<string, string>, reads: ReadonlySet<string>, writes: ReadonlySet<string>): { readonly entry: number; readonly exit: () => number; readonly scope: { readonly entry: number; readonly exit: () => number }; connect(whole: (data: string, source: boolean) => { data: string; subset: Piece[]; source: boolean; volume: string }, wcr: { readonly wcr?: string } | ((data: string) => { readonly wcr?: string })): void } {
    const name = (d: string): string => this.#data.get(d)!, names = this.#sympy(replace);
    const text = (e: Expr): string => integerText(e, names);
    const ranges = loops.map((l): Piece => ({ begin: text(l.begin), end: text(sub(l.end, ONE)) }));
    const accessIn = [...reads].map((d) => [d, s.access(name(d))] as const);
    const io = (list: ReadonlySet<string>, prefix: string): JsonObject => connectorsJson([...list].map((d) => `${prefix}_${name(d)}`));
    const entry = s.node("MapEntry", label, { label, params: loops.map((l) => this.symbol(l.variable)), range: rangeJson(ranges), in_connectors: io(reads, "IN"), out_connectors: io(reads, "OUT") }, undefined);
    let exit: number | undefined;
    const scope = { entry, exit: () => exit! };
    return {
      entry, scope,
      exit: () => (exit ??= s.node("MapExit", label, { in_connectors: io(writes, "IN"), out_connectors: io(writes, "OUT") }, scope)),
      connect: (whole, wcr) => {
        for (const [d, id] of accessIn) s.edge(id, null, entry, `IN_${name(d)}`, whole(d, true));
        for (const d of writes) s.edge(exit!, `OUT_${name(d)}`, s.access(name(d)), null, { ...whole(d, false), ...(typeof wcr === "function" ? wcr(d) : wcr) });
        for (const x of s.nodes) { if (x["id"] === entry || x["scope_entry"] === String(entry)) x["scope_exit"] = String(exit); }
      },
    };
  }
  map(n: Loop): BlockJson {
    const loops = [n];
    let last = n;
    const variable = (e: Expr): boolean => { let f = false; visitAtoms(e, (a) => { if (a.kind === "load") f = true; }); return f; };
    while (!last.locals?.length && last.body.length === 1 && last.body[0]!.kind === "loop" && last.body[0]!.order === "any" && !variable(last.body[0]!.begin) && !variable(last.body[0]!.end)) { last = last.body[0]!; loops.push(last); }
    const only = last.body[0];
    if (last.body.length === 1 && only?.kind === "tasklet" && !last.locals?.length && ![...only.inputs, only.output].some((m) => this.place(m).index.some(variable)) && !codeExprs(only.code).some(variable)) return this.tasklet(only, loops);
    return this.#nested(loops, last);
  }
  /** A map around control flow: the body is a nested SDFG that sees the arrays whole. */
  #nested(loops: readonly Loop[], last: Loop): BlockJson {
    const label = this.#label("nested"), s = new StateJson(label), body = last.body, outer = new Map(this.#declared);
    this.#declared.clear();
    const locals = new Set([...(last.locals ?? []), ...innerLocals(body)]);
    const used = uses(this.graph, body), wrote = writes(this.graph, body), combined = combines(this.graph, body);
    const reads = new Set([...used].filter((d) => !locals.has(d))), out = new Set([...wrote].filter((d) => !locals.has(d)));
    const { before, replace } = this.loads(loops.flatMap((l) => [l.begin, l.end]));
    const bound = new Map(this.#declared);
    this.#declared.clear();
    const blocks = this.blocks(body, {});
    const inside = new Map(this.#declared);
    this.#declared.clear();
    for (const [k, v] of [...outer, ...bound]) this.#declared.set(k, v);
    const arrays: JsonObject = {};
    for (const d of new Set([...reads, ...out, ...locals])) {
      const c = this.graph.container(d);
      if (c.view) continue;
      arrays[this.#data.get(d)!] = this.#descriptor({ ...c, transient: locals.has(d) }, !locals.has(d) && this.#isArray(d));
    }
    // What the nested SDFG takes from outside: sizes and the loop variables around it.
    const own = boundIn(body), wanted = [...symbolsIn(this.graph, body, locals)].filter((x) => !own.has(x)).map((x) => this.symbol(x));
    for (const d of [...reads, ...out, ...locals]) for (const e of this.graph.container(d).shape) for (const x of freeSymbols(e)) wanted.push(this.symbol(x));
    const mapping = Object.fromEntries([...new Set(wanted)].map((x) => [x, `symbol($${x}, dtype=dace.int64)`])), symbols: JsonObject = {};
    for (const x of new Set(wanted)) symbols[x] = "int64";
    for (const [k, v] of inside) symbols[k] = v;
    const sdfg = sdfgJson(label, arrays, symbols, blocks, undefined);
    const name = (d: string): string => this.#data.get(d)!;
    const map = this.#scope(s, label, loops, replace, reads, out);
    const node = s.node("NestedSDFG", label, { label, sdfg, symbol_mapping: mapping, in_connectors: connectorsJson([...reads].map(name)), out_connectors: connectorsJson([...out].map(name)) }, map.scope);
    const whole = (data: string, source: boolean): { data: string; subset: Piece[]; source: boolean; volume: string } => ({ data: name(data), subset: this.full(data), source, volume: this.volume(data) });
    for (const d of reads) s.edge(map.entry, `OUT_${name(d)}`, node, name(d), whole(d, true));
    if (reads.size === 0) s.edge(map.entry, null, node, null, undefined);
    const wcr = (d: string): { readonly wcr?: string } => { const w = combined.get(d); return w ? { wcr: LAMBDA[w] } : {}; };
    for (const d of out) s.edge(node, name(d), map.exit(), `IN_${name(d)}`, { ...whole(d, false), ...wcr(d) });
    if (out.size === 0) s.edge(node, null, map.exit(), null, undefined);
    map.connect(whole, wcr);
    return { before, make: (id) => s.json(id) };
  }
  library(n: LibraryNode, t: Targets): BlockJson[] {
    if (n.op === "grow") refuse("a container that grows while the program runs");
    const [a, b] = n.inputs, [c] = n.outputs, plain = n.op === "matmul" && !n.accumulate && Object.keys(n.attributes).length === 0 && a && b && c && [a, b, c].every((o) => !o.saved && !this.graph.container(o.data).view && o.axes.every((x, i) => i === 0 || x > o.axes[i - 1]!) && ![...o.base, ...o.sizes].some(hasLoad));
    if (!plain) {
      if ([...n.inputs, ...n.outputs].some((o) => o.saved)) refuse("a saved value");
      return this.blocks(this.options.expand(n, (d) => this.graph.container(d).dtype, () => `__x${this.#variables++}`), t);
    }
    const label = this.#label("MatMul"), s = new StateJson(label);
    const subset = (o: typeof a): Piece[] => o.base.map((e, axis) => { const d = o.axes.indexOf(axis); return { begin: this.int(e), end: this.int(d < 0 ? e : sub(add(e, o.sizes[d]!), ONE)) }; });
    const memlet = (o: typeof a, source: boolean): { data: string; subset: Piece[]; source: boolean; volume: string } => ({ data: this.#data.get(o.data)!, subset: subset(o), source, volume: o.sizes.map((e) => `(${this.int(e)})`).join("*") });
    const reads = new Map([...new Set([a.data, b.data])].map((d) => [d, s.access(this.#data.get(d)!)]));
    const node = s.node("LibraryNode", label, { name: label, label, in_connectors: connectorsJson(["_a", "_b"]), out_connectors: connectorsJson(["_c"]) }, undefined, { classpath: "dace.libraries.blas.nodes.matmul.MatMul" });
    s.edge(reads.get(a.data)!, null, node, "_a", memlet(a, true));
    s.edge(reads.get(b.data)!, null, node, "_b", memlet(b, true));
    s.edge(node, "_c", s.access(this.#data.get(c.data)!), null, memlet(c, false));
    return [{ before: [], make: (id) => s.json(id) }];
  }
  #copyBlock(from: string, to: string): BlockJson {
    const label = this.#label("return"), s = new StateJson(label), a = s.access(this.#data.get(from)!), b = s.access(to);
    s.edge(a, null, b, null, { data: this.#data.get(from)!, subset: this.full(from), source: true, volume: this.volume(from) });
    return { before: [], make: (id) => s.json(id) };
  }
}

const loadKey = (data: string, index: readonly Expr[]): string => `${data}[${index.map((e) => e.key).join(", ")}]`;
function returned(r: ReturnValue): string[] { return r.kind === "container" ? [r.name] : r.kind === "tuple" ? r.items.flatMap(returned) : []; }
function rootLabel(body: readonly Node[]): Targets { const last = body.at(-1); return last?.kind === "block" && !(last.body.length === 1 && (last.body[0]!.kind === "loop" || last.body[0]!.kind === "while")) ? { root: last.label } : {}; }
function hasLoad(e: Expr): boolean { let f = false; visitAtoms(e, (a) => { if (a.kind === "load") f = true; }); return f; }
function codeExprs(c: ScalarExpr): Expr[] { const out: Expr[] = []; visitScalar(c, (e) => { if (e.kind === "symbolic") out.push(e.expr); }); return out; }
function conditionExprs(c: Condition): Expr[] { return [...c.inputs.flatMap((m) => m.index), ...codeExprs(c.code)]; }

// ---- what a subtree touches (bases) ----
function each(body: readonly Node[], f: (n: Node) => void): void { for (const n of body) { f(n); for (const b of n.kind === "conditional" ? n.branches.map((x) => x.body) : "body" in n ? [n.body] : []) each(b, f); } }
function base(g: Graph, d: string): string { return g.container(d).view?.base ?? d; }
function exprsOf(n: Node): Expr[] {
  switch (n.kind) {
    case "tasklet": return [...n.inputs.flatMap((m) => m.index), ...n.output.index, ...codeExprs(n.code)];
    case "loop": return [n.begin, n.end];
    case "while": return conditionExprs(n.condition);
    case "conditional": return n.branches.flatMap((b) => (b.condition ? conditionExprs(b.condition) : []));
    case "library": return [...n.inputs, ...n.outputs].flatMap((o) => [...o.base, ...o.sizes]);
    default: return [];
  }
}
function uses(g: Graph, body: readonly Node[]): Set<string> {
  const out = new Set<string>();
  each(body, (n) => {
    for (const e of exprsOf(n)) visitAtoms(e, (a) => { if (a.kind === "load") out.add(base(g, a.data)); });
    if (n.kind === "tasklet") for (const m of n.inputs) out.add(base(g, m.data));
    else if (n.kind === "library") { for (const o of n.inputs) out.add(base(g, o.data)); if (n.accumulate) for (const o of n.outputs) out.add(base(g, o.data)); }
    else if (n.kind === "conditional") { for (const b of n.branches) for (const m of b.condition?.inputs ?? []) out.add(base(g, m.data)); }
    else if (n.kind === "while") for (const m of n.condition.inputs) out.add(base(g, m.data));
  });
  return out;
}
function writes(g: Graph, body: readonly Node[]): Set<string> {
  const out = new Set<string>();
  each(body, (n) => { if (n.kind === "tasklet") out.add(base(g, n.output.data)); else if (n.kind === "library") for (const o of n.outputs) out.add(base(g, o.data)); });
  return out;
}
/** Containers whose writes all combine in one way. */
function combines(g: Graph, body: readonly Node[]): Map<string, NonNullable<Tasklet["wcr"]>> {
  const out = new Map<string, Tasklet["wcr"]>();
  each(body, (n) => {
    if (n.kind === "tasklet") { const b = base(g, n.output.data); out.set(b, out.has(b) && out.get(b) !== n.wcr ? undefined : n.wcr); }
    else if (n.kind === "library") for (const o of n.outputs) out.set(base(g, o.data), undefined);
  });
  return new Map([...out].filter((x): x is [string, NonNullable<Tasklet["wcr"]>] => x[1] !== undefined));
}
function innerLocals(body: readonly Node[]): string[] { const out: string[] = []; each(body, (n) => { if (n.kind === "loop") out.push(...(n.locals ?? [])); }); return out; }
function boundIn(body: readonly Node[]): Set<string> { const out = new Set<string>(); each(body, (n) => { if (n.kind === "loop") out.add(n.variable); else if (n.kind === "while") out.add(n.counter); }); return out; }
function symbolsIn(g: Graph, body: readonly Node[], locals: ReadonlySet<string>): Set<string> {
  const out = new Set<string>();
  each(body, (n) => { for (const e of exprsOf(n)) freeSymbols(e, out); });
  for (const c of g.containers.values()) if (c.view || locals.has(c.name)) { for (const e of c.shape) freeSymbols(e, out); if (c.view) freeSymbols(c.view.offset, out); }
  return out;
}
