/** abi.h and what the printer declares must lay out the same table; kernels of another version are refused. */
import { join } from "node:path";
import test from "ava";
import { cppPreamble } from "../../ts/lower/cpp-preamble.js";
import { addon, kernel, NO_SYMBOLS, root, SERIAL, source } from "./support.js";

const FIELDS = ["abi_version", "struct_bytes", "threads", "reserved", "cancel", "progress", "error", "gemm_f64", "gemm_f32", "grow", "grown", "gpu"];
const GPU_FIELDS = ["state", "launch", "copy", "zero", "read", "write", "gemm", "section_begin", "section_end", "error", "multiprocessors", "max_threads", "warp", "shared_per_block", "offload", "fetch", "settle", "linear", "host_args", "cancel"];
const LINEAR_FIELDS = ["state", "gemm_batch", "trsm", "cholesky", "lu", "eigh", "svd"];

/** Compiles only if `declared` describes the tables of abi.h (that for a GPU where `gpu` says so). */
function compare(declared: string, gpu = false): unknown {
  const header = join(root, "native", "include", "dace_ad", "abi.h");
  const same = (table: "rt" | "gpu" | "linear", f: string): string => `static_assert(__builtin_offsetof(dace_${table}, ${f}) == __builtin_offsetof(abi_${table}, ${f}) && sizeof(dace_${table}::${f}) == sizeof(abi_${table}::${f}), "${f}");`;
  const checks = [...FIELDS.map((f) => same("rt", f)), ...(gpu ? [...GPU_FIELDS.map((f) => same("gpu", f)), ...LINEAR_FIELDS.map((f) => same("linear", f)), 'static_assert(sizeof(dace_gpu) == sizeof(abi_gpu) && sizeof(dace_linear) == sizeof(abi_linear), "size");'] : [])];
  const text = `#define dace_rt abi_rt\n#define dace_gpu abi_gpu\n#define dace_linear abi_linear\n#include "${header}"\n#undef dace_rt\n#undef dace_gpu\n#undef dace_linear\n${declared}\n${checks.join("\n")}\nstatic_assert(sizeof(dace_rt) == sizeof(abi_rt), "size"); static_assert(DACE_ABI_VERSION == 2u, "version");
extern "C" i32 dace_run(const dace_rt* rt, void* const*, const i64*, void*) { return rt->struct_bytes == sizeof(abi_rt) ? 0 : 6; }\n`;
  const k = addon().load({ sources: [text], flags: ["-std=c++20", "-O0"], link: [] });
  return addon().run(k, [], NO_SYMBOLS, 0, SERIAL).code;
}

test("the printer's preamble and abi.h agree on every field", (t) => t.is(compare(cppPreamble(new Set(["exp", "log"]), "default"), true), 0));

test("the preamble of these tests does too", (t) => t.is(compare(source("").split("extern \"C\"")[0]!), 0));

test("the comparison would notice a difference", (t) => {
  t.throws(() => compare(cppPreamble(new Set(["exp", "log"]), "default").replace("i32 threads, reserved;", "i32 threads; i64 reserved;")));
});

test("a kernel made for another version returns INTERNAL and touches nothing", (t) => {
  const y = new Float64Array(1);
  t.is(addon().run(kernel("  if (rt->abi_version != 3u) return 6; ((double*)args[0])[0] = 1;"), [y], NO_SYMBOLS, 0, SERIAL).code, 6);
  t.is(y[0], 0);
});
