/** What was found on this machine, and how to get what is missing. Exit status 3 where programs would run without a compiler. */
import { cpus } from "node:os";
import { backendFor, REBUILD } from "../api/options.js";
import { calibration } from "../compile/calibration.js";
import { defaultCacheDir, ProgramCache } from "../compile/program-cache.js";
import { nativeAddon } from "../runtime/addon.js";
import type { NativeAddon } from "../runtime/addon-types.js";

interface Finding { readonly name: string; readonly ok: boolean; readonly found: string; readonly hint?: string }

export function findings(): Finding[] {
  const { addon, causes } = nativeAddon();
  const out: Finding[] = [{ name: "node", ok: true, found: `${process.version}, ${process.platform}-${process.arch}` }];
  if (!addon) {
    out.push({ name: "addon", ok: false, found: causes.join("; "), hint: `npm install needs g++ (or clang), make and cmake; then: ${REBUILD}` });
    out.push({ name: "cpu", ok: true, found: `${cpus()[0]?.model ?? "unknown"}, ${cpus().length} cores` });
  } else {
    out.push({ name: "addon", ok: true, found: `version ${addon.version}, ABI ${addon.abiVersion}` });
    const { found, tried } = addon.discoverToolchain();
    if (found) {
      out.push({ name: "compiler", ok: true, found: `${found.compiler} (${found.version})` });
      out.push({ name: "OpenMP", ok: found.openmp, found: found.openmp ? "yes" : "no: loops run on one thread", ...(found.openmp ? {} : { hint: "install libgomp (with g++) or libomp (with clang)" }) });
      out.push({ name: "libmvec", ok: found.vectorMath, found: found.vectorMath ? "yes" : "no: exp, sin, … are not vectorised", ...(found.vectorMath ? {} : { hint: "it is part of glibc 2.22 and later" }) });
      const arch = found.archFlags.filter((f) => /^-m(arch|tune|cpu)=/.test(f));
      out.push({ name: "flags", ok: true, found: `${(arch.length > 0 ? arch : found.archFlags).join(" ")} (what -march=native means here; ${found.archFlags.length} flags in all)` });
    } else out.push({ name: "compiler", ok: false, found: `none (${tried.join("; ")})`, hint: "Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++; macOS: xcode-select --install; or set DACE_AD_CXX" });
    const blas = addon.blas();
    out.push({ name: "BLAS", ok: blas.library !== "built-in", found: `${blas.library}${blas.library === "built-in" ? "" : `, ${blas.threads} threads`}`, ...(blas.library === "built-in" ? { hint: "apt-get install libopenblas0 makes large matrix products faster" } : {}) });
    const cpu = addon.cpu();
    out.push({ name: "cpu", ok: true, found: `${cpu.model}, ${cpu.cores} cores, ${cpu.features.join(" ")}` });
  }
  out.push(cuda(addon));
  out.push({ name: "cache", ok: true, found: defaultCacheDir() });
  out.push({ name: "rates", ok: true, found: rates(out.some((f) => f.name === "compiler" && f.ok)) });
  return out;
}

/** Where estimates of time come from; nothing is measured for saying so. */
function rates(compiled: boolean): string {
  try {
    const { origin } = calibration(backendFor({ device: compiled ? "cpu" : "js" }), new ProgramCache("readonly"));
    return origin === "measured" ? "measured on this machine" : origin === "given" ? `from ${process.env["DACE_AD_CALIBRATION"]!}` : process.env["DACE_AD_CALIBRATION"] === "off" ? "built in" : "built in; measured when a plan is made under a memory limit";
  } catch (e) { return e instanceof Error ? e.message.split("\n")[0]! : String(e); }
}

/** GPUs and what compiles for them; memory where this process has used one. */
function cuda(addon: NativeAddon | undefined): Finding {
  if (!addon) return { name: "CUDA", ok: false, found: "unknown without the addon" };
  const { devices, causes, compiler, noCompiler, blas, solver } = addon.cuda(), size = (n: number): string => `${(n / 2 ** 20).toFixed(1)} MiB`;
  const found = devices.map((d) => `${d.name}, ${Math.round(d.memory / 2 ** 30)} GiB, compute capability ${d.capability}`);
  if (found.length === 0) return { name: "CUDA", ok: false, found: `none (${causes.join("; ")})`, hint: "programs run on the CPU" };
  for (const g of addon.openGpus()) { const m = g.memory(); found.push(`device ${g.index}: ${size(m.inUse)} in use in ${m.blocks} blocks, ${size(m.pooled)} kept, at most ${size(m.highWater)}`); }
  found.push(...causes, compiler || noCompiler, `cuBLAS: ${blas}`, `cuSOLVER: ${solver}`);
  return { name: "CUDA", ok: compiler !== "", found: found.join("; "), ...(compiler === "" ? { hint: "install NVRTC or nvcc (the CUDA toolkit), or set DACE_AD_LIBNVRTC or DACE_AD_NVCC" } : {}) };
}

export function doctor(json: boolean): number {
  const all = findings();
  if (json) process.stdout.write(`${JSON.stringify(all)}\n`);
  else for (const f of all) process.stdout.write(`${f.ok ? "ok" : "--"}  ${f.name.padEnd(8)} ${f.found}\n${f.hint ? `              ${f.hint}\n` : ""}`);
  return all.some((f) => f.name === "compiler" && f.ok) ? 0 : 3;
}
