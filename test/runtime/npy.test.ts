/** .npy and .npz files: bytes that NumPy writes, every dtype, and files that are none. */
import test from "ava";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DTYPES, isComplex } from "../../ts/base/dtypes.js";
import { DaceError } from "../../ts/base/errors.js";
import { allocate, NDArray, ndarray } from "../../ts/runtime/ndarray.js";
import { formatNpy, parseNpy, readNpy, readNpz, writeNpz } from "../../ts/runtime/npy.js";

function npy(header: string, data: Uint8Array): Uint8Array {
  const padded = header + " ".repeat((64 - ((10 + header.length + 1) % 64)) % 64) + "\n";
  return Buffer.concat([Buffer.from([0x93]), Buffer.from("NUMPY"), Buffer.from([1, 0, padded.length & 255, padded.length >> 8]), Buffer.from(padded, "latin1"), data]);
}
const bytes = (a: ArrayBufferView): Uint8Array => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);

test("what numpy.save writes: C order, Fortran order, big-endian, no dimensions", (t) => {
  t.deepEqual(parseNpy(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", bytes(Float64Array.of(1, 2, 3, 4, 5, 6)))).toArray(), [[1, 2, 3], [4, 5, 6]]);
  t.deepEqual(parseNpy(npy("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3), }", bytes(Float64Array.of(1, 4, 2, 5, 3, 6)))).toArray(), [[1, 2, 3], [4, 5, 6]]);
  const big = new DataView(new ArrayBuffer(8));
  big.setInt32(0, 7); big.setInt32(4, -9);
  t.deepEqual(parseNpy(npy("{'descr': '>i4', 'fortran_order': False, 'shape': (2,), }", bytes(big))).toArray(), [7, -9]);
  t.is(parseNpy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", bytes(Float32Array.of(2.5)))).get(), 2.5);
});

test("every dtype survives a round trip", (t) => {
  for (const dtype of DTYPES) {
    const data = allocate(dtype, 6) as unknown as Record<number, number | bigint>;
    for (let i = 0; i < (isComplex(dtype) ? 12 : 6); i++) data[i] = dtype === "int64" || dtype === "uint64" ? BigInt(i) : dtype === "bool" ? i % 2 : i;
    const back = parseNpy(formatNpy(new NDArray(data as unknown as Float64Array, [2, 3], { dtype })));
    t.is(back.dtype, dtype);
    t.deepEqual(back.shape, [2, 3]);
    t.deepEqual(back.data, data as unknown as Float64Array);
  }
});

test("archives by name; strided views are written row-major", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "npz-"));
  try {
    const file = join(dir, "a b.npz");
    writeNpz(file, new Map([["u", ndarray(Float64Array.of(1, 2, 3, 4), [2, 2], { stride: [1, 2] })], ["n", ndarray(Float64Array.of(3), [])]]));
    const read = readNpz(file);
    t.deepEqual([...read.keys()], ["u", "n"]);
    t.deepEqual(read.get("u")!.toArray(), [[1, 3], [2, 4]]);
    t.is(read.get("n")!.get(), 3);
  } finally { rmSync(dir, { recursive: true }); }
});

test("what is no NumPy file is a PARSE error, a missing file SOURCE_UNAVAILABLE", (t) => {
  const code = (f: () => unknown): string => { try { f(); } catch (e) { if (e instanceof DaceError) return e.code; throw e; } return "none"; };
  t.is(code(() => parseNpy(Uint8Array.of(1, 2, 3))), "ERR_DACE_PARSE");
  t.is(code(() => parseNpy(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (9,), }", new Uint8Array(8)))), "ERR_DACE_PARSE");
  t.is(code(() => parseNpy(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }", new Uint8Array(8)))), "ERR_DACE_PARSE");
  t.is(code(() => parseNpy(npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", new Uint8Array(8)))), "ERR_DACE_UNSUPPORTED");
  t.is(code(() => readNpy("/no/such/file.npy")), "ERR_DACE_SOURCE_UNAVAILABLE");
  const dir = mkdtempSync(join(tmpdir(), "npz-"));
  try { writeFileSync(join(dir, "x.npz"), "not a zip"); t.is(code(() => readNpz(join(dir, "x.npz"))), "ERR_DACE_PARSE"); } finally { rmSync(dir, { recursive: true }); }
});
