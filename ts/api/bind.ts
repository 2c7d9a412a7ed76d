/** The arrays of a run, in the plan's order, and what the caller gets from them afterwards. */
import type { EntryExpr } from "../scalar/entry.js";
import { isComplex, isDifferentiable, type DType } from "../base/dtypes.js";
import { DaceError, InternalError } from "../base/errors.js";
import type { MemoryDecision } from "../compile/memory.js";
import type { Program, ProgramFacts } from "../compile/program.js";
import type { Plan, PlanBuffer, PlanResult } from "../lower/plan.js";
import type { TypedArray } from "../runtime/addon-types.js";
import { classify, freshValue, likeArgument, scalarBuffer, stillThere, type Given } from "../runtime/arguments.js";
import { DeviceArray, type Bound } from "../runtime/device-array.js";
import type { Executable } from "../runtime/executable.js";
import type { Layout } from "../runtime/layout.js";
import { allocate, copyArray, holds, NDArray, rowMajor, tagOf } from "../runtime/ndarray.js";
import type { Compiled, Verb } from "./build.js";

export type Binder = { readonly kind: "parameter"; readonly position: number } | { readonly kind: "cotangent"; readonly container: string } | { readonly kind: "fresh" }
  /** A list of actions of a loop schedule. */
  | { readonly kind: "schedule"; readonly list: BigInt64Array }
  /** An array that the program captured, by reference. */
  | { readonly kind: "captured"; readonly value: Given & { kind: "array" }; readonly name: string };

/** A compiled signature, ready to be given arrays. */
export interface Variant {
  readonly compiled: Compiled;
  readonly executable: Executable;
  readonly binders: readonly Binder[];
  /** Buffer index → position in `args`. */
  readonly placeOf: ReadonlyMap<number, number>;
  /** Integer parameters: symbol and position. */
  readonly symbolPositions: readonly { readonly symbol: string; readonly position: number }[];
  /** Integers that follow from the call's numbers and sizes. */
  readonly entry: readonly { readonly symbol: string; readonly value: EntryExpr }[];
  /** What was decided to keep a memory limit. */
  readonly decision?: MemoryDecision;
}

export function makeVariant(compiled: Compiled, executable: Executable, facts: ProgramFacts, program?: Program, decision?: MemoryDecision): Variant {
  const { plan } = compiled;
  const buffers = new Map<number, number>(), cotangents = new Map<number, string>(), captures = new Map<number, Binder>(), lists = new Map<number, Binder>();
  const symbolPositions: { symbol: string; position: number }[] = [], entry: { symbol: string; value: EntryExpr }[] = [];
  for (const p of plan.parameters) {
    const position = facts.parameters.indexOf(p.name);
    if (p.kind === "symbol" && p.name.startsWith("entry:")) entry.push({ symbol: p.symbol, value: JSON.parse(p.name.slice("entry:".length)) as EntryExpr });
    else if (p.kind === "symbol") symbolPositions.push({ symbol: p.symbol, position });
    else if (p.name.startsWith("capture:")) {
      const value = classify(program?.captured(p.name), "a captured array");
      if (value.kind !== "array") throw new InternalError(`no captured array for ${p.name}`);
      captures.set(p.buffer, { kind: "captured", value, name: (JSON.parse(p.name.slice("capture:".length)) as unknown[]).join(".") });
    } else if (p.name.startsWith("schedule:")) lists.set(p.buffer, { kind: "schedule", list: BigInt64Array.from(decision!.call.lists[p.name.slice("schedule:".length)]!, BigInt) });
    else if (p.name.startsWith("cotangent:")) cotangents.set(p.buffer, p.name.slice("cotangent:".length));
    else if (position >= 0 && !buffers.has(p.buffer)) buffers.set(p.buffer, position);
  }
  const binders = plan.arguments.map((b): Binder => {
    const position = buffers.get(b), container = cotangents.get(b), capture = captures.get(b);
    return capture ?? lists.get(b) ?? (position !== undefined ? { kind: "parameter", position } : container !== undefined ? { kind: "cotangent", container } : { kind: "fresh" });
  });
  return { compiled, executable, binders, placeOf: new Map(plan.arguments.map((b, i) => [b, i])), symbolPositions, entry, ...(decision ? { decision } : {}) };
}

/** `given` beyond the call's arguments is absent. Functional verbs never hand the caller's memory to a program that writes it. */
export function bind(v: Variant, verb: Verb, layout: Layout, given: readonly Given[], cotangents?: ReadonlyMap<string, readonly CotangentValue[]>): Bound[] {
  const { plan } = v.compiled, fresh = freshOn(v, given, cotangents), made: Bound[] = [];
  const one = (binder: Binder, k: number): Bound => {
    const b = plan.arguments[k]!, buffer = plan.buffers[b]!, n = layout.elements[b]!;
    switch (binder.kind) {
      case "fresh": return fresh?.(b) ? DeviceArray.zeros(v.executable.backend.gpu, buffer.dtype, layout.shapes[b]!) : allocateResult(buffer.dtype, n);
      case "schedule": return binder.list;
      case "captured": {
        const { data } = binder.value;
        for (const [i, o] of v.binders.entries()) {
          const g = o.kind === "parameter" ? given[o.position] : o.kind === "captured" && o !== binder ? o.value : undefined;
          if (g?.kind === "array" && g.data.buffer === data.buffer && g.data.byteOffset < data.byteOffset + data.byteLength && data.byteOffset < g.data.byteOffset + g.data.byteLength && (buffer.writes || plan.buffers[plan.arguments[i]!]!.writes)) {
            throw new DaceError("CAPTURE", `the captured array ${binder.name} is also passed as an argument, and changed`, { hint: "use the argument only" });
          }
        }
        return memory(data, buffer, n, verb, `the captured array ${binder.name}`);
      }
      case "cotangent": {
        const values = cotangents?.get(binder.container) ?? [], open = v.compiled.outputs.find((o) => o.container === binder.container)?.lengths;
        const [only] = values, whole = layout.shapes[b]!;
        if (values.length === 1 && only && typeof only.value === "object" && only.value.kind === "array" && only.value.device && only.value.dtype === buffer.dtype && only.value.shape.join() === whole.join()) return fromDevice(v, only.value.device, buffer, verb, `the cotangent of ${only.name}`);
        const c = cotangentBuffer(open ? values.map((x) => padded(x, layout.shapes[b]!)) : values, buffer.dtype, layout.shapes[b]!, n);
        return buffer.writes ? copyArray(c) : c;
      }
      case "parameter": {
        const g = given[binder.position];
        if (!g) throw new DaceError("ARGUMENT", `the argument for ${buffer.label ?? buffer.name} is missing`);
        if (g.kind !== "array") return scalarBuffer(g, buffer.dtype);
        if (g.device) return fromDevice(v, g.device, buffer, verb, `argument ${buffer.label ?? buffer.name}`);
        return memory(g.data, buffer, n, verb, `argument ${buffer.label ?? buffer.name}`);
      }
    }
  };
  try { v.binders.forEach((b, k) => { made.push(one(b, k)); }); } catch (e) { release(made, given, cotangents); throw e; }
  return made;
}
/** Disposes of device arrays that were made for a call and that the caller does not get. */
export function release(bound: readonly Bound[], given: readonly Given[], cotangents?: ReadonlyMap<string, readonly CotangentValue[]>, result?: unknown): void {
  if (!bound.some((x) => x instanceof DeviceArray)) return;
  const kept = new Set<unknown>();
  const keep = (x: unknown): void => { if (x instanceof DeviceArray) kept.add(x); else if (Array.isArray(x)) x.forEach(keep); else if (typeof x === "object" && x !== null && Object.getPrototypeOf(x) === Object.prototype) Object.values(x).forEach(keep); };
  keep(result);
  for (const g of [...given, ...[...cotangents?.values() ?? []].flat().map((c) => c.value)]) if (typeof g === "object" && g.kind === "array") keep(g.device);
  for (const x of bound) if (x instanceof DeviceArray && !kept.has(x)) x.dispose();
}
/** A device array as the program takes it: itself, or a copy where another verb than jit would change it. */
function fromDevice(v: Variant, a: DeviceArray, buffer: PlanBuffer, verb: Verb, what: string): DeviceArray {
  const { device, gpu } = v.executable.backend;
  if (device !== "cuda") throw new DaceError("DEVICE", `${what} lies on ${a.device}, but the program runs on the ${device === "js" ? "JavaScript backend" : "processor"}`, { hint: `use { device: "${a.device}" }, or pass toHost()` });
  if (gpu !== a.gpu) throw new DaceError("DEVICE", `${what} lies on ${a.device}, but the program runs on cuda:${gpu?.index ?? 0}`, { hint: `use { device: "${a.device}" }, or copy the array` });
  return buffer.writes && verb !== "jit" ? a.copy() : a;
}
/** Which new arrays lie on the device: gradients of what lies there, and, once any array does, results that are arrays whose size is known before the run. */
export function freshOn(v: Variant, given: readonly Given[], cotangents?: ReadonlyMap<string, readonly CotangentValue[]>): ((buffer: number) => boolean) | undefined {
  const there = (g: Given | number | undefined): boolean => typeof g === "object" && g.kind === "array" && g.device !== undefined;
  if (!given.some(there) && ![...cotangents?.values() ?? []].flat().some((c) => there(c.value))) return undefined;
  const { plan, gradients, positions, outputs } = v.compiled, home = new Set<number>();
  gradients.forEach((b, i) => { if (!there(given[positions[i]!])) home.add(b); });
  const ragged = (r: PlanResult): void => { if (r.kind === "tuple") r.items.forEach(ragged); else if (r.kind === "buffer" && r.lengths) for (const b of [r.buffer, ...r.lengths]) home.add(b); };
  ragged(plan.result);
  for (const o of outputs) if (o.lengths) for (const b of [o.buffer, ...o.lengths]) home.add(b);
  return (b) => plan.buffers[b]!.shape.length > 0 && !home.has(b);
}
/** Elements on the host. */
function hostData(a: Bound): TypedArray { return a instanceof DeviceArray ? a.toHost().data : a; }

/** The caller's memory, or a copy of it where it would be written by another verb than jit. Generated code trusts it to be long enough. */
function memory(data: TypedArray, buffer: PlanBuffer, n: number, verb: Verb, what: string): TypedArray {
  if (!holds(data, buffer.dtype, n)) throw new DaceError("TYPE", `${what} is detached, or its buffer has become too short for it`);
  if (!buffer.writes) return data;
  if (tagOf(data) === "Uint8ClampedArray") throw new DaceError("UNSUPPORTED", `${what} is a Uint8ClampedArray, and the program changes it`, { hint: "clamp in the program, and store into a Uint8Array" });
  return verb === "jit" ? data : copyArray(data);
}
function allocateResult(dtype: DType, n: number): TypedArray {
  try { return allocate(dtype, n); } catch (e) { throw new DaceError("OOM", `no memory for an array of ${n} elements of ${dtype}`, { cause: e }); }
}

/**
 * Where an asynchronous `jit` puts what it changed. Arrays that native code may write when the run ends are its own affair; but where one of them is a copy of a strided or nested
 * argument, or shared memory that the run would write in the middle, all are written here, after all have been found to be there.
 */
export class Landing {
  private constructor(readonly places: readonly { readonly given: Given & { kind: "array" }; readonly data: TypedArray; readonly target: TypedArray | undefined }[]) {}

  /** Takes the place of the written arguments in `bound`. */
  static of(v: Variant, given: readonly Given[], bound: Bound[]): Landing | undefined {
    const { plan } = v.compiled;
    const written = v.binders.flatMap((b, k) => {
      const g = b.kind === "parameter" ? given[b.position] : b.kind === "captured" ? b.value : undefined;
      return g?.kind === "array" && !g.device && plan.buffers[plan.arguments[k]!]!.writes ? [{ k, g }] : [];
    });
    const host = bound as TypedArray[];
    if (!written.some(({ k, g }) => g.writeBack !== undefined || host[k]!.buffer instanceof SharedArrayBuffer)) return undefined;
    return new Landing(written.map(({ k, g }) => {
      const target = g.writeBack ? undefined : host[k]!;
      if (target) host[k] = copyArray(target);
      return { given: g, data: host[k]!, target };
    }));
  }
  write(): void {
    for (const { given } of this.places) if (!stillThere(given)) throw new DaceError("TYPE", "an array that the program changes was detached or shrunk while it ran: nothing was written", { hint: "keep the arrays as they are until the promise resolves" });
    // Copies are written back with the other results.
    for (const { data, target } of this.places) if (target) (target as Float64Array).set(data as Float64Array);
  }
}

/** What the caller gets from a finished run. */
export function results(v: Variant, verb: Verb, facts: ProgramFacts, many: boolean, layout: Layout, given: readonly Given[], args: readonly Bound[], cotangents?: ReadonlyMap<string, readonly CotangentValue[]>): unknown {
  const { plan, positions, gradients, outputs } = v.compiled;
  const at = (buffer: number): Bound => args[v.placeOf.get(buffer)!]!, number = (buffer: number): TypedArray => hostData(at(buffer));
  if (verb === "jit") {
    v.binders.forEach((binder, k) => {
      if (binder.kind !== "parameter" || !plan.buffers[plan.arguments[k]!]!.writes) return;
      const g = given[binder.position];
      if (g?.kind === "array" && !g.device) g.writeBack?.(args[k] as TypedArray);
    });
    return returned(plan, plan.result, v, layout, given, args);
  }
  const grads = positions.map((p, i) => { const b = gradients[i]!; return inForm(v, given[p]!, at(b), layout.shapes[b]!, plan.buffers[b]!.dtype); });
  // Two names of one array each get a gradient of their own to keep.
  grads.forEach((g, i) => { const first = gradients.indexOf(gradients[i]!); if (first < i) grads[i] = copyOf(g); });
  const output = (b: number): unknown => { const x = at(b); return x instanceof DeviceArray ? x : freshValue(x, layout.shapes[b]!, plan.buffers[b]!.dtype); };
  if (verb === "vjp") {
    for (const o of outputs) if (o.lengths) checkLengths(cotangents?.get(o.container) ?? [], lengthsOf(o.lengths, number, layout.shapes[o.buffer]!));
    const byName: Record<string, unknown> = {}, values: Record<string, unknown> = {};
    positions.forEach((p, i) => { byName[facts.parameters[p]!] = grads[i]; });
    for (const o of outputs) {
      const g = given[facts.parameters.indexOf(o.name)];
      const twin = outputs.findIndex((x) => x.buffer === o.buffer);
      if (outputs[twin]!.name !== o.name && Object.hasOwn(values, outputs[twin]!.name)) { values[o.name] = copyOf(values[outputs[twin]!.name]); continue; }
      values[o.name] = g ? inForm(v, g, at(o.buffer), layout.shapes[o.buffer]!, plan.buffers[o.buffer]!.dtype) : o.lengths ? trimmed(number(o.buffer), layout.shapes[o.buffer]!, plan.buffers[o.buffer]!.dtype, lengthsOf(o.lengths, number, layout.shapes[o.buffer]!)) : output(o.buffer);
    }
    return { outputs: values, grads: byName };
  }
  const grad = many ? grads : grads[0];
  return verb === "grad" ? grad : { value: output(outputs[0]!.buffer), grad };
}
/** As `likeArgument`: a device array for one that lies there. */
function inForm(v: Variant, g: Given, x: Bound, shape: readonly number[], dtype: DType): unknown {
  if (g.kind === "array" && g.device) return x instanceof DeviceArray ? x : DeviceArray.from(v.executable.backend.gpu, x, dtype, shape);
  return likeArgument(g, hostData(x), shape, dtype);
}
function copyOf(g: unknown): unknown { if (g instanceof DeviceArray) return g.copy(); return typeof g === "object" && g !== null ? structuredCloneArray(g) : g; }
function structuredCloneArray(g: object): unknown {
  const c = classify(g, "gradient");
  return c.kind === "array" ? likeArgument(c, copyArray(c.data), c.shape, c.dtype) : g;
}

/** The shape of a result of which a part counts. */
function lengthsOf(lengths: readonly number[], at: (buffer: number) => TypedArray, room: readonly number[]): number[] { return lengths.map((b, d) => (b < 0 ? room[d]! : Number(at(b)[0]))); }
/** That part, in memory of its own. */
function trimmed(data: TypedArray, room: readonly number[], dtype: DType, shape: readonly number[] = room): unknown {
  if (shape.every((n, d) => n === room[d])) return freshValue(data, room, dtype);
  return freshValue(copyArray(new NDArray(data, shape, { dtype, stride: rowMajor(room) }).contiguous()), shape, dtype);
}
/** Cotangents of outputs whose lengths the run finds were taken as they came, with zeros behind them. */
function checkLengths(values: readonly CotangentValue[], shape: readonly number[]): void {
  for (const { name, value } of values) if (typeof value === "object" && value.kind === "array" && value.shape.join() !== shape.join()) {
    throw new DaceError("SHAPE", `the cotangent of ${name} has shape ${shapeText(value.shape)}, the output ${shapeText(shape)}`);
  }
}

function returned(plan: Plan, r: PlanResult, v: Variant, layout: Layout, given: readonly Given[], args: readonly Bound[]): unknown {
  switch (r.kind) {
    case "none": return undefined;
    case "integer": { const i = plan.symbols.indexOf(r.expr); return i >= 0 ? layout.symbols[i] : v.executable.evaluate(r.expr, layout); }
    case "tuple": return r.items.map((x) => returned(plan, x, v, layout, given, args));
    case "buffer": {
      const k = v.placeOf.get(r.buffer)!, binder = v.binders[k]!;
      if (binder.kind === "parameter") { const g = given[binder.position]; if (g?.kind === "array") return g.original; }
      const x = args[k]!;
      if (x instanceof DeviceArray && !r.lengths) return x;
      return trimmed(hostData(x), layout.shapes[r.buffer]!, plan.buffers[r.buffer]!.dtype, r.lengths && lengthsOf(r.lengths, (b) => hostData(args[v.placeOf.get(b)!]!), layout.shapes[r.buffer]!));
    }
  }
}

/** One cotangent and the output it was given for. */
export interface CotangentValue { readonly name: string; readonly value: Given | number }

/** Cotangents of a run whose outputs alone are wanted. */
export const ZERO_COTANGENTS: Readonly<Record<string, never>> = Object.freeze({});

/** Cotangents by container. None at all: 1 for a single scalar output, else TYPE. */
export function readCotangents(v: Variant, layout: Layout, given: unknown): Map<string, CotangentValue[]> {
  const { outputs } = v.compiled;
  const out = new Map<string, CotangentValue[]>();
  const add = (container: string, c: CotangentValue): void => { const l = out.get(container); if (l) l.push(c); else out.set(container, [c]); };
  const hint = `outputs are ${outputs.map((o) => o.name).join(", ")}`;
  const none = given === undefined || given === null || (given !== ZERO_COTANGENTS && typeof given === "object" && Object.values(given).every((x) => x === undefined) && !ArrayBuffer.isView(given) && !Array.isArray(given));
  if (none) {
    const only = outputs[0];
    if (outputs.length !== 1 || layout.shapes[only!.buffer]!.length > 0) throw new DaceError("TYPE", "vjp needs cotangents unless the program has a single scalar output", { hint: `pass { ${outputs.map((o) => `${JSON.stringify(o.name)}: …`).join(", ")} }` });
    add(only!.container, { name: only!.name, value: 1 });
    return out;
  }
  if (typeof given !== "object" || Array.isArray(given) || ArrayBuffer.isView(given)) throw new DaceError("TYPE", "cotangents are an object by output name", { hint });
  for (const [name, x] of Object.entries(given as Record<string, unknown>)) {
    const o = outputs.find((y) => y.name === name);
    if (!o) throw new DaceError("ARGUMENT", `cotangents: there is no output ${name}`, { hint });
    if (x === undefined) continue;
    add(o.container, { name, value: typeof x === "number" ? x : classify(x, `cotangent of ${name}`) });
  }
  return out;
}

function cotangentBuffer(given: readonly CotangentValue[], dtype: DType, shape: readonly number[], n: number): TypedArray {
  const values = given.map(onHost);
  if (values.length === 0) return allocate(dtype, n);
  const parts = values.map((c) => cotangentArray(c.name, c.value, dtype, shape, n));
  if (parts.length === 1) return parts[0]!;
  // Two output names for one array: both cotangents count.
  const sum = parts[0]!.slice() as Float64Array;
  for (const p of parts.slice(1)) for (let i = 0; i < sum.length; i++) sum[i]! += Number(p[i]);
  return sum;
}
const shapeText = (shape: readonly number[]): string => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
function onHost(c: CotangentValue): CotangentValue { const { value } = c; return typeof value === "object" && value.kind === "array" && value.device ? { ...c, value: classify(value.device.toHost(), `cotangent of ${c.name}`) } : c; }
/** A cotangent as large as an output can become. */
function padded(given: CotangentValue, room: readonly number[]): CotangentValue {
  const c = onHost(given), { value } = c;
  if (typeof value === "number" || value.kind !== "array") return c;
  if (value.shape.length !== room.length || value.shape.some((n, d) => n > room[d]!)) {
    throw new DaceError("SHAPE", `the cotangent of ${c.name} has shape ${shapeText(value.shape)}; the output, whose size the run finds, is at most ${shapeText(room)}`, { hint: "a number stands for an array of any size" });
  }
  const data = allocate(value.dtype, room.reduce((p, q) => p * q, 1));
  new NDArray(data, value.shape, { dtype: value.dtype, stride: rowMajor(room) }).assign(value.data);
  return { ...c, value: { ...value, data, shape: room } };
}
function cotangentArray(name: string, value: Given | number, dtype: DType, shape: readonly number[], n: number): TypedArray {
  if (typeof value === "number") {
    const a = allocate(dtype, n) as Float64Array;
    if (value !== 0) { if (isComplex(dtype)) for (let i = 0; i < n; i++) a[2 * i] = value; else a.fill(value); }
    return a;
  }
  switch (value.kind) {
    case "array": {
      const size = value.shape.reduce((p, q) => p * q, 1);
      if (size !== n || (value.shape.length !== 1 && value.shape.join() !== shape.join())) throw new DaceError("SHAPE", `the cotangent of ${name} has shape ${shapeText(value.shape)}, the output ${shapeText(shape)}`);
      if (value.dtype === dtype) return value.data;
      if (!isDifferentiable(value.dtype) || isComplex(value.dtype) !== isComplex(dtype)) {
        // Interleaved complex numbers in a plain float array are what a typed array can say.
        throw new DaceError("TYPE", `the cotangent of ${name} holds ${value.dtype}, the output ${dtype}`);
      }
      const a = allocate(dtype, n) as Float64Array;
      a.set(value.data as Float64Array);
      return a;
    }
    case "number": case "boolean": return cotangentArray(name, Number(value.value), dtype, shape, n);
    case "complex": {
      if (!isComplex(dtype)) break;
      const a = allocate(dtype, n) as Float64Array;
      for (let i = 0; i < n; i++) { a[2 * i] = value.value.re; a[2 * i + 1] = value.value.im; }
      return a;
    }
    default: break;
  }
  throw new DaceError("TYPE", `the cotangent of ${name} is not an array or a number`);
}
