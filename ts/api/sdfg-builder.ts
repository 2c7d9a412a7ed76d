/** What `new SDFG(name)` builds from: data, and a tree of maps, loops, conditionals and tasklets, kept as a DaCe model. */
import { parseDType, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import type { Block, Connector, DaceMemlet, DaceSDFG, DataflowNode, Descriptor, Dimension, Edge, InterstateEdge, Region } from "../sdfg/dace/model.js";
import { namesIn, node, parseExpression, parseStatements, textOf, type PyNode } from "../sdfg/dace/python.js";

/** A dtype, in full or short (`f64`, `i32`). */
export interface DataOptions { readonly dtype?: string }

/** How a write combines with what is there: one of the four, or a Python lambda of the old and the new value. */
export type Combine = "sum" | "prod" | "min" | "max" | `lambda ${string}`;

export interface TaskletSpec {
  /** Connector → what it reads: `"A[i, 0:N]"`, `"s"`. One element is a value in the code, a range an array to index. */
  readonly inputs?: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  /** Python: assignments to the output connectors. */
  readonly code: string;
  /** Output connector → how its writes combine. */
  readonly wcr?: Readonly<Record<string, Combine>>;
  readonly label?: string;
}
export interface LibrarySpec {
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  readonly attributes?: Readonly<Record<string, number | string | boolean | readonly number[]>>;
}

const LAMBDAS: Readonly<Record<string, string>> = { sum: "lambda a, b: a + b", prod: "lambda a, b: a * b", min: "lambda a, b: min(a, b)", max: "lambda a, b: max(a, b)" };
const wrong = (what: string, hint?: string): never => { throw new DaceError("ARGUMENT", what, hint ? { hint } : {}); };

/** Declarations that a builder and its scopes share. */
export class Declared {
  readonly arrays = new Map<string, Descriptor>();
  readonly symbols = new Map<string, string>();
  readonly order: string[] = [];
  labels = 0;
  constructor(readonly name: string, readonly changed: () => void) {
    if (typeof name !== "string" || !/^[A-Za-z_]\w*$/.test(name)) wrong(`new SDFG(name): ${JSON.stringify(name)} is not a name`);
  }
  add(kind: "array" | "scalar", name: string, shape: readonly (number | string)[], options: DataOptions, transient: boolean): void {
    if (!/^[A-Za-z_]\w*$/.test(name)) wrong(`${JSON.stringify(name)} is not a name`);
    if (this.arrays.has(name) || this.symbols.has(name)) wrong(`${this.name} has a ${name} already`);
    const dtype: DType = parseDType(options.dtype ?? "float64") ?? wrong(`${name}: ${JSON.stringify(options.dtype)} is no dtype`);
    const sizes = shape.map((e) => (typeof e === "number" ? (Number.isSafeInteger(e) && e >= 0 ? String(e) : wrong(`${name}: the size ${e}`)) : (this.expression(e, `the shape of ${name}`, true), e)));
    this.arrays.set(name, { kind, name, dtype, shape: sizes, strides: [], transient, persistent: false });
    if (!transient) this.order.push(name);
    this.changed();
  }
  symbol(name: string): void { if (this.arrays.has(name)) wrong(`${this.name} has a ${name} already`); if (!this.symbols.has(name)) { this.symbols.set(name, "int64"); this.changed(); } }
  /** Checks that text is an expression; names in a shape become symbols. */
  expression(text: string, what: string, declare = false): PyNode {
    const n = rethrow(what, () => parseExpression(text));
    if (declare) for (const x of namesIn(n)) if (!/^(min|max|int_floor|int_ceil)$/.test(x)) this.symbol(x);
    return n;
  }
  model(region: Region): DaceSDFG { return { name: this.name, argNames: this.order, arrays: this.arrays, symbols: this.symbols, constants: new Map(), region }; }
}
function rethrow<T>(what: string, f: () => T): T { try { return f(); } catch (e) { if (e instanceof DaceError) throw new DaceError("ARGUMENT", `${what}: ${e.summary}`, { cause: e }); throw e; } }

/** A place to add statements to: the program itself, or the body of a map, a loop or a branch. They run in the order in which they are added. */
export class Builder {
  readonly #blocks: Block[] = [];
  constructor(private readonly declared: Declared, private readonly inLoop = false) {}

  /** For every combination of the parameters, in any order: `map({ i: "0:N", j: "i:N" }, b => …)`. Ends are exclusive; a step may follow. */
  map(ranges: Readonly<Record<string, string>>, body: (b: Builder) => void): this {
    const params = Object.keys(ranges);
    if (params.length === 0) wrong("map({}): a map needs a parameter");
    const dims = params.map((p) => this.#range(ranges[p]!, `the range of ${p}`));
    return this.#add({ kind: "map", label: this.#label("map"), params, ranges: dims, body: this.#inner(body, false) });
  }
  /** In order: `loop("t", "0:T", b => …)`; negative steps count down (`"N-1:-1:-1"`). */
  loop(variable: string, range: string, body: (b: Builder) => void): this {
    const r = parts(this.declared, range, `the range of ${variable}`), step = r.step ?? "1", down = /^\s*-/.test(step);
    return this.#add({
      kind: "loop", label: this.#label("loop"), variable, init: `${variable} = ${r.begin}`, condition: `${variable} ${down ? ">" : "<"} (${r.end})`, update: `${variable} = ${variable} + (${step})`,
      inverted: false, updateBeforeCondition: true, body: this.#inner(body, true),
    });
  }
  /** While a condition over scalars, elements and symbols holds. */
  while(condition: string, body: (b: Builder) => void): this {
    this.declared.expression(condition, "a condition");
    return this.#add({ kind: "loop", label: this.#label("while"), variable: "", init: undefined, condition, update: undefined, inverted: false, updateBeforeCondition: true, body: this.#inner(body, true) });
  }
  /** `if("A[0] > t", b => …, b => …)` */
  if(condition: string, then: (b: Builder) => void, otherwise?: (b: Builder) => void): this {
    this.declared.expression(condition, "a condition");
    const branches = [{ condition, body: this.#inner(then, this.inLoop) }, ...(otherwise ? [{ condition: undefined, body: this.#inner(otherwise, this.inLoop) }] : [])];
    return this.#add({ kind: "conditional", label: this.#label("if"), branches });
  }
  /** Leaves the innermost loop. */
  break(): this { if (!this.inLoop) wrong("break() outside of a loop"); return this.#add({ kind: "break", label: this.#label("break") }); }
  /** Goes on with the next iteration of the innermost loop. */
  continue(): this { if (!this.inLoop) wrong("continue() outside of a loop"); return this.#add({ kind: "continue", label: this.#label("continue") }); }

  /** Reads, computes, writes: `tasklet({ inputs: { a: "A[i]" }, outputs: { b: "B[i]" }, code: "b = 2*a" })`. */
  tasklet(spec: TaskletSpec): this {
    const inputs = spec.inputs ?? {}, names = new Set([...Object.keys(inputs), ...Object.keys(spec.outputs)]);
    if (Object.keys(spec.outputs).length === 0) wrong("a tasklet without outputs does nothing");
    if (names.size !== Object.keys(inputs).length + Object.keys(spec.outputs).length) wrong("a tasklet's inputs and outputs need different names");
    for (const c of names) if (this.declared.arrays.has(c)) wrong(`the connector ${c} has the name of an array`, "connectors are names of the code's own");
    rethrow("a tasklet's code", () => parseStatements(spec.code));
    const connectors = (o: Readonly<Record<string, string>>): Map<string, Connector> => new Map(Object.keys(o).map((k) => [k, { pointer: false }]));
    return this.#dataflow(spec.label ?? this.#label("tasklet"), inputs, spec.outputs, spec.wcr ?? {}, (base) => ({ ...base, kind: "tasklet", code: spec.code, inputs: connectors(inputs), outputs: connectors(spec.outputs) }));
  }
  /** A library node by DaCe's class name: `library("MatMul", { inputs: { _a: "A", _b: "B" }, outputs: { _c: "C" } })`. */
  library(className: string, spec: LibrarySpec): this {
    return this.#dataflow(this.#label(className), spec.inputs, spec.outputs, {}, (base) => ({ ...base, kind: "library", className, attributes: spec.attributes ?? {} }));
  }
  /** `copy("A[0:N]", "B[1:N+1]")` */
  copy(from: string, to: string): this {
    const a = this.#memlet(from, "copy"), b = this.#memlet(to, "copy"), label = this.#label("copy");
    const access = (id: number, data: string): DataflowNode => ({ kind: "access", id, label: data, scope: undefined, where: `access node ${data} in ${label}`, data, setzero: false });
    const memlet: DaceMemlet = { data: a.data, ...(a.subset ? { subset: a.subset } : {}), ...(b.subset ? { other: b.subset } : {}), dynamic: false };
    return this.#add({ kind: "state", label, nodes: new Map([[0, access(0, a.data)], [1, access(1, b.data)]]), edges: [{ src: 0, dst: 1, from: undefined, to: undefined, memlet }] });
  }

  /** What was added, as a region. */
  region(label = this.declared.name): Region {
    const edges: InterstateEdge[] = this.#blocks.slice(1).map((_, i) => ({ src: i, dst: i + 1, condition: undefined, assignments: [] }));
    return { kind: "region", label, blocks: this.#blocks, edges, start: 0 };
  }

  #label(kind: string): string { return `${kind}_${this.declared.labels++}`; }
  #add(b: Block): this { this.#blocks.push(b); this.declared.changed(); return this; }
  #inner(body: (b: Builder) => void, inLoop: boolean): Region {
    const b = new Builder(this.declared, inLoop);
    body(b);
    return b.region("body");
  }
  #range(text: string, what: string): Dimension { const r = parts(this.declared, text, what); return { begin: r.begin, end: inclusive(r.end, r.step), step: r.step ?? "1" }; }
  #memlet(text: string, what: string): DaceMemlet {
    const n = this.declared.expression(text, what), name = textOf(n.nodeType === "Subscript" ? node(n["value"])["id"] : n["id"]);
    if (!this.declared.arrays.has(name)) wrong(`${what}: ${this.declared.name} has no array ${name || text}`);
    if (n.nodeType !== "Subscript") return { data: name, dynamic: false };
    return { data: name, subset: subsetOf(this.declared, text, name), dynamic: false };
  }
  #dataflow(label: string, inputs: Readonly<Record<string, string>>, outputs: Readonly<Record<string, string>>, wcr: Readonly<Record<string, string>>, make: (base: { id: number; label: string; scope: undefined; where: string }) => DataflowNode): this {
    const list = new Map<number, DataflowNode>(), edges: Edge[] = [], code = Object.keys(inputs).length;
    const access = (id: number, data: string): DataflowNode => ({ kind: "access", id, label: data, scope: undefined, where: `access node ${data} of ${label}`, data, setzero: false });
    for (const c of Object.keys(wcr)) if (!(c in outputs)) wrong(`wcr: ${label} has no output ${c}`);
    Object.entries(inputs).forEach(([c, text], i) => { const m = this.#memlet(text, `the input ${c} of ${label}`); list.set(i, access(i, m.data)); edges.push({ src: i, dst: code, from: undefined, to: c, memlet: m }); });
    list.set(code, make({ id: code, label, scope: undefined, where: `${label} in the SDFG ${this.declared.name}` }));
    Object.entries(outputs).forEach(([c, text], i) => {
      const m = this.#memlet(text, `the output ${c} of ${label}`), id = code + 1 + i, w = wcr[c];
      list.set(id, access(id, m.data));
      edges.push({ src: code, dst: id, from: c, to: undefined, memlet: { ...m, ...(w !== undefined ? { wcr: LAMBDAS[w] ?? w } : {}) } });
    });
    return this.#add({ kind: "state", label, nodes: list, edges });
  }
}

/** `begin:end[:step]` as texts; a single expression is one element. */
function parts(d: Declared, text: string, what: string): { readonly begin: string; readonly end: string; readonly step: string | undefined } {
  const pieces = split(text, ":");
  if (pieces.length < 2 || pieces.length > 3 || pieces.some((p) => p.trim() === "")) wrong(`${what}: ${JSON.stringify(text)} is no range`, "a range is \"begin:end\" or \"begin:end:step\", the end exclusive");
  for (const p of pieces) d.expression(p, what);
  return { begin: pieces[0]!, end: pieces[1]!, step: pieces[2] };
}
function inclusive(end: string, step: string | undefined): string { return step !== undefined && /^\s*-/.test(step) ? `(${end}) + 1` : `(${end}) - 1`; }
function subsetOf(d: Declared, text: string, name: string): Dimension[] {
  const inner = text.slice(text.indexOf("[") + 1, text.lastIndexOf("]")), rank = d.arrays.get(name)!.shape.length, dims = split(inner, ",");
  if (dims.length !== Math.max(1, rank)) wrong(`${text}: ${name} has ${rank} dimension${rank === 1 ? "" : "s"}`);
  return dims.map((t, k): Dimension => {
    if (!split(t, ":")[1] && split(t, ":").length === 1) { d.expression(t, text); return { begin: t, end: t, step: "1" }; }
    const [b, e, s] = split(t, ":"), begin = b!.trim() === "" ? "0" : b!, end = e!.trim() === "" ? d.arrays.get(name)!.shape[k]! : e!;
    for (const x of [begin, end, ...(s ? [s] : [])]) d.expression(x, text);
    return { begin, end: inclusive(end, s), step: s ?? "1" };
  });
}
/** Splits at a separator outside of brackets. */
function split(text: string, by: string): string[] {
  const out: string[] = [];
  let depth = 0, from = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === "(" || c === "[") depth++; else if (c === ")" || c === "]") depth--;
    if (i === text.length || (c === by && depth === 0)) { out.push(text.slice(from, i)); from = i + 1; }
  }
  return out;
}
