/** Gradients through while loops, break, continue and early return: both languages, both devices, one and two threads, against extrapolated differences. */
import test from "ava";
import { grad, python, valueAndGrad, vjp } from "../../ts/index.js";
import { nativeAddon } from "../../ts/runtime/addon.js";
import { checkTwin } from "../programs/twins.js";
import { EXITS } from "./exits-programs.js";
import { slowly } from "../support/effort.js";

const DEVICES = [["js", { device: "js", cache: false }], ["cpu, one thread", { device: "cpu", threads: 1 }], ["cpu, two threads", { device: "cpu", threads: 2 }]] as const;

for (const [device, options] of DEVICES) for (const language of ["python", "javascript"] as const) for (const p of EXITS) {
  (language === "python" || device === "js" ? test : slowly)(`${p.name} (${language}, ${device})`, (t) => {
    const r = checkTwin(p, language, options);
    t.true(r.value <= 1e-13, `values differ by ${r.value}`);
    t.true(r.gradient <= 1e-8, `gradients differ by ${r.gradient}`);
  });
}

interface Kept { readonly storage: string; readonly role?: string }
const kept = (f: (...a: never[]) => unknown, args: unknown[], options = {}): string[] => {
  const verb = grad(f as (...a: unknown[]) => number, { device: "js", cache: false, ...options }) as unknown as { lower(...a: unknown[]): { plan: { buffers: readonly Kept[] } } };
  return verb.lower(...args).plan.buffers.filter((b) => b.role === "tape").map((b) => b.storage);
};

test("loops that are linear in what is differentiated keep nothing per iteration", (t) => {
  t.deepEqual(kept((x: number) => { let s = x; while (s < 100) s = s * 1.5 + x; return s; }, [1]), []);
  t.deepEqual(kept((x: number) => { let s = x; for (;;) { s = s * 1.5; if (s > 50) break; s = s + 0.25 * x; if (s > 80) { s = s * 0.5; break; } } return s; }, [1]), []);
  t.deepEqual(kept((x: Float64Array) => { for (let i = 0; i < x.length; i++) for (let j = 0; j < i; j++) { if (x[i]! > 3) return x[j]!; x[i] = x[i]! + 0.5 * x[j]!; } return x[0]! + x[3]!; }, [new Float64Array(4)]), []);
  t.deepEqual(kept((x: number) => { let s = x; while (s < 100) s = s * s; return s; }, [1]), ["growable"]);
});

test("a loop in a map that may be left keeps the map and has tapes of a known size", (t) => {
  const f = (c: Float64Array, out: Float64Array, limit: number): void => { for (let i = 0; i < c.length; i++) { let z = 0; for (let k = 0; k < limit; k++) { if (z > 4) break; z = z * z + c[i]!; } out[i] = z; } };
  const verb = vjp(f as never, { device: "js", cache: false }) as never as { lower(...a: unknown[]): { stages: Record<string, string>; plan: { buffers: readonly Kept[] } } };
  const l = verb.lower([new Float64Array(4), new Float64Array(4), 6]);
  t.deepEqual(l.plan.buffers.filter((b) => b.storage === "growable"), []);
  t.regex(l.stages["planned"]!, /map \[i/);
});

const LONG = python({ source: "def f(x, r, tol):\n    n = 0\n    s = x\n    while s - 0.5 > tol:\n        s = s - r * (s - 0.5) * s\n        n = n + 1\n    return s * n + n * x\n" }, { function: "f" });
for (const [device, options] of DEVICES) test(`hundreds of thousands of iterations (${device})`, (t) => {
  let n = 0, s = 0.9, d = 1;
  while (s - 0.5 > 1e-3) { const before = s; s -= 4e-5 * (before - 0.5) * before; d *= 1 - 4e-5 * (2 * before - 0.5); n++; }
  const r = valueAndGrad(LONG, { ...options, wrt: "x" })(0.9 as never, 4e-5 as never, 1e-3 as never) as { value: number; grad: number };
  t.true(n > 2e5);
  t.true(Math.abs(r.value - (s * n + n * 0.9)) < 1e-7 * n);
  t.true(Math.abs(r.grad - (d * n + n)) < 1e-7 * n, `${r.grad}, expected ${d * n + n}`);
});

test("memory of tapes that grow comes back", (t) => {
  valueAndGrad(LONG, { device: "cpu", wrt: "x" })(0.9 as never, 4e-5 as never, 1e-3 as never);
  t.is(nativeAddon().addon!.memory().inUse, 0);
});

test("a loop that does not end is cancelled while its tape grows", async (t) => {
  const endless = grad(python({ source: "import numpy as np\ndef f(x):\n    while x < 2.0:\n        x = np.sin(x) * 1.1\n    return x\n" }, { function: "f" }), { device: "cpu" });
  const reason = new Error("enough");
  const signal = new AbortController();
  setTimeout(() => { signal.abort(reason); }, 30);
  await t.throwsAsync((endless as unknown as { async(...a: unknown[]): Promise<unknown> }).async(0.7, { signal: signal.signal }), { is: reason });
  t.is(nativeAddon().addon!.memory().inUse, 0);
});
