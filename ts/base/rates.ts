/** What operations take on a machine, in seconds by class: plain data that is measured once per machine (compile/calibration.ts) or built in, and passed down. */

/** Seconds a byte, where `bytes` are gone through between two uses of it. */
export interface MemoryRate { readonly bytes: number; readonly read: number; readonly write: number }
/** Seconds a flop, of products of three sizes whose geometric mean is `size`. */
export interface ProductRate { readonly size: number; readonly seconds: number }

/** All of float64. A flop is an addition or a product, a fused one is two. */
export interface Rates {
  /** A flop where iterations are vectorised, and where they are not. */
  readonly vector: number;
  readonly scalar: number;
  /** An element that is added into one place, vectorised. */
  readonly sum: number;
  /** A flop, and a division, that waits for the result of the iteration before. */
  readonly chain: number;
  readonly chainDivision: number;
  /** Reading and writing an element that is in the first cache, vectorised; either of it, not vectorised; and at an index that is read from memory. */
  readonly load: number;
  readonly store: number;
  readonly scalarAccess: number;
  readonly gather: number;
  /** An evaluation in a vectorised loop, by name; of divisions and roots what their unit takes; functions that are not there take what their flops (scalar/ops.ts) say, by that of exp. */
  readonly functions: Readonly<Record<string, number>>;
  /** Divisions and roots have a unit of their own: what part of the shorter of them and of all else adds to the longer, vectorised. */
  readonly beside: number;
  /** How often longer a function takes where iterations are not vectorised. */
  readonly scalarFunction: number;
  /** Ascending. */
  readonly memory: readonly MemoryRate[];
  /** Entering an innermost loop, and leaving it. */
  readonly start: number;
  /** Matrix products by the runtime's gemm, ascending. */
  readonly product: readonly ProductRate[];
  /** How often longer they take where the second matrix is transposed. */
  readonly productTransposed: number;
  /** Of a loop that threads share: telling them, and the barrier behind it. */
  readonly barrier: number;
  /** How often faster all threads are together at memory that is in no cache. */
  readonly memoryThreads: number;
  /** Of a kernel on a GPU, or a copy; and a byte between it and its host. */
  readonly launch: number;
  readonly transfer: number;
  /** Of a GPU: how often longer one thread takes for what all of them do, and the threads of one block. */
  readonly gpu?: { readonly thread: number; readonly block: number; /** Of a unit of work (schedule/work.ts) that all share, and a byte of an argument. */ readonly unit: number; readonly argument: number };
}

const NS = 1e-9;
const KIB = 2 ** 10, MIB = 2 ** 20;

/** One core of a processor of 2024 with 512-bit vectors, 1 MiB of second-level and 32 MiB of shared cache. */
export const CPU_RATES: Rates = {
  vector: 0.008 * NS, scalar: 0.085 * NS, sum: 0.095 * NS, chain: 0.47 * NS, chainDivision: 3.3 * NS, load: 0.019 * NS, store: 0.016 * NS, scalarAccess: 0.068 * NS, gather: 0.28 * NS,
  functions: { div: 0.11 * NS, sqrt: 0.21 * NS, exp: 0.46 * NS, log: 0.53 * NS, sin: 0.37 * NS, cos: 0.37 * NS, tanh: 0.85 * NS, pow: 2 * NS }, beside: 0.3, scalarFunction: 6,
  memory: [
    { bytes: 24 * KIB, read: 0.0041 * NS, write: 0.0041 * NS }, { bytes: 192 * KIB, read: 0.0049 * NS, write: 0.0052 * NS }, { bytes: 640 * KIB, read: 0.0049 * NS, write: 0.0052 * NS },
    { bytes: 2.5 * MIB, read: 0.0095 * NS, write: 0.0105 * NS }, { bytes: 10 * MIB, read: 0.0105 * NS, write: 0.011 * NS }, { bytes: 32 * MIB, read: 0.025 * NS, write: 0.027 * NS }, { bytes: 96 * MIB, read: 0.028 * NS, write: 0.031 * NS },
  ],
  start: 0.3 * NS, product: [{ size: 32, seconds: 0.065 * NS }, { size: 96, seconds: 0.0098 * NS }, { size: 256, seconds: 0.009 * NS }], productTransposed: 1.075, barrier: 1500 * NS, memoryThreads: 1.6, launch: 0, transfer: 0,
};

/** The same core running JavaScript. */
export const JS_RATES: Rates = {
  ...CPU_RATES, vector: 0.05 * NS, scalar: 0.09 * NS, sum: 0.94 * NS, chain: 0.7 * NS, chainDivision: 3 * NS, load: 0.115 * NS, store: 0.61 * NS, scalarAccess: 0.36 * NS, gather: 24 * NS,
  functions: { div: 0.24 * NS, sqrt: 1.05 * NS, exp: 4.5 * NS, log: 4.7 * NS, sin: 3 * NS, cos: 3 * NS, tanh: 10 * NS, pow: 36 * NS }, beside: 0.8, scalarFunction: 1.3,
  memory: CPU_RATES.memory.map((m) => ({ bytes: m.bytes, read: 0.02 * NS + m.read, write: 0.065 * NS + m.write })), start: 0.5 * NS, product: [{ size: 32, seconds: 0.57 * NS }], productTransposed: 1,
};

/** A GPU for data centres: all of it at work, loops inside a kernel cost nothing of their own. */
export const GPU_RATES: Rates = {
  ...CPU_RATES, vector: 4e-14, scalar: 4e-14, sum: 4e-14, chain: 4e-14, chainDivision: 4e-13, load: 1e-13, store: 1e-13, scalarAccess: 1e-13, gather: 1e-12,
  functions: { div: 5e-13, sqrt: 5e-13, exp: 1e-12, log: 1e-12, sin: 1.5e-12, cos: 1.5e-12, tanh: 1.5e-12, pow: 4e-12 }, beside: 1, scalarFunction: 1,
  memory: [{ bytes: 32 * MIB, read: 2e-13, write: 2e-13 }, { bytes: 256 * MIB, read: 4e-13, write: 4e-13 }],
  start: 0, product: [{ size: 64, seconds: 1e-12 }, { size: 512, seconds: 5e-14 }], productTransposed: 1, barrier: 0, memoryThreads: 1, launch: 3e-6, transfer: 2e-11, gpu: { thread: 2600, block: 132, unit: 3e-12, argument: 1e-10 },
};
