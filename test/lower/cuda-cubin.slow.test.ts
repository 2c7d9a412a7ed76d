/** Device code of all programs, forward and gradient, compiled by nvcc for several architectures, where nvcc is found: the device made of the processor accepts what CUDA might not. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import test from "ava";
import { javascript, jit, ndarray, python, vjp } from "../../ts/index.js";
import type { Plan } from "../../ts/lower/plan.js";
import { FUNCTIONS, inputData, numbers, PROGRAMS, SOURCE } from "../programs/check.js";
import { CASES, SOURCE as NPBENCH, value } from "../programs/npbench.js";

process.env["DACE_AD_CUDA"] = "shim";
const NVCC = process.env["NVCC"] ?? "nvcc", ARCHITECTURES = ["sm_80", "sm_90", "sm_100"], TOGETHER = 16;
const found = ((): string | undefined => { try { return execFileSync(NVCC, ["--version"], { encoding: "utf8" }).split("\n").find((l) => l.includes("release")); } catch { return undefined; } })();

type Precision = "default" | "strict";
function plans(precision: Precision): Map<string, Plan> {
  const out = new Map<string, Plan>(), options = { device: "cuda", precision, cache: false } as const;
  for (const p of PROGRAMS) {
    const next = numbers(1234), data = p.numpy.map((x) => inputData(x, next)), py = python({ source: SOURCE, name: "programs.py" }, { function: p.name });
    const args = data.map((d) => (d.shape ? (d.shape.length === 1 ? d.values : ndarray(d.values, d.shape)) : d.values[0]!));
    out.set(`${p.name} forward`, jit(py, options).lower(...args).plan);
    out.set(`${p.name} gradient`, vjp(py, options).lower(args).plan);
    out.set(`${p.name} gradient (JavaScript)`, vjp(javascript(FUNCTIONS[p.name]!), options).lower(p.js.map((a) => (typeof a === "number" ? a : data[a.use]!.shape ? data[a.use]!.values : data[a.use]!.values[0]!))).plan);
  }
  CASES.forEach((c, n) => {
    const program = python({ source: NPBENCH, name: "npbench.py" }, { function: c.name }), float = c.args.some((a) => (typeof a === "object" ? !/int/.test(a.dtype) : typeof a === "number" && !Number.isInteger(a)));
    out.set(`${c.name} #${n} forward`, jit(program, options).lower(...c.args.map(value)).plan);
    if (float) out.set(`${c.name} #${n} gradient`, vjp(program, options).lower(c.args.map(value)).plan);
  });
  return out;
}

/** Several programs as one text: each in a namespace, its kernels under names of their own. */
function together(texts: readonly string[]): string {
  return texts.map((text, i) => `namespace p${i} {\n${text.replace(/^(extern "C" __global__ void .*?)\bk(\d+)\(/gm, `$1p${i}_k$2(`)}\n}\n`).join("");
}

/** What ptxas says of every kernel: registers of a thread, and bytes that it keeps in memory for want of them. */
function usage(said: string): { readonly registers: number; readonly spilled: number }[] {
  return said.split(/(?=ptxas info\s*: Compiling entry function)/).flatMap((x) => { const r = /Used (\d+) registers/.exec(x), s = /(\d+) bytes spill stores, (\d+) bytes spill loads/.exec(x); return r ? [{ registers: Number(r[1]), spilled: Number(s?.[1] ?? 0) + Number(s?.[2] ?? 0) }] : []; });
}

for (const precision of ["default", "strict"] as const) for (const arch of ARCHITECTURES) {
  // Strict code differs by its functions: one architecture says as much as three.
  if (precision === "strict" && arch !== "sm_90") continue;
  test(`${arch}, ${precision} precision`, async (t) => {
    if (!found) { t.log(`skipped: ${NVCC} was not found`); t.pass(); return; }
    t.timeout(3_600_000);
    const all = [...plans(precision)], folder = mkdtempSync(join(tmpdir(), "dace-cubin-"));
    t.log(`${found.trim()}: ${all.length} programs, ${all.reduce((n, [, p]) => n + p.cuda!.kernels.length, 0)} kernels`);
    // Slower code compiles faster; what a device would run is looked at once.
    const level = arch === "sm_90" ? "-O3" : "-O1", used: ReturnType<typeof usage> = [];
    try {
      for (let from = 0; from < all.length; from += TOGETHER) {
        const part = all.slice(from, from + TOGETHER), source = join(folder, `${from}.cu`);
        writeFileSync(source, together(part.map(([, p]) => p.cuda!.device)));
        const compiled = promisify(execFile)(NVCC, ["-cubin", `-arch=${arch}`, ...part[0]![1].cuda!.deviceFlags, "-w", "-Xptxas", `-v,${level}`, "-o", join(folder, "out.cubin"), source], { maxBuffer: 2 ** 28 });
        await t.notThrowsAsync(compiled, part.map(([name]) => name).join(", "));
        used.push(...usage((await compiled.catch(() => ({ stderr: "" }))).stderr));
      }
      const most = Math.max(...used.map((u) => u.registers)), spills = used.filter((u) => u.spilled > 0);
      t.log(`${level}: ${used.length} kernels, at most ${most} registers; ${spills.length} spill, at most ${Math.max(0, ...spills.map((u) => u.spilled))} bytes`);
      // Blocks of 512 threads share 65,536 registers. Seen in November 2026, CUDA 13.0, -O3: 48 of 2536 kernels spill, 260 bytes at most. The bounds are there to notice much more than that.
      t.is(used.length, all.reduce((n, [, p]) => n + p.cuda!.kernels.length, 0));
      t.true(spills.length <= 0.03 * used.length && spills.every((u) => u.spilled <= 512));
    } finally { rmSync(folder, { recursive: true, force: true }); }
  });
}
