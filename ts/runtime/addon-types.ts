/** The N-API surface of the native addon, as TypeScript sees it. `bindings/` implements exactly this. */

/** Any JavaScript typed array that can hold a program's data. */
export type TypedArray =
  | Float64Array | Float32Array | Int8Array | Int16Array | Int32Array | BigInt64Array
  | Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array | BigUint64Array;

export interface Toolchain {
  /** Absolute path of the compiler driver. */
  readonly compiler: string;
  readonly kind: "gcc" | "clang";
  /** First line of `--version`. */
  readonly version: string;
  readonly openmp: boolean;
  /** True where glibc's libmvec can be linked. */
  readonly vectorMath: boolean;
  /** What `-march=native` resolves to on this machine, as explicit flags. */
  readonly archFlags: readonly string[];
}

export interface CompileRequest {
  /** One or more C++ translation units; linked into one shared object. */
  readonly sources: readonly string[];
  /** Compiler flags apart from output, PIC and architecture flags, in order. */
  readonly flags: readonly string[];
  /** Linker flags (`-lmvec`, …), in order. */
  readonly link: readonly string[];
  /** Directory of the kernel cache; undefined: the per-user default. */
  readonly cacheDir?: string;
  /** "on" (default), "readonly" (look up, never write), "off" (temporary directory). */
  readonly cacheMode?: "on" | "readonly" | "off";
  /** Milliseconds after which the compiler is killed (default 120 000). */
  readonly timeoutMs?: number;
  /** Absolute path of a compiler, overriding discovery. */
  readonly compiler?: string;
}

export interface RunStatus {
  /** 0 fine, else DACE_* of abi.h. */
  readonly code: number;
  /** The error slot's words after the code: site, value, extent. */
  readonly site: number;
  readonly value: number;
  readonly extent: number;
  /** Nanoseconds inside dace_run. */
  readonly ns: number;
}

export interface NativeKernel {
  /** SHA-256 of the request, the artefact's key. */
  readonly key: string;
  /** True if no compiler ran for this load. */
  readonly cached: boolean;
  readonly compileMs: number;
  /** Bytes of the loaded shared object. */
  readonly bytes: number;
}

/** Arguments bound to a kernel once: addresses and sizes are fixed, contents are not. */
export interface BoundRun {
  /** Runs on the calling thread if `parallel` was false, else on the executor (waits for it). Returns the status code. */
  run(): number;
  /** Status of the last run. */
  status(): RunStatus;
  dispose(): void;
}

export interface AsyncRun {
  readonly promise: Promise<RunStatus>;
  /** Sets the cancel flag. */
  cancel(): void;
  /** Finished steps so far (the progress counter). */
  progress(): number;
}

export interface MemoryStatistics {
  /** Bytes in use by runs, bytes cached by the pool, and the highest in-use value since the last reset. */
  readonly inUse: number;
  readonly pooled: number;
  readonly highWater: number;
  readonly allocations: number;
  readonly reuses: number;
}

/** A GPU, as its driver describes it. */
export interface CudaDevice {
  readonly name: string;
  readonly memory: number;
  /** "9.0" */
  readonly capability: string;
  readonly multiprocessors: number;
  readonly maxThreads: number;
  readonly warp: number;
  readonly sharedPerBlock: number;
  /** The driver has memory pools for it. */
  readonly pools: boolean;
}

/** `causes`: why there is no device, or why one was left out. `version`: 1000 major + 10 minor, 0 where the driver could not be asked. */
export interface CudaFindings { readonly library: string; readonly version: number; readonly devices: readonly CudaDevice[]; readonly causes: readonly string[] }

export interface NativeAddon {
  readonly abiVersion: number;
  readonly version: string;
  /** Finds a compiler (argument, DACE_AD_CXX, CXX, PATH). Never throws; `found` undefined: `tried` says why. */
  discoverToolchain(compiler?: string): { readonly found?: Toolchain; readonly tried: readonly string[] };
  /** Compiles (or finds in the cache) and loads. Throws an Error whose `code` is "TOOLCHAIN" | "CACHE" | "OOM" with `output`. */
  load(request: CompileRequest): NativeKernel;
  /** As load, on a thread of its own. `signal.aborted` cannot be seen natively: call `abort()` of the returned object. */
  loadAsync(request: CompileRequest): { readonly promise: Promise<NativeKernel>; abort(): void };
  /**
   * Binds a kernel. args: one typed array per argument buffer (undefined: NULL, for an empty one). symbols: values of Plan.symbols.
   * arenaBytes: taken from the pool for each run, given back after it. parallel: run on the executor's OpenMP team.
   */
  bind(kernel: NativeKernel, args: readonly (TypedArray | undefined)[], symbols: BigInt64Array, arenaBytes: number,
    options: { readonly threads: number; readonly parallel: boolean }): BoundRun;
  /** One synchronous run; args as for bind. Zero copy. Throws TypeError on a detached or out-of-bounds view. */
  run(kernel: NativeKernel, args: readonly (TypedArray | undefined)[], symbols: BigInt64Array, arenaBytes: number,
    options: { readonly threads: number; readonly parallel: boolean }): RunStatus;
  /**
   * One run on the executor thread. Inputs are copied at the call unless backed by a SharedArrayBuffer or owned by the addon; buffers whose index is in `write`
   * are copied back when the run resolves (after checking that the target is still attached and long enough, else the promise
   * rejects with a TypeError and nothing at all is written).
   */
  runAsync(kernel: NativeKernel, args: readonly (TypedArray | undefined)[], symbols: BigInt64Array, arenaBytes: number,
    options: { readonly threads: number; readonly write: readonly number[] }): AsyncRun;
  isDetached(array: TypedArray): boolean;
  memory(): MemoryStatistics;
  resetHighWater(): void;
  /** Frees everything the pool caches. */
  trim(): void;
  /** BLAS in use: path of the library, or "built-in". `path`: try this one first. */
  blas(path?: string): { readonly library: string; readonly threads: number; readonly tried: readonly string[] };
  /** The MXCSR register, for tests. */
  mxcsr(): number;
  cacheEntries(cacheDir?: string): { readonly key: string; readonly bytes: number; readonly usedMs: number }[];
  cacheClear(cacheDir?: string): number;
  /** Default cache directory. */
  readonly defaultCacheDir: string;
  /** Removes least recently used entries until the cache is below `bytes`. */
  cacheLimit(bytes: number, cacheDir?: string): void;
  /** GPUs found through the CUDA driver. `path`: of the driver's library (default: DACE_AD_CUDA_DRIVER, else the system's). Never throws for what is missing. */
  cuda(path?: string): CudaFindings;
  cpu(): { readonly model: string; readonly cores: number; readonly features: readonly string[] };
}
