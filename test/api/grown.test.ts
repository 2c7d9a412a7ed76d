/** What grows as a run goes is in the report: sizes by hand, on every backend, called again, and asynchronously. */
import test from "ava";
import { python, vjp } from "../../ts/index.js";
import { nativeAddon } from "../../ts/runtime/addon.js";

const source = `
def f(x, w, limit):
    s = 0.0
    while s < limit:
        x[:] = x * x * w
        s = s + 1.0
    return x
`;
const n = 4096;
process.env["DACE_AD_CUDA"] = "shim";
for (const device of ["js", "cpu", "cuda"] as const) {
  (device !== "js" && !nativeAddon().addon ? test.skip : test)(`tapes of a loop of unknown length are counted (${device})`, async (t) => {
    const f = vjp(python({ source }, { function: "f" }), { device, wrt: ["x"] });
    const x = Float64Array.from({ length: n }, (_, i) => 1 + i / n / 100), w = new Float64Array(n).fill(0.9), ones = { return: new Float64Array(n).fill(1) };
    const peak = (limit: number): number => { f([x.slice(), w, limit], ones); return f.report!.grownBytes; };
    // A row of x per step: at least what was needed, at most what doubling makes of it, and some room for other records.
    for (const steps of [0, 10, 40, 10]) {
      const bytes = peak(steps);
      t.true(bytes >= 8 * n * steps, `${bytes} bytes for ${steps} steps`);
      t.true(bytes <= 2.1 * 8 * n * Math.max(16, steps) + 65536, `${bytes} bytes for ${steps} steps`);
      t.true(f.report!.peakBytes >= bytes + 8 * n);
    }
    const small = peak(10);
    await f.async([x.slice(), w, 40], ones);
    t.true(f.report!.grownBytes >= 8 * n * 40 && f.report!.grownBytes > small);
    f.dispose();
  });
}
test("what does not grow has none", (t) => {
  const f = vjp(python({ source: "def f(x):\n    return x * x\n" }, { function: "f" }), { device: "js" });
  f([Float64Array.of(1, 2)], { return: Float64Array.of(1, 1) });
  t.is(f.report!.grownBytes, 0);
});
