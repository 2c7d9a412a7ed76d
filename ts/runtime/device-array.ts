/** Arrays that lie on a GPU: row-major, with memory of their own, used by programs where they are. Where the GPU is made of the processor, so is their memory. */
import { inspect } from "node:util";
import { bytesOf, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { nativeAddon } from "./addon.js";
import type { DeviceBuffer, NativeGpu, TypedArray } from "./addon-types.js";
import { allocate, copyArray, NDArray, sizeOf } from "./ndarray.js";

/** The device that a name ("cuda", "cuda:1") means; undefined: it is made of the processor. Throws DEVICE with every reason where it is not there. */
export function openDevice(device: string): NativeGpu | undefined {
  if (process.env["DACE_AD_CUDA"] === "shim") return undefined;
  const { addon, causes } = nativeAddon();
  let why = `the native addon could not be loaded: ${causes.join("; ")}`;
  if (addon) try { return addon.gpu(deviceNumber(device)); } catch (e) { why = e instanceof Error ? e.message : String(e); }
  throw new DaceError("DEVICE", `device ${device}: ${why}`, { hint: "use { device: \"cpu\" }" });
}
export const deviceNumber = (device: string): number => Number(device.slice("cuda:".length) || 0);

/** What the driver or the pool said, as a user's error. */
function failure(e: unknown, what: string): unknown {
  const code = (e as { code?: unknown }).code;
  return code === "OOM" || code === "DEVICE" ? new DaceError(code, `${what}: ${(e as Error).message}`, { cause: e, hint: code === "OOM" ? "dispose of device arrays that are not needed any more" : "make the array again: the device has failed since" }) : e;
}

/** An argument of a run: on the host or on the device. */
export type Bound = TypedArray | DeviceArray;
/** What native code is given. */
export function argumentOf(a: Bound): TypedArray | DeviceBuffer | undefined { return a instanceof DeviceArray ? a.argument : a; }

type Memory = { readonly gpu: NativeGpu; readonly buffer: DeviceBuffer } | { readonly gpu: undefined; readonly array: TypedArray } | { readonly gpu: NativeGpu; readonly buffer: undefined };

/** Bytes and number of the device arrays that have not been disposed of, by device. Those that are collected are taken off, too. */
const live = new Map<number, { arrays: number; bytes: number }>();
const backstop = new FinalizationRegistry<{ readonly index: number; readonly bytes: number }>(({ index, bytes }) => { count(index, -1, -bytes); });
function count(index: number, arrays: number, bytes: number): void {
  const c = live.get(index) ?? { arrays: 0, bytes: 0 };
  live.set(index, { arrays: c.arrays + arrays, bytes: c.bytes + bytes });
}
/** Device arrays that are held: what has leaked, where none should be. */
export function liveArrays(index: number): { readonly arrays: number; readonly bytes: number } { return live.get(index) ?? { arrays: 0, bytes: 0 }; }

export class DeviceArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly size: number;
  readonly bytes: number;
  /** "cuda:0", … */
  readonly device: string;
  #memory: Memory | undefined;
  /** Stands for the memory where arguments are compared. */
  readonly identity = new ArrayBuffer(0);

  private constructor(gpu: NativeGpu | undefined, index: number, dtype: DType, shape: readonly number[]) {
    this.dtype = dtype;
    this.shape = Object.freeze([...shape]);
    this.size = sizeOf(shape);
    this.bytes = this.size * bytesOf(dtype);
    this.device = `cuda:${index}`;
    try {
      if (!gpu) this.#memory = { gpu, array: allocate(dtype, this.size) };
      else this.#memory = { gpu, buffer: this.bytes > 0 ? gpu.allocate(this.bytes) : undefined };
    } catch (e) {
      if (!gpu) throw new DaceError("OOM", `no memory for a device array of shape (${shape.join(", ")})`, { cause: e });
      throw failure(e, `a device array of shape (${shape.join(", ")}), ${this.bytes} bytes`);
    }
    count(index, 1, this.bytes);
    backstop.register(this, { index, bytes: this.bytes }, this);
  }

  /** Not cleared. `gpu` undefined: the device made of the processor. */
  static uninitialised(gpu: NativeGpu | undefined, dtype: DType, shape: readonly number[]): DeviceArray { return new DeviceArray(gpu, gpu?.index ?? 0, dtype, shape); }
  static zeros(gpu: NativeGpu | undefined, dtype: DType, shape: readonly number[]): DeviceArray {
    const a = DeviceArray.uninitialised(gpu, dtype, shape);
    return a.#filled(() => { a.#do((m) => { if (!m.gpu) m.array.fill((dtype === "int64" || dtype === "uint64" ? 0n : 0) as never); else m.buffer?.clear(); }, "clearing a device array"); });
  }
  /** `data`: row-major elements. */
  static from(gpu: NativeGpu | undefined, data: TypedArray, dtype: DType, shape: readonly number[]): DeviceArray {
    const a = DeviceArray.uninitialised(gpu, dtype, shape);
    return a.#filled(() => { a.#upload(data); });
  }

  /** The GPU it lies on; undefined: the one made of the processor. */
  get gpu(): NativeGpu | undefined { return this.#held().gpu; }
  /** What a run is given. */
  get argument(): TypedArray | DeviceBuffer | undefined { const m = this.#held(); return m.gpu ? m.buffer : m.array; }
  get disposed(): boolean { return this.#memory === undefined; }
  #held(): Memory {
    if (!this.#memory) throw new DaceError("DISPOSED", `this device array of shape (${this.shape.join(", ")}) has been disposed of`, { hint: "keep it until its last use, or copy it out with toHost()" });
    return this.#memory;
  }
  #do(f: (m: Memory) => void, what: string): void { const m = this.#held(); try { f(m); } catch (e) { throw failure(e, what); } }
  /** Fills a new array; it goes back where that fails. */
  #filled(f: () => void): this { try { f(); } catch (e) { this.dispose(); throw e; } return this; }
  #upload(data: TypedArray): void {
    this.#do((m) => { if (!m.gpu) (m.array as Float64Array).set(data as Float64Array); else if (m.buffer) m.buffer.upload(data); }, "copying an array to its device");
  }

  /** A copy in host memory; waits for what has been started on it. */
  toHost(): NDArray {
    let out: TypedArray;
    const held = this.#held();
    try { out = held.gpu ? allocate(this.dtype, this.size) : copyArray(held.array); } catch (e) { throw new DaceError("OOM", `no memory for an array of shape (${this.shape.join(", ")})`, { cause: e }); }
    this.#do((m) => { if (m.gpu) m.buffer?.download(out); }, "copying an array from its device");
    return new NDArray(out, this.shape, { dtype: this.dtype });
  }
  /** New values, from an array of the same dtype and shape: on the host, or on the same device. */
  assign(from: NDArray | TypedArray | DeviceArray): this {
    const given = from instanceof DeviceArray || from instanceof NDArray ? from : new NDArray(from, this.shape.length === 1 ? [from.length] : this.shape, { dtype: this.dtype });
    if (given.dtype !== this.dtype) throw new DaceError("TYPE", `an array of ${given.dtype} does not go into a device array of ${this.dtype}`);
    if (given.shape.join() !== this.shape.join()) throw new DaceError("SHAPE", `an array of shape (${given.shape.join(", ")}) does not go into a device array of shape (${this.shape.join(", ")})`);
    if (given instanceof NDArray) { this.#upload(given.contiguous()); return this; }
    if (given.device !== this.device) return this.assign(given.toHost());
    const other = given.#held();
    this.#do((m) => { if (!m.gpu) (m.array as Float64Array).set((other as { array: Float64Array }).array); else if (m.buffer && "buffer" in other && other.buffer) m.buffer.copyFrom(other.buffer); }, "copying a device array");
    return this;
  }
  /** Another array with the same values, on the same device. */
  copy(): DeviceArray { const a = DeviceArray.uninitialised(this.gpu, this.dtype, this.shape); return a.#filled(() => { a.assign(this); }); }

  /** Gives the memory back; a run that uses the array keeps it until it is over. What is never disposed of goes back when it is collected. */
  dispose(): void {
    const m = this.#memory;
    if (!m) return;
    this.#memory = undefined;
    backstop.unregister(this);
    count(m.gpu?.index ?? 0, -1, -this.bytes);
    if (m.gpu) m.buffer?.dispose();
  }
  [Symbol.dispose](): void { this.dispose(); }
  [inspect.custom](): string { return `ndarray(${this.dtype}, [${this.shape.join(", ")}], ${this.device}${this.disposed ? ", disposed" : ""})`; }
}
