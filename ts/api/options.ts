/** Options that every verb takes: checked, with defaults. */
import { availableParallelism } from "node:os";
import { DaceError } from "../base/errors.js";
import { nativeAddon } from "../runtime/addon.js";
import { openDevice } from "../runtime/device-array.js";
import type { Backend } from "../runtime/executable.js";

export interface Options {
  /**
   * "auto" (default): where an argument lies on a GPU, there; else on a usable GPU where the estimates say that it is worth the copies (api/placement.ts; `report.deviceReason` says why), or compiled for
   * the processor, or JavaScript where there is no compiler. "cuda", "cuda:1": an NVIDIA GPU.
   */
  readonly device?: "cpu" | "js" | "auto" | "cuda" | `cuda:${number}`;
  /** Threads of parallel regions (default: all cores). Results do not depend on it. */
  readonly threads?: number;
  /** "default": FMA and vector libm; "strict": bit-identical on every backend; "fast": reassociation allowed. */
  readonly precision?: "default" | "strict" | "fast";
  /** Caches of plans and kernels: true (default), false, "readonly", or a directory. */
  readonly cache?: boolean | "readonly" | { readonly dir: string };
  /** Bytes ("64MiB" or a number) that a run may take beside its arguments. What does not fit is computed again; where nothing fits, MEMORY_INFEASIBLE is thrown before the run. */
  readonly memoryLimit?: string | number;
  /** Types ahead of time: `{ u: "f64[N,M]", steps: "i64" }`. */
  readonly args?: Readonly<Record<string, string>>;
  /** Values of names that are free in a JavaScript function, where they cannot be read from it. */
  readonly captures?: Readonly<Record<string, unknown>>;
  /** Out-of-range indices are always reported. */
  readonly bounds?: true;
  /** `nan`: the run stops with NAN, and the line, where a value that is not a number is stored. Slow. */
  readonly debug?: { readonly nan?: boolean };
  /** What the backward pass keeps: "auto" (as the limit asks), "store-all", "recompute-all", or the arrays to store, by name; the rest is computed again. */
  readonly strategy?: "auto" | "store-all" | "recompute-all" | { readonly store: readonly string[] };
  /** `budget`: seconds for finding a plan that keeps `memoryLimit`, once per set of sizes; all of them where the best plan is not proven before. Default: about one up to 50 arrays, 10 at most. */
  readonly solve?: { readonly budget?: number };
  readonly invert?: false;
}
export type Which = string | number | readonly (string | number)[];
export interface DerivativeOptions extends Options {
  /** Inputs by name or index (default: the first float argument; vjp: all). */
  readonly wrt?: Which;
  /** Outputs by name: a changed argument, "return", "return[1]". */
  readonly of?: string | readonly string[];
}

const KNOWN = ["device", "threads", "precision", "cache", "memoryLimit", "args", "captures", "bounds", "strategy", "solve", "invert", "debug", "wrt", "of"];

/** A month, which no one waits for. */
const MOST_SECONDS = 2_592_000;

/** `extra`: keys that this verb takes besides. */
export function checkOptions(o: object | undefined, extra: readonly string[] = []): void {
  if (o === undefined) return;
  if (typeof o !== "object" || o === null || Array.isArray(o)) throw new DaceError("ARGUMENT", "options are a plain object");
  const known = [...KNOWN, ...extra];
  for (const [k, v] of Object.entries(o)) if (v !== undefined && !known.includes(k)) throw new DaceError("ARGUMENT", `unknown option ${k}`, { hint: `options are ${known.join(", ")}` });
  const x = o as Record<string, unknown>;
  const oneOf = (name: string, allowed: RegExp, hint: string): void => { const v = x[name]; if (v !== undefined && (typeof v !== "string" || !allowed.test(v))) throw new DaceError("ARGUMENT", `unknown ${name} ${JSON.stringify(v)}`, { hint }); };
  oneOf("precision", /^(default|strict|fast)$/, "default, strict or fast");
  oneOf("device", /^(cpu|js|auto|cuda(:\d+)?)$/, "cpu, js, auto, cuda or cuda:N");
  const threads = x["threads"];
  if (threads !== undefined && (!Number.isInteger(threads) || (threads as number) < 1)) throw new DaceError("ARGUMENT", `threads is ${JSON.stringify(threads)}: a positive integer is needed`);
  const cache = x["cache"];
  if (cache !== undefined && typeof cache !== "boolean" && cache !== "readonly" && !(typeof cache === "object" && cache !== null && typeof (cache as { dir?: unknown }).dir === "string")) throw new DaceError("ARGUMENT", "cache is true, false, \"readonly\" or { dir }");
  for (const k of ["args", "captures"]) if (x[k] !== undefined && (typeof x[k] !== "object" || x[k] === null)) throw new DaceError("ARGUMENT", `${k} is an object by name`);
  const wrt = x["wrt"], of = x["of"];
  const names = (v: unknown, number: boolean): boolean => typeof v === "string" || (number && typeof v === "number") || (Array.isArray(v) && v.every((y) => typeof y === "string" || (number && typeof y === "number")));
  if (wrt !== undefined && !names(wrt, true)) throw new DaceError("ARGUMENT", "wrt is a name or an index, or an array of these");
  if (of !== undefined && !names(of, false)) throw new DaceError("ARGUMENT", "of is a name or an array of names");
  const strategy = x["strategy"];
  if (strategy !== undefined && strategy !== "auto" && strategy !== "store-all" && strategy !== "recompute-all" && !(typeof strategy === "object" && strategy !== null && Object.keys(strategy).join() === "store" && names((strategy as { store: unknown }).store, false) && Array.isArray((strategy as { store: unknown }).store))) {
    throw new DaceError("ARGUMENT", `unknown strategy ${JSON.stringify(strategy)}`, { hint: "\"auto\", \"store-all\", \"recompute-all\" or { store: [names of arrays] }" });
  }
  const solve = x["solve"];
  if (solve !== undefined && (typeof solve !== "object" || solve === null || Object.entries(solve).some(([k, v]) => k !== "budget" || (v !== undefined && !(typeof v === "number" && v > 0 && v < MOST_SECONDS))))) {
    throw new DaceError("ARGUMENT", "solve is { budget: seconds }, a positive number", { hint: "such as { budget: 60 }" });
  }
  for (const [k, off] of [["invert", false], ["bounds", true]] as const) if (x[k] !== undefined && x[k] !== off) throw new DaceError("UNSUPPORTED", `option ${k}: ${JSON.stringify(x[k])} is not available in this version`, { hint: `it is ${JSON.stringify(off)}` });
  const debug = x["debug"];
  if (debug !== undefined && (typeof debug !== "object" || debug === null || Object.entries(debug).some(([k, v]) => k !== "nan" || (v !== undefined && typeof v !== "boolean")))) throw new DaceError("ARGUMENT", "debug is { nan: true } or { nan: false }");
}

const UNITS: Readonly<Record<string, number>> = { "": 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30, tib: 2 ** 40 };
/** Bytes of `memoryLimit`; throws ARGUMENT. */
export function memoryLimit(o: Options): number | undefined {
  const v = o.memoryLimit;
  if (v === undefined) return undefined;
  const m = typeof v === "string" ? /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(v) : null;
  const unit = m ? UNITS[m[2]!.toLowerCase()] : undefined;
  const n = typeof v === "number" ? v : m && unit !== undefined ? Number(m[1]) * unit : NaN;
  if (!Number.isFinite(n) || n < 0) throw new DaceError("ARGUMENT", `memoryLimit ${JSON.stringify(v)} is not a number of bytes`, { hint: "such as \"64MiB\" or 67108864" });
  return Math.floor(n);
}

export function cacheOf(o: Options): { readonly mode: "on" | "readonly" | "off"; readonly dir?: string } {
  const mode = o.cache === false ? "off" : o.cache === "readonly" ? "readonly" : "on";
  const dir = typeof o.cache === "object" ? o.cache.dir : process.env["DACE_AD_CACHE_DIR"];
  return { mode, ...(dir ? { dir } : {}) };
}

const warned = new Set<string>();
function warnOnce(code: string, message: string): void {
  if (warned.has(code)) return;
  warned.add(code);
  process.emitWarning(message, { type: "DaceWarning", code });
}

/** What to run after an install that was not allowed to build the addon. */
export const REBUILD = "npm install-scripts approve dace-ad-native && npm rebuild dace-ad-native";

/** Chooses the backend; throws TOOLCHAIN or DEVICE where the one asked for is not there. */
export function backendFor(o: Options): Backend {
  const device = o.device ?? "auto", threads = o.threads ?? availableParallelism();
  const { mode: cache, dir } = cacheOf(o);
  const js: Backend = { device: "js", threads: 1, cache };
  if (device === "js") return js;
  // A device made of this processor, for tests and machines without a GPU.
  if (device.startsWith("cuda") && process.env["DACE_AD_CUDA"] === "shim") { const { anyTeam: _, ...cpu } = backendFor({ ...o, device: "cpu" }); return { ...cpu, device: "cuda", threads: 1, shim: true }; }
  if (device.startsWith("cuda")) { const gpu = openDevice(device)!, { anyTeam: _, ...cpu } = backendFor({ ...o, device: "cpu" }); return { ...cpu, device: "cuda", threads: 1, gpu }; }
  const { addon, causes } = nativeAddon();
  if (!addon) {
    if (device === "cpu") throw new DaceError("TOOLCHAIN", `the native addon could not be loaded: ${causes.join("; ")}`, { hint: REBUILD });
    warnOnce("DACE_NO_ADDON", `the native addon could not be loaded (${causes.join("; ")}), so no compiler can be used: programs run on the JavaScript backend. To build it: ${REBUILD}`);
    return js;
  }
  const found = addon.discoverToolchain();
  if (!found.found) {
    if (device === "cpu") throw new DaceError("TOOLCHAIN", `no C++ compiler was found (${found.tried.join("; ")})`, { hint: "install g++ or clang (Debian: apt-get install g++), set DACE_AD_CXX, or use { device: \"js\" }" });
    warnOnce("DACE_NO_COMPILER", `no C++ compiler was found (${found.tried.join("; ")}): programs run on the JavaScript backend`);
    return js;
  }
  return { device: "cpu", addon, threads, ...(o.threads === undefined ? { anyTeam: true } : {}), cache, ...(dir ? { cacheDir: dir } : {}) };
}
