/** NumPy's .npy and .npz files, read and written without NumPy. */
import { readFileSync, writeFileSync } from "node:fs";
import { unzipSync, zipSync } from "fflate";
import { bytesOf, type DType } from "../base/dtypes.js";
import { DaceError } from "../base/errors.js";
import { allocate, NDArray, sizeOf } from "./ndarray.js";

const BY_CODE: Readonly<Record<string, DType>> = {
  f8: "float64", f4: "float32", i1: "int8", i2: "int16", i4: "int32", i8: "int64", u1: "uint8", u2: "uint16", u4: "uint32", u8: "uint64", b1: "bool", c8: "complex64", c16: "complex128",
};
const MAGIC = "\x93NUMPY";

/** The array of an .npy file's bytes; Fortran order and big-endian data come out row-major and native. Throws PARSE or UNSUPPORTED. */
export function parseNpy(bytes: Uint8Array, name = "<npy>"): NDArray {
  const bad = (why: string): never => { throw new DaceError("PARSE", `${name} is not a NumPy file: ${why}`); };
  if (bytes.length < 10 || Buffer.from(bytes.buffer, bytes.byteOffset, 6).toString("latin1") !== MAGIC) bad("the magic number is missing");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), major = bytes[6]!;
  if (major < 1 || major > 3 || (major > 1 && bytes.length < 12)) bad(`format version ${major}`);
  const start = major === 1 ? 10 : 12, length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (start + length > bytes.length) bad("the header is cut off");
  const header = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString("latin1");
  const descr = /'descr':\s*'([<>|=])([a-zA-Z]\d+)'/.exec(header), fortran = /'fortran_order':\s*(True|False)/.exec(header), shapeText = /'shape':\s*\(([^)]*)\)/.exec(header);
  if (!fortran || !shapeText) return bad("its header has no shape");
  const dtype = descr ? BY_CODE[descr[2]!] : undefined;
  if (!dtype) throw new DaceError("UNSUPPORTED", `${name} holds ${/'descr':\s*([^,]*)/.exec(header)?.[1] ?? "an unknown type"}`, { hint: "supported are booleans, integers, float32, float64, complex64 and complex128" });
  const shape = shapeText[1]!.split(",").map((x) => x.trim()).filter((x) => x !== "").map(Number);
  if (shape.some((n) => !Number.isSafeInteger(n) || n < 0)) bad("its shape is not one");
  const n = sizeOf(shape), size = n * bytesOf(dtype), from = start + length;
  if (from + size > bytes.length) bad(`it ends after ${bytes.length - from} of ${size} bytes of data`);
  const data = allocate(dtype, n), raw = new Uint8Array(data.buffer);
  raw.set(bytes.subarray(from, from + size));
  if (descr![1] === ">" && data.BYTES_PER_ELEMENT > 1) {
    const w = data.BYTES_PER_ELEMENT;
    for (let i = 0; i < size; i += w) raw.subarray(i, i + w).reverse();
  }
  if (fortran[1] !== "True" || shape.length < 2) return new NDArray(data, shape, { dtype });
  const stride: number[] = [];
  shape.reduce((p, d) => { stride.push(p); return p * d; }, 1);
  const view2 = new NDArray(data, shape, { dtype, stride });
  return new NDArray(view2.contiguous(), shape, { dtype });
}

/** The bytes of an .npy file (version 1.0, little-endian, row-major). */
export function formatNpy(a: NDArray): Uint8Array {
  const code = Object.entries(BY_CODE).find(([, d]) => d === a.dtype)![0];
  const order = bytesOf(a.dtype) === 1 ? "|" : "<";
  const shape = a.shape.length === 1 ? `(${a.shape[0]},)` : `(${a.shape.join(", ")})`;
  let header = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': ${shape}, }`;
  header += " ".repeat((64 - ((10 + header.length + 1) % 64)) % 64) + "\n";
  const data = a.contiguous(), out = new Uint8Array(10 + header.length + a.size * bytesOf(a.dtype));
  out.set(Buffer.from(MAGIC, "latin1"), 0);
  out[6] = 1;
  new DataView(out.buffer).setUint16(8, header.length, true);
  out.set(Buffer.from(header, "latin1"), 10);
  out.set(new Uint8Array(data.buffer, data.byteOffset, a.size * bytesOf(a.dtype)), 10 + header.length);
  return out;
}

export function readNpz(path: string): Map<string, NDArray> {
  let files: Record<string, Uint8Array>;
  try { files = unzipSync(read(path)); } catch (e) { if (e instanceof DaceError) throw e; throw new DaceError("PARSE", `${path} is not an .npz file`, { cause: e }); }
  return new Map(Object.entries(files).filter(([k]) => k.endsWith(".npy")).map(([k, b]) => [k.slice(0, -4), parseNpy(b, `${path}:${k}`)]));
}
export function readNpy(path: string): NDArray { return parseNpy(read(path), path); }
export function writeNpz(path: string, arrays: ReadonlyMap<string, NDArray>): void {
  try { writeFileSync(path, zipSync(Object.fromEntries([...arrays].map(([k, a]) => [`${k}.npy`, formatNpy(a)])), { level: 1 })); } catch (e) { throw new DaceError("ARGUMENT", `${path} cannot be written`, { cause: e }); }
}
function read(path: string): Uint8Array {
  // A copy that starts at offset 0 of a buffer of its own, so that typed arrays over it are aligned.
  try { return new Uint8Array(readFileSync(path)); } catch (e) { throw new DaceError("SOURCE_UNAVAILABLE", `no file ${path}`, { cause: e }); }
}
