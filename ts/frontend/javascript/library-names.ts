/** JavaScript's own names: which library functions, namespaces and constants a program may use, and why the others are refused. */

const MATH = ["abs", "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "clz32", "cos", "cosh", "exp", "expm1", "floor", "fround",
  "hypot", "imul", "log", "log10", "log1p", "log2", "max", "min", "pow", "round", "sign", "sin", "sinh", "sqrt", "tan", "tanh", "trunc"];

/** Typed-array constructors. */
export const TYPED_ARRAYS = ["Float64Array", "Float32Array", "Int8Array", "Int16Array", "Int32Array", "Uint8Array", "Uint8ClampedArray", "Uint16Array", "Uint32Array", "BigInt64Array", "BigUint64Array"] as const;

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  Math: MATH,
  Number: ["isFinite", "isInteger", "isNaN", "isSafeInteger"],
  Array: ["from", "of", "isArray"],
  Object: ["keys", "values", "entries", "freeze"],
  ...Object.fromEntries(TYPED_ARRAYS.map((n) => [n, ["from", "of"]])),
};
const CALLABLE = new Set<string>(["Number", "Boolean", "Array", "isNaN", "isFinite", "BigInt", ...TYPED_ARRAYS]);
const NAMESPACES = new Set<string>(["Math", "Number", "Array", "Object", ...TYPED_ARRAYS]);

const CONSTANTS: Readonly<Record<string, number>> = {
  NaN, Infinity,
  ...Object.fromEntries((["E", "LN10", "LN2", "LOG10E", "LOG2E", "PI", "SQRT1_2", "SQRT2"] as const).map((k) => [`Math.${k}`, Math[k]])),
  ...Object.fromEntries((["EPSILON", "MAX_SAFE_INTEGER", "MAX_VALUE", "MIN_SAFE_INTEGER", "MIN_VALUE", "NEGATIVE_INFINITY", "POSITIVE_INFINITY", "NaN"] as const).map((k) => [`Number.${k}`, Number[k]])),
  ...Object.fromEntries(TYPED_ARRAYS.map((k) => [`${k}.BYTES_PER_ELEMENT`, ({ Float64Array, Float32Array, Int8Array, Int16Array, Int32Array, Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, BigInt64Array, BigUint64Array })[k].BYTES_PER_ELEMENT])),
};

const HINTS: Readonly<Record<string, string>> = {
  "Math.random": "make the random numbers before the call and pass them as an array",
  console: "remove the output, or print what the program returns",
  Date: "pass times as arguments", performance: "pass times as arguments",
  Map: "use arrays indexed by integers", Set: "use arrays indexed by integers", WeakMap: "use arrays indexed by integers",
  parseInt: "convert strings before the call", parseFloat: "convert strings before the call", String: "convert strings before the call",
  "Number.parseInt": "convert strings before the call", "Number.parseFloat": "convert strings before the call",
  Object: "use the object's properties by name", Promise: "asynchronous code is not a program; use .async on the result",
};

export type LibraryName =
  | { readonly kind: "library"; readonly name: string }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "refused"; readonly name: string; readonly hint: string | undefined };

/** What a global name means; undefined: not a name of the language. */
export function globalName(name: string): LibraryName | undefined {
  const c = CONSTANTS[name];
  if (c !== undefined && Object.hasOwn(CONSTANTS, name)) return { kind: "constant", value: c };
  if (CALLABLE.has(name) || NAMESPACES.has(name) || name === "globalThis") return { kind: "library", name };
  if (name in globalThis || HINTS[name] !== undefined) return { kind: "refused", name, hint: Object.hasOwn(HINTS, name) ? HINTS[name] : undefined };
  return undefined;
}
/** A member of a namespace such as `Math`. */
export function libraryMember(namespace: string, key: string): LibraryName {
  const name = `${namespace}.${key}`;
  if (Object.hasOwn(CONSTANTS, name)) return { kind: "constant", value: CONSTANTS[name]! };
  if (Object.hasOwn(MEMBERS, namespace) && MEMBERS[namespace]!.includes(key)) return { kind: "library", name };
  return { kind: "refused", name, hint: Object.hasOwn(HINTS, name) ? HINTS[name] : undefined };
}

const NATIVE = new Map<unknown, string>();
for (const name of new Set([...CALLABLE, ...NAMESPACES])) {
  const value = (globalThis as Record<string, unknown>)[name];
  NATIVE.set(value, name);
  for (const key of MEMBERS[name] ?? []) {
    // TypedArray.from and .of are inherited and the same function for all: only their namespace tells them apart.
    if (name === "Math" || name === "Number" || name === "Array" || name === "Object") NATIVE.set((value as Record<string, unknown>)[key], `${name}.${key}`);
  }
}
/** The library name of a captured built-in (`const { exp } = Math`), or undefined. */
export function nativeName(value: unknown): string | undefined { return NATIVE.get(value); }

/** Methods that change nothing but may call their callback. */
export const PURE_METHODS: ReadonlySet<string> = new Set(["slice", "subarray", "map", "at", "indexOf", "lastIndexOf", "includes", "reduce", "reduceRight", "some", "every", "find", "findIndex",
  "findLast", "findLastIndex", "filter", "entries", "keys", "values", "concat", "flat", "flatMap", "toReversed", "toSorted", "with", "get", "join", "toString", "toFixed", "valueOf"]);
/** Methods that change what they are called on. */
export const WRITING_METHODS: ReadonlySet<string> = new Set(["fill", "set", "copyWithin", "reverse", "sort", "push", "pop", "shift", "unshift", "splice"]);
