/** A GPU made of the processor for a test file: a libcuda and a libnvrtc of our own in the place of NVIDIA's, for the whole process. Import before the first program runs. */
import { execFileSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addon, root } from "./support.js";

const SOURCES = ["memory.h", "image.h", "world.h", "later.h", "libcuda.cpp", "libnvrtc.cpp", "libcublas.cpp", "libcusolver.cpp"].map((f) => join(root, "test/native/cuda/processor", f));
const compiler = addon().discoverToolchain().found!.compiler;

/** A library of the processor's, built once for all test files. */
export function library(name: "libcuda" | "libnvrtc" | "libcublas" | "libcusolver"): string {
  const hash = createHash("sha256").update(compiler);
  for (const f of SOURCES) hash.update(readFileSync(f));
  const folder = join(root, "node_modules", ".cache", "dace-ad-native", "processor"), out = join(folder, `${name}-${hash.digest("hex").slice(0, 16)}.so`);
  if (existsSync(out)) return out;
  mkdirSync(folder, { recursive: true });
  const own = `${out}.${process.pid}`;
  execFileSync(compiler, ["-std=c++20", "-O1", "-fPIC", "-shared", join(root, "test/native/cuda/processor", `${name}.cpp`), "-o", own, "-ldl"]);
  renameSync(own, out);
  return out;
}

/** Words of world.h, in its order. */
const WORDS = ["failAt", "failWith", "sticky", "calls", "used", "blocks", "launches", "graphLaunches", "mistakes", "waits", "reserved", "contexts", "products", "unpinned", "factorisations"] as const;
export type Word = (typeof WORDS)[number];

/** What a test steers and reads while programs run. */
export class Control {
  readonly path = join(tmpdir(), `dace-ad-processor-${process.pid}-${Math.random().toString(36).slice(2)}`);
  readonly #fd: number;
  constructor() { writeFileSync(this.path, new Uint8Array(128)); this.#fd = openSync(this.path, "r+"); }
  get(word: Word): number { const b = new BigInt64Array(1); readSync(this.#fd, b, 0, 8, 8 * WORDS.indexOf(word)); return Number(b[0]); }
  set(word: Word, value: number): void { writeSync(this.#fd, BigInt64Array.of(BigInt(value)), 0, 8, 8 * WORDS.indexOf(word)); }
  /** The `n`-th call from now on fails with `result`, and with it all that follow where `sticky`. */
  fail(n: number, result: number, sticky = false): void { this.set("failWith", result); this.set("sticky", sticky ? 1 : 0); this.set("failAt", n); }
  close(): void { closeSync(this.#fd); }
}

/** Environment of a process whose GPUs are made of the processor. */
export function processorEnvironment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
  // The image is made by a script of its own, next to this one once both are JavaScript.
  return { DACE_AD_CUDA: "", DACE_AD_LIBCUDA: library("libcuda"), DACE_AD_LIBNVRTC: library("libnvrtc"), DACE_AD_LIBCUBLAS: library("libcublas"), DACE_AD_LIBCUSOLVER: library("libcusolver"), PROCESSOR_NVRTC: [process.execPath, join(__dirname, "cuda", "processor-image.js"), compiler].join("|"), ...more };
}
export function useProcessor(more: Readonly<Record<string, string>> = {}): Control {
  const c = new Control();
  Object.assign(process.env, processorEnvironment({ PROCESSOR_CONTROL: c.path, ...more }));
  return c;
}
