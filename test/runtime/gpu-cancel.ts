/** Programs with loops that do not end inside of kernels, cancelled: the run rejects, writes nothing, gives its memory back, and the next one is right. */
import type { ExecutionContext, TestFn } from "ava";
import { jit, python } from "../../ts/index.js";
import { nativeAddon } from "../../ts/runtime/addon.js";

export const numpy = (source: string): ReturnType<typeof python> => python({ source: `import numpy as np\n${source}`, name: "p.py" }, { function: "f" });
export const memory = (): { readonly inUse: number; readonly blocks: number } => nativeAddon().addon!.gpu(0).memory();

export interface Case { readonly name: string; readonly source: string; /** What is in the device's text. */ readonly kernel: RegExp; readonly ends: () => readonly unknown[]; readonly endless: () => readonly unknown[]; readonly blocks?: string }
export const array = (n: number): Float64Array => Float64Array.from({ length: n }, (_, i) => 1 + i / 8);
const RISING = `def f(x, limit):
    while np.sum(x) < limit:
        x[:] = np.minimum(x + 1.0, 1e6)
    return np.sum(x)
`;
export const CASES: readonly Case[] = [
  {
    name: "a loop of each element's own", kernel: /__launch_bounds__\(256\)[^}]*stopped\(/, ends: () => [array(300), 50], endless: () => [array(300), Infinity],
    source: "def f(x, limit):\n    for i in range(x.shape[0]):\n        s = x[i]\n        while s < limit:\n            s = min(s * 1.5, 1e6)\n        x[i] = s\n    return np.sum(x)\n",
  },
  {
    name: "a loop of one thread", kernel: /__launch_bounds__\(1\)[^}]*stopped\(/, ends: () => [array(4), 50], endless: () => [array(4), Infinity],
    source: "def f(x, limit):\n    s = x[0]\n    while s < limit:\n        s = min(s * 1.5, 1e6)\n    x[0] = s\n    return s\n",
  },
  {
    name: "rounds whose length sizes decide, by one thread", kernel: /& 255\) == 255 && stopped\(/, ends: () => [array(9), 3], endless: () => [array(9), Infinity],
    source: "def f(x, limit):\n    s = x[0]\n    while s < limit:\n        for i in range(1, x.shape[0]):\n            s = min(0.5 * s + x[i], 1e6)\n        x[0] = x[0] + 1.0\n    return s\n",
  },
  { name: "rounds of one block", kernel: /__launch_bounds__\(512\)/, ends: () => [array(20), 100], endless: () => [array(20), Infinity], source: RISING },
  { name: "rounds of launches", kernel: /__launch_bounds__\(256\)/, ends: () => [array(20), 100], endless: () => [array(20), Infinity], source: RISING, blocks: "off" },
  {
    name: "a block's loop as long as data say", kernel: /__syncthreads\(\); if \(threadIdx\.x == 0\) \*\(i64\*\)shared = stopped\(/, ends: () => [array(12), BigInt64Array.of(1n, 0n, 3n)], endless: () => [array(12), BigInt64Array.of(1n, 10n ** 15n, 3n)],
    source: "def f(x, n):\n    for t in range(n.shape[0]):\n        for k in range(n[t]):\n            x[1:-1] = 0.5 * x[1:-1] + 0.1 * x[:-2]\n    return np.sum(x)\n",
  },
];

function withBlocks<T>(c: Case, f: () => T): T {
  process.env["DACE_AD_CUDA_BLOCKS"] = c.blocks ?? "";
  try { return f(); } finally { delete process.env["DACE_AD_CUDA_BLOCKS"]; }
}
/** Values, and the first argument as the run leaves it. */
const outcome = (args: readonly unknown[], value: unknown): readonly number[] => [Number(value), ...args[0] as Float64Array];
async function cancelled(t: ExecutionContext, c: Case, waits: readonly number[]): Promise<void> {
  const program = numpy(c.source), f = withBlocks(c, () => jit(program, { device: "cuda" })), first = c.ends(), expected = c.ends(), cpu = jit(program, { device: "cpu" })(...expected), want = outcome(expected, cpu);
  t.regex(withBlocks(c, () => f.lower(...first).plan.cuda!.device), c.kernel);
  const right = (): void => { const args = c.ends(), got = outcome(args, withBlocks(c, () => f(...args))); t.is(got.length, want.length); t.true(got.every((v, k) => Math.abs(v - want[k]!) <= 1e-12 * Math.abs(want[k]!)), c.name); };
  right();
  for (const wait of waits) {
    const args = c.endless(), before = (args[0] as Float64Array).slice(), abort = new AbortController(), reason = new Error(`no longer wanted after ${wait} ms`);
    const done = f.async(...args, { signal: abort.signal } as never);
    setTimeout(() => { abort.abort(reason); }, wait);
    t.is(await (done as Promise<unknown>).then(() => undefined, (e: unknown) => e), reason);
    t.deepEqual(args[0], before, "a cancelled run writes nothing back");
    right();
  }
}

/** The cases that are `wanted`, on the driver in use and on the shim. */
export function registerCancelled(test: TestFn, wanted: (name: string) => boolean, waits: readonly number[]): void {
  for (const c of CASES.filter((x) => wanted(x.name))) for (const device of ["", "shim"]) test.serial(`${c.name}: cancelled${device === "" ? "" : " on the shim"}`, async (t) => {
    process.env["DACE_AD_CUDA"] = device;
    try { await cancelled(t, c, waits); } finally { process.env["DACE_AD_CUDA"] = ""; }
    t.is(memory().inUse, 0);
    t.is(memory().blocks, 0);
  });
}
