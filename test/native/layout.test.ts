/** abi.h and what the printer declares must lay out the same table; kernels of another version are refused. */
import { join } from "node:path";
import test from "ava";
import { cppPreamble } from "../../ts/lower/cpp-preamble.js";
import { addon, kernel, NO_SYMBOLS, root, SERIAL, source } from "./support.js";

const FIELDS = ["abi_version", "struct_bytes", "threads", "reserved", "cancel", "progress", "error", "gemm_f64", "gemm_f32", "grow", "grown"];

/** Compiles only if `declared` describes the table of abi.h. */
function compare(declared: string): unknown {
  const header = join(root, "native", "include", "dace_ad", "abi.h");
  const checks = FIELDS.map((f) => `static_assert(__builtin_offsetof(dace_rt, ${f}) == __builtin_offsetof(abi_rt, ${f}) && sizeof(dace_rt::${f}) == sizeof(abi_rt::${f}), "${f}");`);
  const text = `#define dace_rt abi_rt\n#include "${header}"\n#undef dace_rt\n${declared}\n${checks.join("\n")}\nstatic_assert(sizeof(dace_rt) == sizeof(abi_rt), "size"); static_assert(DACE_ABI_VERSION == 1u, "version");
extern "C" i32 dace_run(const dace_rt* rt, void* const*, const i64*, void*) { return rt->struct_bytes == sizeof(abi_rt) ? 0 : 6; }\n`;
  const k = addon().load({ sources: [text], flags: ["-std=c++20", "-O0"], link: [] });
  return addon().run(k, [], NO_SYMBOLS, 0, SERIAL).code;
}

test("the printer's preamble and abi.h agree on every field", (t) => t.is(compare(cppPreamble(new Set(["exp", "log"]), "default")), 0));

test("the preamble of these tests does too", (t) => t.is(compare(source("").split("extern \"C\"")[0]!), 0));

test("the comparison would notice a difference", (t) => {
  t.throws(() => compare(cppPreamble(new Set(["exp", "log"]), "default").replace("i32 threads, reserved;", "i32 threads; i64 reserved;")));
});

test("a kernel made for another version returns INTERNAL and touches nothing", (t) => {
  const y = new Float64Array(1);
  t.is(addon().run(kernel("  if (rt->abi_version != 2u) return 6; ((double*)args[0])[0] = 1;"), [y], NO_SYMBOLS, 0, SERIAL).code, 6);
  t.is(y[0], 0);
});
