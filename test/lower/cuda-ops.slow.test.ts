/** Every function of the scalar language on the CUDA device made of the processor; and nvcc, where it is found, compiles all of them. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
// The tests of that file run here, too, with one more backend.
import { deviceTexts } from "./ops.test.js";

process.env["DACE_AD_CUDA"] = "shim";

test.after("nvcc compiles the functions", (t) => {
  const nvcc = process.env["NVCC"] ?? "nvcc";
  try { execFileSync(nvcc, ["--version"]); } catch { t.log(`skipped: ${nvcc} was not found`); return; }
  t.true(deviceTexts.length > 0);
  const folder = mkdtempSync(join(tmpdir(), "dace-ops-"));
  try {
    deviceTexts.forEach(({ text, flags }, k) => {
      const source = join(folder, `${k}.cu`);
      writeFileSync(source, text);
      t.notThrows(() => execFileSync(nvcc, ["-cubin", "-arch=sm_90", ...flags, "-w", "-Xptxas", "-O1", "-o", join(folder, "out.cubin"), source], { stdio: "pipe" }));
    });
  } finally { rmSync(folder, { recursive: true, force: true }); }
});
