/** Names from outside the program's functions: module constants, captured values, helper functions. All are evaluated before the entry function starts. */
import type { DType } from "../../../base/dtypes.js";
import { DaceError, type SourceLoc } from "../../../base/errors.js";
import { constant } from "../../../scalar/expr.js";
import { int } from "../../../symbolic/expr.js";
import type { GlobalValue } from "../ast.js";
import { store } from "../store.js";
import { type Value, NONE, boolValue, floatValue, listValue, NULL, stringValue } from "../value.js";
import { classValue } from "./classes.js";
import type { Evaluator } from "./evaluator.js";
import { evaluate } from "./expressions.js";
import { settle } from "./variables.js";

/** Nested plain arrays up to this many numbers become constants of the program. */
const MAX_CONSTANTS = 4096;

export function globalValue(ev: Evaluator, name: string, loc: SourceLoc): Value {
  const known = ev.globals.get(name);
  if (known) return known;
  const failed = ev.failedGlobals.get(name);
  if (failed) throw failed;
  const g = ev.ctx.program.globals.get(name);
  if (!g) return ev.ctx.fail("TYPE", `the name ${name} is not defined`, loc);
  const v = make(ev, name, g);
  ev.globals.set(name, v);
  return v;
}

/** Evaluates every global, in the region that the program starts with. */
export function prepareGlobals(ev: Evaluator): void {
  for (const [name, g] of ev.ctx.program.globals) {
    if (ev.globals.has(name)) continue;
    try { ev.globals.set(name, make(ev, name, g)); } catch (e) { if (!(e instanceof DaceError)) throw e; ev.failedGlobals.set(name, e); }
  }
}

function make(ev: Evaluator, name: string, g: GlobalValue): Value {
  switch (g.kind) {
    case "function": return { kind: "function", def: g.def, scope: undefined };
    case "class": return classValue(ev, g.def);
    case "expression": {
      ev.ctx.frames.push({ def: undefined, vars: new Map(), parent: undefined, key: `global ${name}` });
      try {
        const v = settle(ev, evaluate(ev, g.value), g.value.loc, name);
        if (v.kind === "array") ev.ctx.constants.add(ev.ctx.bufferOf(v.data));
        if (v.kind === "object") v.shared = true;
        return v;
      } finally { ev.ctx.frames.pop(); }
    }
    case "value": return fromJavaScript(ev, g.value, name, g.loc, [name]);
  }
}

/** A captured value, or one given as an argument that is no array or number. */
export function fromJavaScript(ev: Evaluator, v: unknown, name: string, loc: SourceLoc | undefined, path?: readonly (string | number)[]): Value {
  const { ctx } = ev;
  switch (typeof v) {
    case "number": return floatValue(v, ctx.language);
    case "boolean": return boolValue(v);
    case "string": return stringValue(v);
    case "undefined": return NONE;
    case "bigint": return { kind: "scalar", dtype: "int64", weak: false, code: constant(v, "int64"), ...(v >= -9007199254740991n && v <= 9007199254740991n ? { int: int(Number(v)) } : {}) };
    case "object": break;
    default: return ctx.fail("CAPTURE", `the captured value ${name} is a ${typeof v}`, loc, "pass what the program needs as an argument");
  }
  if (v === null) return ctx.language === "javascript" ? NULL : NONE;
  if (ArrayBuffer.isView(v) || ("data" in v && "shape" in v)) return capturedArray(ev, v, name, loc, path);
  if (Array.isArray(v)) {
    if (v.flat(Infinity).length > MAX_CONSTANTS) return ctx.fail("CAPTURE", `the captured array ${name}, which is large`, loc, "pass it as an argument");
    const items = v.map((x: unknown, i) => fromJavaScript(ev, x, `${name}[${i}]`, loc, path && [...path, i]));
    return numbersAsArray(ev, listValue(items), name) ?? listValue(items);
  }
  if (Object.getPrototypeOf(v) === Object.prototype || Object.getPrototypeOf(v) === null) {
    return { kind: "object", entries: new Map(Object.entries(v).map(([k, x]) => [k, fromJavaScript(ev, x, `${name}.${k}`, loc, path && [...path, k])])) };
  }
  return ctx.fail("CAPTURE", `the captured value ${name} is an object of a class`, loc, "pass the numbers and arrays in it as arguments");
}

const TYPED: Readonly<Record<string, DType>> = {
  Float64Array: "float64", Float32Array: "float32", Int8Array: "int8", Int16Array: "int16", Int32Array: "int32", BigInt64Array: "int64", Uint8Array: "uint8", Uint16Array: "uint16", Uint32Array: "uint32", BigUint64Array: "uint64",
};
/** A captured typed array or ndarray: by reference, as a parameter that the caller does not see. Its size is that of the array. */
function capturedArray(ev: Evaluator, v: object, name: string, loc: SourceLoc | undefined, path: readonly (string | number)[] | undefined): Value {
  const { ctx } = ev, data = ArrayBuffer.isView(v) ? v : (v as { data: unknown }).data, dtype = typeof data === "object" && data ? TYPED[data.constructor.name] : undefined;
  const shape = ArrayBuffer.isView(v) ? [(v as Float64Array).length] : (v as { shape: readonly number[] }).shape, declared = (v as { dtype?: unknown }).dtype;
  if (!path || !dtype || (declared !== undefined && declared !== dtype)) return ctx.fail("CAPTURE", `the captured array ${name}`, loc, "pass it as an argument");
  const { stride, offset } = v as { stride?: readonly number[]; offset?: number };
  let run = 1;
  const dense = !stride || [...shape].reverse().every((n, k) => { const ok = n <= 1 || stride[shape.length - 1 - k] === run; run *= n; return ok; });
  if (!dense || (offset ?? 0) !== 0) return ctx.fail("CAPTURE", `the captured array ${name}, which is a view`, loc, "copy it, or pass it as an argument");
  const c = ctx.addContainer({ name: ctx.unique(name), dtype, shape: shape.map(int), transient: false, label: name, ...(loc ? { loc } : {}) });
  ev.captures.push({ name: `capture:${JSON.stringify(path)}`, container: c.name });
  return ctx.whole(c.name);
}

/** A JavaScript list of numbers (or of lists of one length of them) as a container, so that it can be indexed by what the run computes. Undefined for other lists. */
export function numbersAsArray(ev: Evaluator, v: Value, label: string): Value | undefined {
  const shape: number[] = [];
  const measure = (x: Value, depth: number): boolean => {
    if (x.kind !== "list") return depth === shape.length && x.kind === "scalar" && x.dtype === "float64";
    if (shape.length === depth) { if (x.items.length === 0) return false; shape.push(x.items.length); }
    return shape[depth] === x.items.length && x.items.every((y) => measure(y, depth + 1));
  };
  if (v.kind !== "list" || v.items.length === 0) return undefined;
  for (let x: Value = v; x.kind === "list"; x = x.items[0] ?? NONE) { if (x.items.length === 0) return undefined; shape.push(x.items.length); }
  if (!measure(v, 0)) return undefined;
  const out = ev.ctx.allocate(shape.map(int), "float64", label);
  store(ev.ctx, out, v, undefined);
  return out;
}
