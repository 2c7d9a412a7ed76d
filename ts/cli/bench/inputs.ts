/** Arguments of NPBench's programs without Python: random arrays of the shapes that `programs.ts` knows. And arguments with noise, where NPBench's own data are special. */
import { isComplex, isFloat, parseDType, type DType } from "../../base/dtypes.js";
import { DaceError } from "../../base/errors.js";
import { random } from "../../api/gradcheck.js";
import { allocate, NDArray, sizeOf } from "../../runtime/ndarray.js";
import { evaluate } from "../../symbolic/expr.js";
import { parseExpr } from "../../symbolic/parse.js";
import type { BenchProgram, Sizes } from "./checkout.js";
import { KNOWN } from "./programs.js";

/** Values in call order, or why there are none. */
export function ownInputs(program: BenchProgram, sizes: Sizes): unknown[] {
  const known = program.initialise ? KNOWN[program.name] : { arrays: "" };
  if (!known) throw new DaceError("ARGUMENT", `${program.name} makes its inputs in Python, and no Python with NumPy was found`);
  const numbers: Sizes = { ...sizes, ...known.numbers?.(sizes) }, next = random(1), symbols = new Map(Object.entries(numbers));
  const arrays = new Map(known.arrays.split(" ").filter((x) => x !== "").map((text) => {
    const m = /^(\w+)=(\w+)\[([^\]]*)\](?:<(\w+))?(?:!(\w+))?$/.exec(text)!, dims = m[3]!.split(",").map((d) => evaluate(parseExpr(d), symbols));
    const limit = m[4] === undefined ? 10 : Number.isNaN(Number(m[4])) ? symbols.get(m[4])! : Number(m[4]);
    return [m[1]!, filled(parseDType(m[2]!)!, dims, limit, m[5], next, symbols)] as const;
  }));
  return program.parameters.map((p) => {
    const v = arrays.get(p) ?? symbols.get(p);
    if (v === undefined) throw new DaceError("ARGUMENT", `${program.name}: nothing says what its argument ${p} is`);
    return v;
  });
}

function filled(dtype: DType, shape: readonly number[], limit: number, kind: string | undefined, next: () => number, symbols: ReadonlyMap<string, number>): NDArray {
  const data = allocate(dtype, sizeOf(shape)), into = data as unknown as Record<number, number | bigint>, n = shape.at(-1) ?? 1;
  const float = isFloat(dtype) || isComplex(dtype), wide = dtype === "int64" || dtype === "uint64";
  for (let i = 0; i < data.length; i++) { const x = float ? next() : Math.floor(limit * next()); into[i] = wide ? BigInt(x) : x; }
  switch (kind) {
    case undefined: break;
    // Symmetric, and its diagonal dominates.
    case "definite": for (let i = 0; i < n; i++) { for (let j = 0; j < i; j++) into[i * n + j] = into[j * n + i]!; into[i * n + i] = n + 1; } break;
    case "small": for (let i = 0; i < data.length; i++) into[i] = Number(into[i]) / n; break;
    // Where each row of a sparse matrix begins: entries are given to rows at random.
    case "rows": {
      const count = new Array<number>(n).fill(0);
      for (let k = 0; k < (symbols.get("nnz") ?? 0); k++) count[1 + Math.floor((n - 1) * next())]!++;
      for (let i = 0, sum = 0; i < n; i++) { sum += count[i]!; into[i] = sum; }
      break;
    }
    default: throw new Error(`no kind of input ${kind}`);
  }
  return new NDArray(data, shape, { dtype });
}

/** NPBench's own data hide mistakes: fixed points, zeros, symmetric sums. Floats get noise of a tenth of their mean; what factorisations need of their matrix stays. */
export function withNoise(name: string, args: readonly unknown[]): unknown[] {
  const next = random(7);
  if (KNOWN[name]?.arrays.includes("!definite")) return [...args];
  return args.map((a) => {
    if (!(a instanceof NDArray) || !(isFloat(a.dtype) || isComplex(a.dtype))) return a;
    const data = Float64Array.from(a.contiguous() as Float64Array), mean = data.reduce((s, x) => s + Math.abs(x), 0) / Math.max(1, data.length);
    for (let i = 0; i < data.length; i++) data[i]! += 0.1 * (mean + 0.1) * next();
    return new NDArray(/float32|complex64/.test(a.dtype) ? Float32Array.from(data) : data, a.shape, { dtype: a.dtype });
  });
}

/** Integer arrays and big integers as floats: an integer program may be differentiable in floats. */
export function inFloats(args: readonly unknown[]): unknown[] {
  return args.map((a) => {
    if (typeof a === "bigint") return Number(a) + 0.5;
    if (!(a instanceof NDArray) || isFloat(a.dtype) || isComplex(a.dtype)) return a;
    return new NDArray(Float64Array.from(a.contiguous() as Float64Array, Number), a.shape);
  });
}
