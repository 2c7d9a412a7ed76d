/** `ndarray()` as users call it: in host memory, or on a device. And what a device's memory holds. */
import type { DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import type { GpuMemory, TypedArray } from "../runtime/addon-types.js";
import { DeviceArray, deviceNumber, liveArrays, openDevice } from "../runtime/device-array.js";
import { checkShape, dtypeNamed, NDArray, ndarray as onHost, type NDArrayOptions } from "../runtime/ndarray.js";

/** "cuda" is "cuda:0". */
export type DeviceName = "cuda" | `cuda:${number}`;
type Zeros = { readonly dtype?: DType | (string & {}) };

export interface NDArrayFactory {
  (data: TypedArray | readonly unknown[] | NDArray, shape: readonly number[] | undefined, options: NDArrayOptions & { readonly device: DeviceName }): DeviceArray;
  (data: TypedArray, shape: readonly number[], options?: NDArrayOptions): NDArray;
  (nested: readonly unknown[] | number): NDArray;
  zeros(shape: readonly number[], options: Zeros & { readonly device: DeviceName }): DeviceArray;
  zeros(shape: readonly number[], options?: Zeros): NDArray;
}

function checkDevice(device: unknown): string | undefined {
  if (device === undefined || device === "cpu") return undefined;
  if (typeof device !== "string" || !/^cuda(:\d+)?$/.test(device)) throw new DaceError("ARGUMENT", `unknown device ${JSON.stringify(device)} for an array`, { hint: "cpu, cuda or cuda:N" });
  return device;
}

function make(data: TypedArray | readonly unknown[] | number | NDArray, shape?: readonly number[], options: NDArrayOptions & { readonly device?: string } = {}): NDArray | DeviceArray {
  const { device: where, ...rest } = options, device = checkDevice(where);
  const a = data instanceof NDArray ? (shape || device === undefined ? onHost(data.contiguous(), shape ?? data.shape, { dtype: data.dtype, ...rest }) : data) : (onHost as (...x: unknown[]) => NDArray)(data, shape, rest);
  return device === undefined ? a : DeviceArray.from(openDevice(device), a.contiguous(), a.dtype, a.shape);
}
function zeros(shape: readonly number[], options: Zeros & { readonly device?: string } = {}): NDArray | DeviceArray {
  const device = checkDevice(options.device);
  if (device === undefined) return onHost.zeros(shape, options.dtype === undefined ? {} : { dtype: options.dtype });
  return DeviceArray.zeros(openDevice(device), dtypeNamed(options.dtype ?? "float64"), checkShape(shape));
}

/** A view of `data` (shared, row-major unless strides are given), or a new float64 array from nested arrays; with `device`, a copy that lies there. */
export const ndarray = Object.assign(make, { zeros }) as NDArrayFactory;

export interface DeviceMemory extends Partial<GpuMemory> {
  /** "cuda:0", … */
  readonly device: string;
  /** Device arrays that have not been disposed of, and their bytes. */
  readonly arrays: number;
  readonly arrayBytes: number;
}
/** What a device's memory holds now: what is still there after everything has been disposed of has leaked. */
function memoryOf(device: DeviceName = "cuda"): DeviceMemory {
  const name = checkDevice(device) ?? "cuda", index = deviceNumber(name), { arrays, bytes } = liveArrays(index);
  return { ...openDevice(name)?.memory(), device: `cuda:${index}`, arrays, arrayBytes: bytes };
}
/** Gives what the device's pool keeps for later back to the driver. */
function trim(device: DeviceName = "cuda"): void { openDevice(checkDevice(device) ?? "cuda")?.trim(); }
/** `keep`: bytes that may stay kept between runs (default: half of the device); `most`: bytes that programs and arrays may have in use (default: no limit). */
function limit(device: DeviceName, { keep, most }: { readonly keep?: number; readonly most?: number }): void {
  for (const [name, n] of Object.entries({ keep, most })) if (n !== undefined && !(Number.isSafeInteger(n) && n >= 0)) throw new DaceError("ARGUMENT", `${name} is ${JSON.stringify(n)}: a number of bytes is needed`);
  const gpu = openDevice(checkDevice(device) ?? "cuda");
  gpu?.limit(keep ?? Math.floor(gpu.memoryBytes / 2), most ?? Number.MAX_SAFE_INTEGER);
}
export const deviceMemory = Object.assign(memoryOf, { trim, limit });
