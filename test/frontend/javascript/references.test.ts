/** Random functions that give arrays several names, on some paths, in loops, by exchange and through helpers, and change them in place: what JavaScript makes of them, or refused. */
import test from "ava";
import { DaceError, javascript, jit } from "../../../ts/index.js";
import { numbers } from "../../programs/check.js";
import { effort } from "../../support/effort.js";

const HELPERS = "function same(x) { return x; }\nfunction pick(x, y, k) { if (k > 1) { return x; } return y; }\nfunction scaled(x) { for (let q = 0; q < x.length; q++) { x[q] *= 0.9; } return x; }\n";
const NAMES = ["a", "b", "c", "d"];

function source(seed: number): string {
  const next = numbers(seed), below = (n: number): number => Math.floor(next() * n), one = <T>(list: readonly T[]): T => list[below(list.length)]!, name = (): string => one(NAMES);
  let variables = 0;
  const list = (loops: readonly string[], depth: number): string => Array.from({ length: 1 + below(depth === 0 ? 5 : 3) }, () => statement(loops, depth)).join(" ");
  function statement(loops: readonly string[], depth: number): string {
    const x = name(), y = name(), at = (): string => one(["0", "1", "n - 1", ...loops]);
    switch (below(depth < 2 ? 10 : 8)) {
      case 0: case 1: return `${x} = ${y};`;
      case 2: return `${x} = ${y}.${one(["slice()", "map((v) => v * 0.5 + 1)", "subarray(0)"])};`;
      case 3: case 4: return `${x}[${at()}] = ${y}[${at()}] * 1.1 + 0.1;`;
      case 5: { const k = `k${variables++}`; return `for (let ${k} = 0; ${k} < n; ${k}++) { ${x}[${k}] += 0.2 * ${y}[${k}]; }`; }
      case 6: return `[${x}, ${y}] = [${y}, ${x}];`;
      case 7: return `${x} = ${one([`same(${y})`, `pick(${y}, ${name()}, ${loops[0] ?? "m"})`, `scaled(${y})`])};`;
      case 8: return `if (${one(["n > 4", "m > 1", `${x}[0] > 0.4`, ...loops.map((i) => `${i} % 2 === 0`)])}) { ${list(loops, depth + 1)} }${below(2) ? ` else { ${list(loops, depth + 1)} }` : ""}`;
      default: { const i = `i${variables++}`; return `for (let ${i} = 0; ${i} < ${one(["3", "m", "n - 2"])}; ${i}++) { ${list([i, ...loops], depth + 1)} }`; }
    }
  }
  return `${HELPERS}function f(a, b, m) { const n = a.length; let c = ${one(["a", "a.slice()"])}, d = ${one(["b", "b.map((v) => v * v)"])}; ${list([], 0)} return ${name()}; }`;
}

test("random references", (t) => {
  let ran = 0, refused = 0;
  for (let seed = 1; seed <= effort(150, 2000); seed++) {
    const text = source(seed);
    // eslint-disable-next-line @typescript-eslint/no-implied-eval
    const plain = new Function(`${text}\nreturn f;`)() as (...x: unknown[]) => Float64Array;
    const data = (n: number): [Float64Array, Float64Array] => { const next = numbers(seed + n); return [Float64Array.from({ length: n }, () => 0.2 + 0.7 * next()), Float64Array.from({ length: n }, () => 0.2 + 0.7 * next())]; };
    try {
      const f = jit(javascript({ source: text }, { function: "f" }), { device: "js", cache: false });
      for (const [n, m] of [[5, 0], [5, 1], [4, 3]] as const) {
        const theirs = data(n), ours = data(n), want = plain(...theirs, m), got = (f as unknown as (...x: unknown[]) => Float64Array)(...ours, m);
        for (const [p, q] of [[got, want], [ours[0], theirs[0]], [ours[1], theirs[1]]] as const) if (p.length !== q.length || !p.every((v, k) => Math.abs(v - q[k]!) <= 1e-12 * Math.max(1, Math.abs(q[k]!)))) { t.fail(`seed ${seed}, ${n} elements, m = ${m}: ${[...p].join()} is not ${[...q].join()}\n${text}`); return; }
        ran++;
      }
    } catch (e) {
      if (!(e instanceof DaceError) || e.code !== "ERR_DACE_UNSUPPORTED") { t.fail(`seed ${seed}: ${(e as Error).stack}\n${text}`); return; }
      refused++;
    }
  }
  t.log(`${ran} runs agree, ${refused} functions refused`);
  t.true(ran > refused);
});
