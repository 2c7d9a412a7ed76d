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
  /** The error slot's words after the code: site, value, extent. Of a run that ended well, `extent` is the bytes of the buffers that grew. */
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
export interface CudaFindings { readonly library: string; readonly version: number; readonly devices: readonly CudaDevice[]; readonly causes: readonly string[]; /** What compiles device code, "" and why where nothing does; looked for only where there is a device. */ readonly compiler: string; readonly noCompiler: string; /** Paths of cuBLAS and cuSOLVER (with what they lack), or "none (why)"; looked for only where there is a device. */ readonly blas: string; readonly solver: string }

/** A program for a GPU: what a compile request holds is its host code. */
export interface GpuRequest extends CompileRequest {
  readonly device: string;
  readonly deviceFlags: readonly string[];
  /** Names, by number. */
  readonly kernels: readonly string[];
}
/** `failure`: what the driver or a library said, "" where nothing failed; `code` is then DACE_OOM or DACE_INTERNAL. `kernel`: the one that could not be launched, else -1. */
export interface GpuStatus extends RunStatus { readonly failure: string; readonly kernel: number }
export interface GpuRun { readonly promise: Promise<GpuStatus>; cancel(): void; progress(): number }
/** An argument: host memory (copied to the device and, if `written`, back), device memory (used where it is), or undefined for an empty array. */
export type GpuArgument = TypedArray | DeviceBuffer | undefined;

export interface NativeGpuProgram extends NativeKernel {
  /** Waits. `written`: indices of host arrays that are copied back after a run that succeeds. */
  run(args: readonly GpuArgument[], symbols: BigInt64Array, arenaBytes: number, written: readonly number[]): GpuStatus;
  /** On the device's thread; host arrays as for `runAsync` of a kernel. Device memory is held until the run is over, also if it is disposed before. */
  runAsync(args: readonly GpuArgument[], symbols: BigInt64Array, arenaBytes: number, written: readonly number[]): GpuRun;
}

/** Memory of a GPU. Goes back to the device's pool with `dispose()`, or when it is collected; using it after that is a TypeError. Copies wait. */
export interface DeviceBuffer {
  readonly gpu: NativeGpu;
  readonly bytes: number;
  /** All of `array`, to or from `offset` bytes on. Throws an Error with code "DEVICE" where the device has failed since it was made. */
  upload(array: TypedArray, offset?: number): void;
  download(array: TypedArray, offset?: number): void;
  /** `bytes` of another buffer of the same GPU. */
  copyFrom(other: DeviceBuffer, bytes?: number, from?: number, to?: number): void;
  clear(bytes?: number, offset?: number): void;
  dispose(): void;
}

export interface GpuMemory {
  /** Bytes in use by runs and device arrays, how many blocks these are, bytes kept for later, and the most in use since the last reset. */
  readonly inUse: number; readonly blocks: number; readonly pooled: number; readonly highWater: number;
  /** Times that memory was asked of the driver, taken from what was kept, and asked again after everything kept had been freed. */
  readonly allocations: number; readonly reuses: number; readonly retries: number;
  readonly graphsReplayed: number; readonly graphsRecorded: number; readonly graphsUpdated: number;
  /** Host memory of arrays that runs have moved off the device: in use, kept for the next run, the most since the last reset; and bytes copied there and back so far. */
  readonly hostInUse: number; readonly hostPooled: number; readonly hostHighWater: number; readonly offloaded: number; readonly fetched: number;
  /** Copies go through pinned memory. */
  readonly pinned: boolean;
  /** Libraries for matrix products and for factorisations; "" before a program asked for one. */
  readonly blas: string; readonly solver: string;
}

/** A GPU that is in use: one thread of this process does all its work, in order. */
export interface NativeGpu {
  readonly index: number;
  readonly name: string;
  readonly memoryBytes: number;
  readonly capability: string;
  /** Host code through the compiler and the cache, device code through NVRTC or nvcc and the cache. Throws as `load`, and with code "DEVICE" where device code cannot be compiled. */
  load(request: GpuRequest): NativeGpuProgram;
  loadAsync(request: GpuRequest): { readonly promise: Promise<NativeGpuProgram>; abort(): void };
  /** Not cleared. Throws an Error with code "OOM" or "DEVICE". */
  allocate(bytes: number): DeviceBuffer;
  memory(): GpuMemory;
  /** Bytes that a run could take beside the device arrays. Does not wait for runs: what they hold counts as free. Throws as `allocate`. */
  room(): number;
  /** Gives what is kept for later back to the driver. */
  trim(): void;
  resetHighWater(): void;
  /** Bytes that may stay kept, and that may be in use at all. */
  limit(keep: number, most: number): void;
}

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
  /** GPUs found through the CUDA driver. `path`: of the driver's library (default: DACE_AD_LIBCUDA, else the system's). Never throws for what is missing. */
  cuda(path?: string): CudaFindings;
  /** Opens GPU `index` (as the driver counts) once. Throws an Error with code "DEVICE" that names every cause. */
  gpu(index: number): NativeGpu;
  /** Those that `gpu` has opened here. */
  openGpus(): readonly NativeGpu[];
  cpu(): { readonly model: string; readonly cores: number; readonly features: readonly string[] };
}
