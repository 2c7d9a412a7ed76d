/** The two languages of a program for a GPU: device code, which is C++ without the platform's headers and with CUDA's own built-ins, and host code, which launches it. */
import { InternalError } from "../base/errors.js";
import { bytesOf, isComplex, type DType } from "../base/dtypes.js";
import { Cpp } from "./cpp.js";
import { cppType } from "./cpp-types.js";
import type { Failure, GemmText, LoopText, Text } from "./language.js";

/** Kernels. The parameter `error` is the device's error block. */
export class CudaDevice extends Cpp {
  constructor(precision: Cpp["precision"]) { super(precision, false); }
  override loopOpen(l: LoopText): readonly Text[] { const { simd: _, ...plain } = l; return super.loopOpen(plain); }
  override check(index: Text, extent: Text, site: number, failure: Failure): Text { return `if (u64(${index}) >= u64(${extent})) { note(error, 2, ${site}, ${index}, ${extent}); ${failure}; }`; }
  override raise(code: number, site: number): Text { return `{ note(error, ${code}, ${site}, 0, 0); return; }`; }
  /** Only loops that need not end look at the flag, now and then: it lies in the host's memory. No barriers are around them. */
  override poll(): readonly Text[] { return []; }
  override pollRound(counter: Text, short: boolean): readonly Text[] { return [`if ((${counter} & ${short ? 16383 : 255}) == ${short ? 16383 : 255} && stopped(error, cancel)) return;`]; }
  override stripOpen(): undefined { return undefined; }
  override gemm(): never { throw new InternalError("a kernel calls no library"); }
  override grow(): never { throw new InternalError("a kernel makes no room"); }
}

/** What a library does with an operand: 0 as it is, 1 transposed, 2 conjugate transposed. Undefined: it conjugates only what it transposes. */
export function libraryOp(transposed: boolean, conjugated: boolean): number | undefined { return conjugated ? (transposed ? 2 : undefined) : Number(transposed); }

/** What the host calls. `product`: the number of our own kernel for a product of matrices. */
export class CudaHost extends Cpp {
  constructor(precision: Cpp["precision"], readonly product: (dtype: DType) => number, readonly stops: boolean) { super(precision, false); }
  override raise(code: number, site: number): Text { return `return stop(rt, ${code}, ${site});`; }
  override gemm(g: GemmText): readonly Text[] {
    const opA = libraryOp(g.transA, g.conjugateA), opB = libraryOp(g.transB, g.conjugateB);
    // The library goes on behind a mistake, wherever its operands then begin.
    const library = opA !== undefined && opB !== undefined && (!this.stops || [g.aAt, g.bAt, g.cAt].every((x) => /^\d+$/.test(x)));
    const t = cppType(g.dtype), number = ["float64", "float32", "complex128", "complex64"].indexOf(g.dtype);
    const product: readonly (readonly [name: Text, type: Text, value: Text])[] = [
      ["ta", "i32", String(Number(g.transA))], ["tb", "i32", String(Number(g.transB))], ["m", "i64", g.m], ["n", "i64", g.n], ["k", "i64", g.k], ["alpha", t, this.constant(g.alpha, undefined, g.dtype)],
      ["a", `const ${t}*`, `${g.a} + ${g.aAt}`], ["lda", "i64", g.lda], ["b", `const ${t}*`, `${g.b} + ${g.bAt}`], ["ldb", "i64", g.ldb], ["beta", t, this.constant(g.accumulate ? 1 : 0, undefined, g.dtype)],
      ["c", `${t}*`, `${g.c} + ${g.cAt}`], ["ldc", "i64", g.ldc], ...(isComplex(g.dtype) ? [["ca", "i32", String(Number(g.conjugateA))], ["cb", "i32", String(Number(g.conjugateB))]] as const : []),
    ];
    return [
      "{",
      ...product.map(([name, type, value]) => `  ${type} p_${name} = ${value};`),
      "  if (p_m > 0 && p_n > 0) {",
      library ? `    i32 status = gpu->gemm(gpu->state, ${number}, ${opA}, ${opB}, p_m, p_n, p_k, &p_alpha, p_a, p_lda, p_b, p_ldb, &p_beta, p_c, p_ldc);` : "    i32 status = -1;",
      `    if (status == -1) { void* p[] = {${[...product.map(([name]) => `(void*)&p_${name}`), ...(this.stops ? ["(void*)&gpu->error"] : [])].join(", ")}}; status = gpu->launch(gpu->state, ${this.product(g.dtype)}, tiles(p_n, 65535), tiles(p_m, 65535), 1, 16, 16, 1, ${tilesShared(g.dtype)}, p); }`,
      "    if (status != 0) return status;",
      "  }",
      "}",
    ];
  }
}

/**
 * C = alpha op(A) op(B) + beta C in tiles of 64 × 64: 16 × 16 threads, 4 × 4 elements each, with strips of 16 along the sum in shared memory. Each element is summed in order of k, by one thread.
 * Rows of a tile in shared memory are 68 elements apart. What beta = 0 overwrites is not read. Complex operands can be conjugated (ca, cb).
 * Of the names ta, tb, m, n, k, alpha, lda, ldb, beta, c, ldc (ca, cb) and, inside `terms` (text around the sum over k, for sums of several products), a and b.
 */
export function productTiles(dtype: DType, terms: readonly [before: Text, after: Text] = ["", ""]): string {
  const t = cppType(dtype), complex = isComplex(dtype), zero = complex ? `${t}(0, 0)` : `${t}(0)`;
  const conjugated = (flag: Text, x: Text): Text => (complex ? ` if (${flag}) ${x}.im = -${x}.im;` : "");
  // to += p · q, without helpers.
  const addProduct = (to: Text, p: Text, q: Text): Text => (complex ? `{ ${to}.re += ${p}.re * ${q}.re - ${p}.im * ${q}.im; ${to}.im += ${p}.re * ${q}.im + ${p}.im * ${q}.re; }` : `${to} += ${p} * ${q};`);
  return `  for (i64 row = i64(blockIdx.y) * 64; row < m; row += i64(gridDim.y) * 64) for (i64 col = i64(blockIdx.x) * 64; col < n; col += i64(gridDim.x) * 64) {
    ${t} sum[4][4];
    for (i32 i = 0; i < 4; i++) for (i32 j = 0; j < 4; j++) sum[i][j] = ${zero};
${terms[0]}    for (i64 from = 0; from < k; from += 16) {
      for (i32 q = me; q < 1024; q += 256) {
        i32 i = ta ? q % 64 : q / 16, l = ta ? q / 64 : q % 16;
        x[l * 68 + i] = row + i < m && from + l < k ? (ta ? a[(from + l) * lda + row + i] : a[(row + i) * lda + from + l]) : ${zero};${conjugated("ca", "x[l * 68 + i]")}
        i32 j = tb ? q / 16 : q % 64, h = tb ? q % 16 : q / 64;
        y[h * 68 + j] = col + j < n && from + h < k ? (tb ? b[(col + j) * ldb + from + h] : b[(from + h) * ldb + col + j]) : ${zero};${conjugated("cb", "y[h * 68 + j]")}
      }
      __syncthreads();
      const i32 most = k - from < 16 ? i32(k - from) : 16;
      for (i32 l = 0; l < most; l++) {
        ${t} p[4], q[4];
        for (i32 i = 0; i < 4; i++) { p[i] = x[l * 68 + ty + 16 * i]; q[i] = y[l * 68 + tx + 16 * i]; }
        for (i32 i = 0; i < 4; i++) for (i32 j = 0; j < 4; j++) ${addProduct("sum[i][j]", "p[i]", "q[j]")}
      }
      __syncthreads();
    }
${terms[1]}    for (i32 i = 0; i < 4; i++) for (i32 j = 0; j < 4; j++) {
      const i64 r = row + ty + 16 * i, s = col + tx + 16 * j;
      if (r < m && s < n) { ${t}* const to = c + r * ldc + s; ${complex ? `${t} z(0, 0); ${addProduct("z", "alpha", "sum[i][j]")} if (beta.re != 0 || beta.im != 0) ${addProduct("z", "beta", "(*to)")} *to = z;` : `*to = beta == ${t}(0) ? alpha * sum[i][j] : alpha * sum[i][j] + beta * *to;`} }
    }
  }
`;
}
/** Threads and shared memory of `productTiles`. */
export const tilesHead = (dtype: DType): string => `  ${cppType(dtype)}* const x = (${cppType(dtype)}*)shared;\n  ${cppType(dtype)}* const y = x + 16 * 68;\n  const i32 tx = threadIdx.x, ty = threadIdx.y, me = ty * 16 + tx;\n`;
export const tilesShared = (dtype: DType): number => 2 * 16 * 68 * bytesOf(dtype);

/** The kernel for any one product. */
export function productKernel(name: string, dtype: DType, stops: boolean): string {
  const t = cppType(dtype);
  const stop = stops ? "  if (threadIdx.x == 0 && threadIdx.y == 0) *(i64*)shared = *(volatile i64*)error;\n  __syncthreads();\n  if (*(i64*)shared != 0) return;\n  __syncthreads();\n" : "";
  return `extern "C" __global__ void __launch_bounds__(256) ${name}(i32 ta, i32 tb, i64 m, i64 n, i64 k, ${t} alpha, const ${t}* a, i64 lda, const ${t}* b, i64 ldb, ${t} beta, ${t}* c, i64 ldc${isComplex(dtype) ? ", i32 ca, i32 cb" : ""}${stops ? ", i64* error" : ""}) {
${stop}${tilesHead(dtype)}${productTiles(dtype)}}
`;
}
