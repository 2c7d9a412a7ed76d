/** Rates of a GPU: measured once per device and kept, and what "auto" compares; on devices made of the processor. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { backendFor } from "../../ts/api/options.js";
import { GPU_RATES, type Rates } from "../../ts/base/rates.js";
import { calibration, isRates, machineKey } from "../../ts/compile/calibration.js";
import { measureGpuRates } from "../../ts/compile/gpu-kernels.js";
import { ProgramCache } from "../../ts/compile/program-cache.js";
import { jit, python } from "../../ts/index.js";
import { useProcessor } from "./processor.js";

const control = useProcessor({ PROCESSOR_DEVICES: "2", PROCESSOR_MEMORY: String(32 * 2 ** 20), PROCESSOR_MULTIPROCESSORS: "132" });
const made: string[] = [], folder = (): string => { const d = mkdtempSync(join(tmpdir(), "dace-ad-gpu-rates-")); made.push(d); return d; };
test.after.always(() => { for (const d of made) rmSync(d, { recursive: true, force: true }); });
function within<T>(value: string | undefined, f: () => T): T {
  const before = process.env["DACE_AD_CALIBRATION"];
  if (value === undefined) delete process.env["DACE_AD_CALIBRATION"]; else process.env["DACE_AD_CALIBRATION"] = value;
  try { return f(); } finally { if (before === undefined) delete process.env["DACE_AD_CALIBRATION"]; else process.env["DACE_AD_CALIBRATION"] = before; }
}
const cuda = (index: 0 | 1 = 0): ReturnType<typeof backendFor> => backendFor({ device: `cuda:${index}` });

test.serial("launches, memory, one thread and copies are measured; the rest is built in", (t) => {
  const r = measureGpuRates(cuda());
  t.true(isRates(r, GPU_RATES));
  t.is(r.functions, GPU_RATES.functions);
  for (const [a, b] of [[r.launch, GPU_RATES.launch], [r.transfer, GPU_RATES.transfer], [r.memory[1]!.read, GPU_RATES.memory[1]!.read], [r.gpu!.unit, GPU_RATES.gpu!.unit], [r.gpu!.argument, GPU_RATES.gpu!.argument]] as const) t.not(a, b);
  // A processor that passes for a device goes through its memory slower than one, and one of its threads is about as fast as all.
  t.true(r.memory[1]!.read > 10 * GPU_RATES.memory[1]!.read && r.gpu!.thread < GPU_RATES.gpu!.thread / 10);
  t.is(r.gpu!.block, 132);
  t.is(control.get("mistakes"), 0);
});

test.serial("once per device, then read", (t) => {
  const dir = folder(), rates: Rates = { ...GPU_RATES, launch: 7e-6 };
  let asked = 0;
  const ask = (b = cuda(), cache = new ProgramCache("on", dir)): ReturnType<typeof calibration> => within(undefined, () => calibration(b, cache, () => { asked++; return rates; }));
  t.like(ask(), { origin: "measured", rates });
  t.is(ask().rates.launch, 7e-6);
  t.is(asked, 1);
  // Another process has the file alone.
  const other = folder(), copy = new ProgramCache("on", other), [kept] = new ProgramCache("on", dir).entries();
  copy.put(kept!.key, new ProgramCache("on", dir).get(kept!.key));
  t.is(ask(cuda(), copy).rates.launch, 7e-6);
  t.is(asked, 1);
  // A device of another name is another device, and a processor none; of those that are left out, nothing is measured.
  t.not(machineKey(cuda(0)), machineKey(backendFor({ device: "cpu" })));
  t.is(within("off", () => calibration(cuda(), new ProgramCache("on", folder()), () => { asked++; return rates; })).origin, "built in");
  t.is(within(undefined, () => calibration({ ...cuda(), shim: true, gpu: undefined } as never, new ProgramCache("on", folder()), () => { asked++; return rates; })).origin, "built in");
  t.is(asked, 1);
});

test.serial("what is no set of a GPU's rates is measured again", (t) => {
  for (const gpu of [undefined, null, { ...GPU_RATES.gpu, thread: 0.5 }, { ...GPU_RATES.gpu, unit: 0 }, { ...GPU_RATES.gpu, argument: "fast" }]) t.false(isRates({ ...GPU_RATES, gpu }, GPU_RATES));
  t.true(isRates(GPU_RATES, GPU_RATES));
});

type Callable = ((...args: unknown[]) => unknown) & { readonly report: { readonly device: string; readonly deviceReason?: string } | undefined };
test.serial("\"auto\" follows the rates: of launches, of one thread, of all, of copies", (t) => {
  const dir = folder(), n = 200_000, x = new Float64Array(n).fill(0.3);
  const run = (source: string, args: readonly unknown[], rates: object): string => {
    const file = join(dir, `${Math.random()}.json`);
    // Those of the processor do not matter here.
    writeFileSync(file, JSON.stringify({ launch: GPU_RATES.launch, gpu: GPU_RATES.gpu, ...rates }));
    return within(file, () => { const f = jit(python({ source: `import numpy as np\n${source}`, name: "p.py" }, { function: "f" }), { threads: 1 }) as unknown as Callable; f(...args); return f.report!.device; });
  };
  const wide = "def f(x):\n    return np.sum(np.sin(np.exp(np.cos(np.sin(np.exp(np.cos(np.tanh(x) + x) + x) + x) + x) + x) + x))\n", steps = "def f(x, n):\n    for t in range(n):\n        x[1:-1] = 0.5 * (x[2:] + x[:-2]) * np.sin(x[1:-1])\n    return np.sum(x)\n";
  t.is(run(wide, [x], {}), "cuda");
  t.is(run(wide, [x], { gpu: { ...GPU_RATES.gpu, argument: 1e-7 } }), "cpu");
  t.is(run(wide, [x], { gpu: { ...GPU_RATES.gpu, unit: 1e-9 } }), "cpu");
  t.is(run(steps, [x.slice(0, 20_000), 500], {}), "cuda");
  t.is(run(steps, [x.slice(0, 20_000), 500], { launch: 1e-4 }), "cpu");
});

test.serial("nothing was used beyond its bounds", (t) => { t.is(control.get("mistakes"), 0); });
