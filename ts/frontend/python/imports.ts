/** Which imported names mean library functions, and Python's built-ins. */
import { nodes, text, type PyNode } from "./tree.js";

/** Modules by their own name → the name under which the lowering knows them. */
const MODULES: ReadonlyMap<string, string> = new Map([["numpy", "np"], ["math", "math"], ["cmath", "cmath"], ["scipy", "scipy"], ["numba", "numba"], ["dataclasses", "dataclasses"]]);

export const BUILTINS: ReadonlySet<string> = new Set([
  "range", "len", "enumerate", "zip", "abs", "min", "max", "sum", "int", "float", "bool", "complex", "round", "pow", "reversed", "sorted", "isinstance", "tuple", "list", "print", "divmod", "any", "all", "map", "filter", "str", "slice",
  "hasattr", "getattr", "setattr", "dict", "set", "iter", "next", "type", "open", "input", "eval", "exec", "globals", "id", "repr", "format", "ord", "chr", "hex", "callable", "object", "super", "bytes", "frozenset",
]);

/** Built-ins that `from numpy import *` replaces. */
export const NUMPY_STAR = new Set(["all", "divmod", "max", "min", "abs", "round", "bool", "any", "pow", "sum"]);
export const MATH_STAR = new Set(("acos acosh asin asinh atan atan2 atanh cbrt ceil comb copysign cos cosh degrees dist e erf erfc exp exp2 expm1 fabs factorial floor fmod frexp fsum gamma gcd hypot inf isclose "
  + "isfinite isinf isnan isqrt lcm ldexp lgamma log log10 log1p log2 modf nan nextafter perm pi pow prod radians remainder sin sinh sqrt tan tanh tau trunc ulp").split(" "));

/** The library name of a dotted path such as "numpy.linalg.norm" ("np.linalg.norm"), or undefined for modules that are not supported. */
export function libraryName(path: string): string | undefined {
  const [top, ...rest] = path.split(".");
  const module = MODULES.get(top!);
  if (module === undefined) return undefined;
  if (module === "numba" && rest.length > 0) return rest[0] === "prange" ? "range" : undefined;
  return [module, ...rest].join(".");
}

/** What an import statement binds: local name → dotted path; `*` of a module is the name "*". */
export function importedNames(statement: PyNode): readonly (readonly [name: string, path: string])[] {
  if (statement.nodeType === "Import") {
    return nodes(statement["names"]).map((a) => { const name = text(a["name"]), as = text(a["asname"]), top = name.split(".")[0]!; return as ? [as, name] : [top, top]; });
  }
  if (statement.nodeType !== "ImportFrom") return [];
  // A relative import is of a module that we do not read.
  const module = `${".".repeat(Number(statement["level"] ?? 0))}${text(statement["module"])}`;
  return nodes(statement["names"]).map((a) => [text(a["asname"]) || text(a["name"]), `${module}.${text(a["name"])}`]);
}

const HARMLESS_DECORATOR = /^(numba\.(jit|njit)|nb\.(jit|njit)|njit|jit|functools\.(lru_cache|cache|wraps)|typing(_extensions)?\.\w+|dace\.program|staticmethod)$/;
/** A decorator (by its dotted path) that does not change what the function computes. */
export function isHarmlessDecorator(path: string): boolean { return HARMLESS_DECORATOR.test(path); }

/** Functions that write to an argument. A keyword `out` does too. */
const WRITING_FUNCTION = /^np\.(copyto|put|place|putmask|put_along_axis|fill_diagonal|\w+\.at)$|^setattr$/;
const WRITING_METHOD = new Set(["fill", "sort", "append", "extend", "pop", "insert", "put", "partition", "setflags", "resize", "reverse", "clear", "remove", "itemset", "update"]);
export function isWritingFunction(name: string): boolean { return WRITING_FUNCTION.test(name); }
export function isWritingMethod(name: string): boolean { return WRITING_METHOD.has(name); }
