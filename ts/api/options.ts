/** Options that every verb takes: checked, with defaults. */
import { availableParallelism } from "node:os";
import { DaceError } from "../base/errors.js";
import { nativeAddon } from "../runtime/addon.js";
import type { Backend } from "../runtime/executable.js";

export interface Options {
  readonly device?: "cpu" | "js" | "auto" | "cuda";
  readonly threads?: number;
  /** "default": FMA and vector libm; "strict": bit-identical on every backend; "fast": reassociation allowed. */
  readonly precision?: "default" | "strict" | "fast";
  /** Kernel cache: true (default), false, "readonly", or a directory. */
  readonly cache?: boolean | "readonly" | { readonly dir: string };
  /** Values of names that are free in a JavaScript function, where they cannot be read from it. */
  readonly captures?: Readonly<Record<string, unknown>>;
}
export type Which = string | number | readonly (string | number)[];
export interface DerivativeOptions extends Options {
  /** Inputs by name or index (default: the first float argument; vjp: all). */
  readonly wrt?: Which;
  /** Outputs by name: a changed argument, "return", "return[1]". */
  readonly of?: string | readonly string[];
}

const KNOWN = new Set(["device", "threads", "precision", "cache", "captures", "wrt", "of", "rtol", "seed"]);
const LATER: Readonly<Record<string, string>> = { memoryLimit: "a memory limit", strategy: "a checkpointing strategy", invert: "inverting updates", debug: "debug.nan", args: "ahead-of-time argument types" };

export function checkOptions(o: object | undefined): void {
  for (const [k, v] of Object.entries(o ?? {})) {
    if (v === undefined || KNOWN.has(k)) continue;
    if (k === "bounds" && v === true) continue;
    if (k in LATER) throw new DaceError("UNSUPPORTED", `${LATER[k]} (option ${k})`, { hint: "this version always stores what the backward pass needs" });
    throw new DaceError("ARGUMENT", `unknown option ${k}`, { hint: `options are ${[...KNOWN].join(", ")}` });
  }
  const x = (o ?? {}) as Options;
  if (x.threads !== undefined && (!Number.isInteger(x.threads) || x.threads < 1)) throw new DaceError("ARGUMENT", `threads is ${x.threads}: a positive integer is needed`);
  if (x.precision !== undefined && !["default", "strict", "fast"].includes(x.precision)) throw new DaceError("ARGUMENT", `unknown precision ${String(x.precision)}`, { hint: "default, strict or fast" });
  if (x.device !== undefined && !/^(cpu|js|auto|cuda(:\d+)?)$/.test(x.device)) throw new DaceError("ARGUMENT", `unknown device ${String(x.device)}`, { hint: "cpu, js or auto" });
}

const warned = new Set<string>();
export function warnOnce(code: string, message: string, cause = message): void {
  if (warned.has(cause)) return;
  warned.add(cause);
  process.emitWarning(message, { type: "DaceWarning", code });
}

/** Chooses the backend; throws TOOLCHAIN or DEVICE where the one asked for is not there. */
export function backendFor(o: Options): Backend {
  const device = o.device ?? "auto", threads = o.threads ?? availableParallelism();
  const cache = o.cache === false ? "off" : o.cache === "readonly" ? "readonly" : "on";
  const dir = typeof o.cache === "object" ? o.cache.dir : process.env["DACE_AD_CACHE_DIR"];
  const js: Backend = { device: "js", threads: 1, cache };
  if (device === "js") return js;
  if (device.startsWith("cuda")) throw new DaceError("DEVICE", "device cuda: this build has no CUDA backend", { hint: "use { device: \"cpu\" }" });
  const { addon, causes } = nativeAddon();
  if (!addon) {
    if (device === "cpu") throw new DaceError("TOOLCHAIN", `the native addon could not be loaded: ${causes.join("; ")}`, { hint: "npm install-scripts approve dace-ad-native && npm rebuild dace-ad-native" });
    warnOnce("DACE_NO_ADDON", `the native addon could not be loaded (${causes.join("; ")}); programs run on the JavaScript backend, without a compiler. Run: npm install-scripts approve dace-ad-native && npm rebuild dace-ad-native`, "no addon");
    return js;
  }
  const found = addon.discoverToolchain();
  if (!found.found) {
    if (device === "cpu") throw new DaceError("TOOLCHAIN", `no C++ compiler was found (${found.tried.join("; ")})`, { hint: "install g++ or clang (Debian: apt-get install g++), set DACE_AD_CXX, or use { device: \"js\" }" });
    warnOnce("DACE_NO_COMPILER", `no C++ compiler was found (${found.tried.join("; ")}); programs run on the JavaScript backend`, "no compiler");
    return js;
  }
  return { device: "cpu", addon, threads, cache, ...(dir ? { cacheDir: dir } : {}) };
}
