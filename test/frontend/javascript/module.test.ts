/** Functions of source texts: every way to export one, module constants, TypeScript, and the named programs. */
import test from "ava";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { programText } from "../../../ts/frontend/array/text.js";
import { captureFunction, parseJavaScript } from "../../../ts/frontend/javascript/index.js";
import { packageRoot } from "../../../ts/runtime/addon.js";
import { agree, agreeText } from "./compare.js";
import { interpret } from "./interpret.js";

const text = (source: string, name = "f", file = "m.js"): string => programText(parseJavaScript({ name: file, text: source }, name));
const entry = (source: string, name = "f", file = "m.js"): string => text(source, name, file).split("\n").slice(1).join("; ").replace(/; $/, "");

test("ways to name a function", (t) => {
  const plain = "def f(x);   return (x * 2)";
  for (const source of [
    "function f(x) { return x * 2; }", "export function f(x) { return x * 2; }", "const f = (x) => x * 2;", "export const f = (x) => x * 2;", "const f = function (x) { return x * 2; };", "let f; f = (x) => x * 2;", "var g = (x) => x * 2; const f = g;",
    "const g = (x) => x * 2; export { g as f };", "module.exports = { f(x) { return x * 2; } };", "module.exports = { f: (x) => x * 2 };", "exports.f = (x) => x * 2;", "module.exports.f = function (x) { return x * 2; };",
    "Object.defineProperty(exports, '__esModule', { value: true }); exports.f = void 0; const f = (x) => x * 2; exports.f = f;", "'use strict'; exports.f = f; function f(x) { return x * 2; }", "function g(x) { return x * 2; } exports.f = exports.h = g;",
    "function q(x) { return x * 2; } module.exports = { f: q };", "function q(x) { return x * 2; } module.exports = { q, f: q };", "export default 3; export const f = (x) => (x * 2);",
  ]) t.is(entry(source), plain, source);
  t.is(entry("export default (x) => x * 2;", "default"), "def default(x);   return (x * 2)");
  t.is(entry("export default function named(x) { return x * 2; }", "default"), "def named(x);   return (x * 2)");
  t.is(entry("export default function named(x) { return x * 2; }", "named"), "def named(x);   return (x * 2)");
  t.is(entry("const g = (x) => x * 2; export default g;", "default"), "def default(x);   return (x * 2)");
  t.is(entry("module.exports = (x) => x * 2;", "default"), "def default(x);   return (x * 2)");
});

test("module constants are evaluated once, and only those that are used", (t) => {
  const source = [
    "import fs from 'fs';", "const N = 4, M = N * 2, unused = fs.read();", "const { sqrt: s, PI } = Math, e = Math.exp;", "const grid = [[1, 2], [3, M]], settings = { dt: 0.5, deep: { k: N } };", "const w = Float64Array.of(1, 2, 3), zero = new Float64Array(N);",
    "let count = 7;", "const area = (r) => PI * r ** 2;", "function helper(x) { return area(x) + s(x) + e(0); }",
    "function f(x) { return helper(x) + grid[1][1] * settings.dt + settings.deep.k + w[1] + zero.length + count + M; }",
  ].join("\n");
  agreeText(t, source, [[1], [2.25]], source.replace(/^import.*$/m, "const fs = { read() {} };"));
  const out = text(source);
  t.regex(out, /\nglobal M = \(N \* 2\)\n/);
  t.regex(out, /\nglobal N = 4\n/);
  t.notRegex(out, /unused|global PI/);
  t.regex(text("const { dt, n } = { dt: 0.5, n: 3 };\nfunction f(x) { for (let i = 0; i < n; i++) x += dt; return x; }"), /global dt = \{dt: 0\.5, n: 3\}\.dt\n/);
  // A step that is a module constant keeps a loop counted.
  t.regex(text("const STEP = 2;\nfunction f(n) { let s = 0; for (let i = 0; i < n; i += STEP) s += i; return s; }"), /count i from 0 to n step 2/);
});

test("a global does not take the name of a variable, whichever comes first", (t) => {
  agreeText(t, "const n = 3;\nfunction g(x) { return x * n; }\nfunction f(x) { let n = 1; n += g(x); const g_1 = n; return g_1 + n; }", [[2]]);
  agreeText(t, "const x = 3;\nfunction g(y) { return x * y; }\nfunction f(x) { return g(x); }", [[2]]);
});

test("TypeScript files, and TypeScript text", (t) => {
  const ts = "interface P { dt: number }\ntype V = Float64Array;\nexport function f(this: void, u: V, p: P, n = 3 as number): number {\n  let s: number = 0;\n  for (let i = 0; i < n!; i++) s += (u[i]! as number) * p.dt;\n  const g = <T,>(x: T): T => x;\n  return g<number>(s) satisfies number;\n}\n";
  const js = "function f(u, p, n = 3) { let s = 0; for (let i = 0; i < n; i++) s += u[i] * p.dt; const g = (x) => x; return g(s); }";
  for (const name of ["m.ts", "m.mts", "m.cts", "<source>"]) t.is(text(ts, "f", name), text(js));
});

test("the named programs, from their text and from the functions", (t) => {
  const file = join(packageRoot(), "test", "programs", "programs.js"), source = readFileSync(file, "utf8");
  const all = createRequire(file)(file) as Readonly<Record<string, never>>;
  const names = Object.keys(all);
  t.true(names.length >= 28);
  for (const name of names) {
    const p = parseJavaScript({ name: file, text: source }, name);
    // Every loop of these can be differentiated.
    t.notRegex(programText(p), /: (do )?while /, name);
    t.is(programText(captureFunction(all[name])), programText(p), name);
  }
  const random = (n: number, k: number): Float64Array => Float64Array.from({ length: n }, (_, i) => 0.5 + Math.sin(i * 12.9898 + k) * 0.4);
  const inputs: Readonly<Record<string, readonly unknown[]>> = {
    heat_3d: [2, 4, random(64, 1), random(64, 2)], lu: [4, random(16, 1)], cholesky: [3, Float64Array.from([4, 1, 1, 1, 5, 1, 1, 1, 6])], deriche: [0.25, 4, 5, random(20, 1)], adi: [2, 5, random(25, 1)],
    go_fast: [3, random(9, 1)], mlp: [2, 3, 4, 3, 2, random(6, 1), random(12, 2), random(4, 3), random(12, 4), random(3, 5), random(6, 6), random(2, 7)], durbin: [random(6, 1)], vadv: [2, 2, 4, ...[16, 16, 24, 16, 16].map((n, i) => random(n, i)), 3.5],
    hdiff: [2, 3, 2, random(84, 1), random(12, 2), random(12, 3)], conv2d: [1, 4, 4, 2, 2, 3, random(32, 1), random(36, 2), random(2, 3)], gramschmidt: [4, 3, random(12, 1)], softmax: [2, 3, random(6, 1)],
  };
  for (const [name, args] of Object.entries(inputs)) agree(t, all[name]!, parseJavaScript({ name: file, text: source }, name), [args], name);
});

test("the shallow-water example", (t) => {
  const file = join(packageRoot(), "examples", "shallow_water.js"), model = createRequire(file)(file) as Readonly<Record<string, (...args: unknown[]) => number>>;
  const args = (): unknown[] => [...[20, 24, 25].map((n, i) => Float64Array.from({ length: n }, (_, k) => 0.01 * Math.sin(k + i))), new Float64Array(20).fill(5), 4, 5, 6, 0.1, 30, 1, 3, 1, 4];
  for (const p of [parseJavaScript({ name: file, text: readFileSync(file, "utf8") }, "harbourEnergy"), captureFunction(model["harbourEnergy"])]) {
    t.notRegex(programText(p), /: (do )?while /);
    t.is(interpret(p)(...args()), model["harbourEnergy"]!(...args()));
  }
});
