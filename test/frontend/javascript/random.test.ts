/** Random functions: the array program does what the function does, from its source and from what esbuild makes of it. */
import test, { type ExecutionContext } from "ava";
import { transformSync } from "esbuild";
import fc from "fast-check";
import { agreeText } from "./compare.js";
import { randomFunction } from "./random-functions.js";

const inputs: unknown[][] = [[Float64Array.from([3, -1, 4, 1, -5, 9, 2, -6]), 3], [Float64Array.from([0, 0.5, 0, 2, 1, 0, -2, 7]), 5]];

/** The assertions of `agreeText` as exceptions, so that fast-check can shrink. */
const throwing = {
  fail: (message: string) => { throw new Error(message); },
  regex: (s: string, r: RegExp, note: string) => { if (!r.test(s)) throw new Error(`${s} is not ${String(r)}\n${note}`); },
  deepEqual: (a: unknown, b: unknown, note: string) => {
    const text = (v: unknown): string => JSON.stringify(v, (_, x: unknown) => (typeof x === "number" && (Object.is(x, -0) || !Number.isFinite(x)) ? `#${Object.is(x, -0) ? "-0" : x}` : x));
    if (text(a) !== text(b)) throw new Error(`${text(a)}\n is not \n${text(b)}\n${note}`);
  },
} as unknown as ExecutionContext;

function check(runs: number, change: (source: string) => string): void {
  fc.assert(fc.property(randomFunction(), (source) => { 
    const text = change(source);
    // For code that it takes for dead esbuild forgets to declare its temporaries.
    fc.pre([...text.matchAll(/\b_[a-z]\b/g)].every(([name]) => new RegExp(`var [^;]*\\b${name}\\b`).test(text)));
    agreeText(throwing, text, inputs, source);
  }), { numRuns: runs, includeErrorInReport: true });
}

test("sources as written", (t) => { check(600, (s) => s); t.pass(); });
test("minified by esbuild", (t) => {
  check(200, (s) => transformSync(`${s}\nexport { f };`, { minify: true, format: "cjs" }).code);
  check(100, (s) => transformSync(`${s}\nexport { f };`, { minify: true, target: "es2015", format: "esm" }).code);
  t.pass();
});
test("with names kept, for old targets", (t) => {
  check(200, (s) => transformSync(`${s}\nexport { f };`, { keepNames: true, target: "es2019", format: "cjs" }).code);
  t.pass();
});
