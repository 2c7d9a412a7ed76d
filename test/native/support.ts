/** What tests of the native side share: kernels from a body, caches of their own, children that may crash. */
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nativeAddon, packageRoot } from "../../ts/runtime/addon.js";
import type { CompileRequest, NativeAddon, NativeKernel } from "../../ts/runtime/addon-types.js";

export const root = packageRoot();
process.env["DACE_AD_CACHE_DIR"] ??= join(root, "node_modules", ".cache", "dace-ad-native");

export function addon(): NativeAddon {
  const { addon: a, causes } = nativeAddon();
  if (!a) throw new Error(`the addon is not built: ${causes.join("; ")}`);
  return a;
}

export const SERIAL = { threads: 1, parallel: false } as const;
export const PARALLEL = { threads: 2, parallel: true } as const;
export const NO_SYMBOLS = new BigInt64Array(0);
export const symbols = (...values: readonly number[]): BigInt64Array => BigInt64Array.from(values, BigInt);

/** Written out here, so that these tests stand apart from the printer; layout.test.ts compares the printer's with abi.h. */
const PREAMBLE = `typedef long long i64; typedef unsigned long long u64; typedef int i32; typedef unsigned u32;
typedef void (*gemm64)(i32, i32, i64, i64, i64, double, const double*, i64, const double*, i64, double, double*, i64, i32);
typedef void (*gemm32)(i32, i32, i64, i64, i64, float, const float*, i64, const float*, i64, float, float*, i64, i32);
struct dace_gpu; struct dace_rt { u32 abi_version, struct_bytes; i32 threads, reserved; const i32* cancel; i64* progress; i64* error; gemm64 gemm_f64; gemm32 gemm_f32; void* (*grow)(void*, i32, i64); void* grown; const dace_gpu* gpu; };
`;
export function source(body: string): string {
  return `${PREAMBLE}extern "C" i32 dace_run(const dace_rt* rt, void* const* args, const i64* symbols, void* arena) {\n${body}\n  return 0;\n}\n`;
}
export function request(body: string, extra: Partial<CompileRequest> = {}): CompileRequest {
  return { sources: [source(body)], flags: ["-std=c++20", "-O1"], link: ["-lm"], ...extra };
}
export const kernel = (body: string, extra: Partial<CompileRequest> = {}): NativeKernel => addon().load(request(body, extra));

/** y[i] = x[i] + 1 for symbols[0] elements. */
export const INCREMENT = "  const double* x = (const double*)args[0]; double* y = (double*)args[1]; for (i64 i = 0; i < symbols[0]; i++) y[i] = x[i] + 1;";
/** Counts steps until it is told to stop; symbols[0] limits the steps of about 50 µs each. */
export const UNTIL_CANCELLED = `  double* y = (double*)args[0];
  for (i64 step = 0; step < symbols[0]; step++) {
    if (*(volatile const i32*)rt->cancel) return 1;
    for (int k = 0; k < 50000; k++) { y[0] += 1; asm volatile("" ::: "memory"); }
    if (rt->progress) __atomic_fetch_add(rt->progress, 1, __ATOMIC_RELAXED);
  }`;

/** Uses an OpenMP team of two. */
export const TEAM = { sources: [source("  double* y = (double*)args[0];\n#pragma omp parallel for num_threads(2)\n  for (i64 i = 0; i < symbols[0]; i++) y[i] += 1;")], flags: ["-std=c++20", "-O1", "-fopenmp"], link: ["-lm"] } as const;

export class Folder {
  readonly path: string;
  constructor() { this.path = realpathSync(mkdtempSync(join(tmpdir(), "dace-ad-test-"))); }
  at(...names: readonly string[]): string { return join(this.path, ...names); }
  /** An executable script. */
  script(name: string, text: string): string { writeFileSync(this.at(name), `#!/bin/sh\n${text}\n`); chmodSync(this.at(name), 0o755); return this.at(name); }
  remove(): void { rmSync(this.path, { recursive: true, force: true }); }
}
export async function inFolder<T>(f: (folder: Folder) => T | Promise<T>): Promise<T> {
  const folder = new Folder();
  try { return await f(folder); } finally { folder.remove(); }
}

export interface Ended { readonly status: number | null; readonly signal: string | null; readonly out: string; readonly err: string; readonly ms: number }

/** Runs JavaScript in a process of its own; `addon`, `request` and `assert` are in scope. `before`: a command to put in front. */
export function child(script: string, options: { readonly env?: Record<string, string | undefined>; readonly before?: readonly string[]; readonly args?: readonly string[] } = {}): Promise<Ended> {
  const text = `const { addon: load, request, kernel, symbols, INCREMENT, UNTIL_CANCELLED, SERIAL, PARALLEL, NO_SYMBOLS } = require(${JSON.stringify(__filename)}); const addon = load(); const assert = require("node:assert/strict");\n(async () => {${script}\n})().catch((e) => { console.error(e); process.exit(1); });`;
  const command = [...(options.before ?? []), process.execPath, ...(options.args ?? []), "-e", text];
  const env: Record<string, string | undefined> = { ...process.env, ...options.env };
  for (const k of Object.keys(env)) if (env[k] === undefined) delete env[k];
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const p = spawn(command[0]!, command.slice(1), { env, cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let out = "", err = "";
    p.stdout.on("data", (d) => { out += String(d); });
    p.stderr.on("data", (d) => { err += String(d); });
    p.on("error", reject);
    p.on("close", (status, signal) => resolve({ status, signal, out: out.trim(), err, ms: performance.now() - start }));
  });
}

/** A compiler that does as g++ does, except when it compiles a kernel. `log` gets a line per kernel. */
export function wrapper(folder: Folder, onKernel: string): string {
  const real = addon().discoverToolchain().found!.compiler;
  return folder.script("cxx", `case "$*" in\n*/k0.cpp*) ${onKernel} ;;\nesac\nexec "${real}" "$@"`);
}
export const thrown = (f: () => unknown): { code?: string; message: string; output?: string; name: string } => {
  try { f(); } catch (e) { return e as never; }
  throw new Error("nothing was thrown");
};
export const rejected = async (p: Promise<unknown>): Promise<{ code?: string; message: string; output?: string; name: string }> => {
  try { await p; } catch (e) { return e as never; }
  throw new Error("nothing was rejected");
};
export const sleep = (ms: number): Promise<void> => new Promise((r) => { setTimeout(r, ms); });
