/**
 * Rates of this machine, kept beside the plans: measured once per processor, number of cores, compiler and format, or once per GPU, the first time that a plan, or the choice of a device, has to compare times.
 * An entry that is damaged, or that is none, is measured again. `DACE_AD_CALIBRATION`: "off" for the built-in rates, or a file with rates (JSON; those that are not in it are built in).
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { CPU_RATES, GPU_RATES, JS_RATES, type Rates } from "../base/rates.js";
import { DaceError } from "../base/errors.js";
import type { Backend } from "../runtime/executable.js";
import type { ProgramCache } from "./program-cache.js";
import { measureGpuRates } from "./gpu-kernels.js";
import { measureRates } from "./micro-kernels.js";

const FORMAT = 2;

export interface Calibration { readonly rates: Rates; readonly origin: "measured" | "built in" | "given"; /** Of the rates: part of the key of what was decided by them. */ readonly id: string }

const known = new Map<string, Calibration>();

/** `measure`: for tests. Nothing is measured where it cannot be kept: without a cache, or a read-only one, the rates that are not there are built in. */
export function calibration(backend: Backend, cache: Pick<ProgramCache, "mode" | "dir" | "get" | "put">, measure: (b: Backend) => Rates = backend.gpu ? measureGpuRates : measureRates): Calibration {
  const built = backend.device === "cuda" ? GPU_RATES : backend.device === "js" ? JS_RATES : CPU_RATES, wish = process.env["DACE_AD_CALIBRATION"] ?? "on";
  if (wish !== "on" && wish !== "off") return made(given(wish, built), "given");
  if (wish === "off" || (backend.device === "cuda" && !backend.gpu) || cache.mode === "off") return made(built, "built in");
  const key = machineKey(backend), place = `${cache.dir}\0${key}`;
  let c = known.get(place);
  if (!c) {
    const kept = cache.get(key) as { readonly rates?: unknown } | undefined;
    if (isRates(kept?.rates, built)) c = made(kept.rates, "measured");
    else if (cache.mode === "readonly") return made(built, "built in");
    else {
      let rates: Rates;
      // A machine whose clock says nonsense, or whose compiler fails, is one like others.
      try { rates = measure(backend); } catch { return made(built, "built in"); }
      if (!isRates(rates, built)) return made(built, "built in");
      cache.put(key, { format: FORMAT, rates });
      c = made(rates, "measured");
    }
    known.set(place, c);
  }
  return c;
}

function made(rates: Rates, origin: Calibration["origin"]): Calibration { return { rates, origin, id: createHash("sha256").update(JSON.stringify(rates)).digest("hex").slice(0, 16) }; }

export function machineKey(backend: Backend): string {
  const { addon, device } = backend, found = addon?.discoverToolchain().found;
  if (backend.gpu) {
    const { devices, version, compiler } = addon!.cuda(), { name, memoryBytes, capability, index } = backend.gpu;
    return createHash("sha256").update(JSON.stringify(["gpu calibration", FORMAT, process.arch, cpus()[0]?.model, name, memoryBytes, capability, devices[index]?.multiprocessors, version, compiler])).digest("hex");
  }
  const compiler = device === "js" ? [process.versions.v8] : [found?.compiler, found?.version, found?.archFlags, addon?.blas().library];
  return createHash("sha256").update(JSON.stringify(["calibration", FORMAT, device, process.arch, cpus()[0]?.model, availableParallelism(), compiler])).digest("hex");
}

/** Rates that are a positive number each (entering a loop, a barrier and a launch may be free), in tables that ascend. */
export function isRates(r: unknown, like: Rates): r is Rates {
  if (typeof r !== "object" || r === null) return false;
  const x = r as Record<string, unknown>, number = (v: unknown, least: number): boolean => typeof v === "number" && Number.isFinite(v) && v >= least && v < 1;
  const ascending = (list: unknown, by: string, rates: readonly string[]): boolean => Array.isArray(list) && list.length > 0 && list.every((e: Record<string, unknown>, i) => typeof e === "object" && Number(e[by]) > (i > 0 ? Number((list[i - 1] as Record<string, unknown>)[by]) : 0) && rates.every((k) => number(e[k], Number.MIN_VALUE)));
  const functions = x["functions"] as Record<string, unknown> | null | undefined, plain = ["vector", "scalar", "sum", "chain", "chainDivision", "load", "store", "scalarAccess", "gather"], free = ["start", "barrier", "launch", "transfer"], factors = ["scalarFunction", "memoryThreads", "productTransposed"];
  const gpu = x["gpu"] as Record<string, unknown> | null | undefined;
  if (like.gpu && !(typeof gpu === "object" && gpu !== null && ["thread", "block"].every((k) => typeof gpu[k] === "number" && (gpu[k]) >= 1 && Number.isFinite(gpu[k])) && ["unit", "argument"].every((k) => number(gpu[k], Number.MIN_VALUE)))) return false;
  return typeof x["beside"] === "number" && x["beside"] >= 0 && x["beside"] <= 1 && plain.every((k) => number(x[k], Number.MIN_VALUE)) && free.every((k) => number(x[k], 0)) && factors.every((k) => typeof x[k] === "number" && (x[k]) >= 1 && Number.isFinite(x[k]))
    && typeof functions === "object" && functions !== null && Object.keys(like.functions).every((k) => number(functions[k], Number.MIN_VALUE))
    && ascending(x["memory"], "bytes", ["read", "write"]) && (x["memory"] as unknown[]).length > 1 && ascending(x["product"], "size", ["seconds"]);
}

function given(path: string, built: Rates): Rates {
  let rates: unknown;
  try { rates = { ...built, ...JSON.parse(readFileSync(path, "utf8")) as object }; } catch (e) { throw new DaceError("ARGUMENT", `DACE_AD_CALIBRATION: ${path} cannot be read as JSON: ${(e as Error).message}`, { hint: "\"on\", \"off\", or a file with rates" }); }
  if (!isRates(rates, built)) throw new DaceError("ARGUMENT", `DACE_AD_CALIBRATION: ${path} holds something that is no rate`, { hint: "numbers of seconds under their names, as in ts/base/rates.ts" });
  return rates;
}
