/** Compiles the C++ of several plans into one library and runs them: a compiler's start-up costs more than a small kernel. */
import { join } from "node:path";
import { nativeAddon, packageRoot } from "../../ts/runtime/addon.js";
import type { NativeAddon, NativeKernel, TypedArray } from "../../ts/runtime/addon-types.js";
import { jsKernel } from "../../ts/runtime/js-backend.js";
import { layoutOf } from "../../ts/runtime/layout.js";
import type { Plan } from "../../ts/lower/plan.js";
import { isComplex, type DType } from "../../ts/base/dtypes.js";

const ARRAYS: Record<DType, new (n: number) => TypedArray> = {
  float64: Float64Array, float32: Float32Array, int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array, uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array, bool: Uint8Array,
  complex64: Float32Array, complex128: Float64Array,
};
/** Elements as numbers or bigints; two per complex element. */
export type Values = readonly (number | bigint)[];
export type Contents = Readonly<Record<string, Values>>;

export function addon(): NativeAddon | undefined { return nativeAddon().addon; }
export const CACHE = join(packageRoot(), "node_modules", ".cache", "dace-ad-native");

/** Argument arrays of a plan: given values, or a recognisable filling. */
export function makeArgs(plan: Plan, elements: readonly number[], given: Contents): TypedArray[] {
  return plan.arguments.map((b) => {
    const buffer = plan.buffers[b]!, a = new ARRAYS[buffer.dtype](elements[b]! * (isComplex(buffer.dtype) ? 2 : 1)), values = given[buffer.name];
    if (values && values.length !== a.length) throw new Error(`${buffer.name}: ${values.length} values for ${a.length} elements`);
    const wide = a instanceof BigInt64Array || a instanceof BigUint64Array;
    for (let i = 0; i < a.length; i++) { const x = values ? values[i]! : 7; (a as Float64Array)[i] = (wide ? BigInt(x) : Number(x)) as number; }
    return a;
  });
}
const contents = (plan: Plan, args: readonly TypedArray[]): Map<string, (number | bigint)[]> => new Map(plan.arguments.map((b, i) => [plan.buffers[b]!.name, Array.from(args[i] as unknown as ArrayLike<number | bigint>)]));

export function runJs(plan: Plan, sizes: Readonly<Record<string, number>>, given: Contents): Map<string, (number | bigint)[]> {
  const layout = layoutOf(plan, new Map(Object.entries(sizes))), args = makeArgs(plan, layout.elements, given), arena = new ArrayBuffer(layout.arenaBytes + 64);
  new Float64Array(arena).fill(1e30);
  const kernel = jsKernel(plan), status = kernel.run(args, layout.symbols, arena);
  if (status !== 0) throw new Error(`status ${status} (${kernel.error.join(", ")})`);
  return contents(plan, args);
}

export class Batch {
  #kernel: NativeKernel | undefined;
  readonly #native: NativeAddon;
  constructor(readonly plans: readonly Plan[], readonly flags: readonly string[] = ["-O1"]) { this.#native = addon()!; }

  get kernel(): NativeKernel {
    if (this.#kernel) return this.#kernel;
    const units = this.plans.flatMap((p, i) => p.cpp.sources.map((s) => s.replace(/\bdace_(run|part_\d+)\b/g, `dace_$1_of_${i}`)));
    const switchboard = `struct dace_rt; typedef long long i64;
${this.plans.map((_, i) => `extern "C" int dace_run_of_${i}(const dace_rt*, void* const*, const i64*, void*);`).join("\n")}
extern "C" int dace_run(const dace_rt* rt, void* const* args, const i64* symbols, void* arena) {
  switch (symbols[0]) {
${this.plans.map((_, i) => `    case ${i}: return dace_run_of_${i}(rt, args, symbols + 1, arena);`).join("\n")}
  }
  return 6;
}
`;
    const flags = [...new Set(this.plans.flatMap((p) => p.cpp.flags))].filter((f) => !f.startsWith("-O") && !f.startsWith("-ffp-contract"));
    const contract = this.plans[0]!.cpp.flags.filter((f) => f.startsWith("-ffp-contract"));
    const link = new Set(this.plans.flatMap((p) => p.cpp.link));
    return (this.#kernel = this.#native.load({ sources: [switchboard, ...units], flags: [...flags, ...contract, ...this.flags], link: ["-lm", ...(link.has("libmvec") ? ["-lmvec"] : [])], cacheDir: CACHE }));
  }

  run(i: number, sizes: Readonly<Record<string, number>>, given: Contents, threads: number): Map<string, (number | bigint)[]> {
    const plan = this.plans[i]!, layout = layoutOf(plan, new Map(Object.entries(sizes)), threads), args = makeArgs(plan, layout.elements, given);
    const symbols = BigInt64Array.from([i, ...layout.symbols], (x) => BigInt(x));
    const status = this.#native.run(this.kernel, args, symbols, layout.arenaBytes, { threads, parallel: threads > 1 });
    if (status.code !== 0) throw new Error(`status ${status.code} (${status.site}, ${status.value}, ${status.extent})`);
    return contents(plan, args);
  }
}

/** Largest difference, relative to the largest magnitude of each container. */
export function distance(a: ReadonlyMap<string, Values>, b: ReadonlyMap<string, Values>): number {
  let worst = 0;
  for (const [name, x] of a) {
    const y = b.get(name)!, scale = Math.max(1, ...x.map((v) => Math.abs(Number(v))).filter(Number.isFinite));
    x.forEach((v, i) => { if (!Object.is(v, y[i])) { const d = Math.abs(Number(v) - Number(y[i])) / scale; worst = Math.max(worst, Number.isNaN(d) ? (Number.isNaN(Number(v)) && Number.isNaN(Number(y[i])) ? 0 : Infinity) : d); } });
  }
  return worst;
}
/** The same bits in every element (NaNs are all the same). */
export function same(a: ReadonlyMap<string, Values>, b: ReadonlyMap<string, Values>): boolean { return [...a].every(([name, x]) => x.every((v, i) => Object.is(v, b.get(name)![i]))); }
