/** What build and coverage tools leave of a source: esbuild (minified too), tsx, type stripping, Istanbul's counters, V8's coverage. */
import test, { type ExecutionContext } from "ava";
import { transformSync, type TransformOptions } from "esbuild";
import { readFileSync } from "node:fs";
import { Module } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { programText } from "../../../ts/frontend/array/text.js";
import { captureFunction, parseJavaScript } from "../../../ts/frontend/javascript/index.js";
import { packageRoot } from "../../../ts/runtime/addon.js";
import { agree } from "./compare.js";
import { Folder, frontend } from "./files.js";

const MODEL = `
import { K as factor, wave } from "./library.js";
const SIZE = 3, { sqrt, abs: magnitude } = Math;
let scratch = 0.25;
enum Never { A }
/** Uses all that tools rewrite. */
export function model(u: Float64Array, n: number, options: { dt?: number } = {}): number {
  const { dt = 0.5 } = options;
  let total = 0, i: number;
  const add = (x: number): void => { total += x * factor; };
  function clip(x: number): number { return x > 1e3 ? 1e3 : x; }
  for (i = 0; i < n; i++) {
    if (u[i]! < 0) { u[i] = 0; continue; }
    u[i]! *= dt;
    add(clip(wave(u[i]!) + sqrt(magnitude(u[i]!)) ** 2));
  }
  let k = u.length - 1;
  while (k > 0) {
    const flag = k % 2 === 0 && u[k]! > u[k - 1]!;
    if (flag) total -= u[k]! ?? 1; else total += 1;
    k--;
  }
  switch (n) { case 1: total += 10; case 2: total += 20; break; default: total += SIZE; }
  [u[0], u[1]] = [u[1]!, u[0]!];
  const last = u?.[u.length - 1];
  return void 0 === last ? 1 : total + scratch + i;
}
`;
const LIBRARY = "export const K = 1.5;\nexport const wave = (x: number): number => Math.sin(x) * K;\n";
const inputs = [[Float64Array.from([1, -2, 3, 0.5]), 4], [Float64Array.from([1, 2]), 2, { dt: 0.1 }], [Float64Array.from([4, 1, 9]), 1]];
type Model = Readonly<Record<"model", never>>;

/** The functions of both files as a tool's CommonJS, loaded from a folder. */
function built(t: ExecutionContext, options: TransformOptions): Model {
  const make = (text: string): string => transformSync(text, { loader: "ts", format: "cjs", ...options }).code;
  const folder = new Folder(t, { "model.js": make(MODEL), "library.js": make(LIBRARY) });
  return folder.require("model.js") as Model;
}

const ways: Readonly<Record<string, TransformOptions>> = {
  "plain": {}, "minified": { minify: true }, "names kept": { keepNames: true }, "minified with names kept": { minify: true, keepNames: true }, "old targets": { target: "es2015" }, "minified for old targets": { target: "es2015", minify: true },
  "whitespace only": { minifyWhitespace: true }, "syntax only": { minifySyntax: true },
};
for (const [name, options] of Object.entries(ways)) {
  test(`esbuild, ${name}`, (t) => {
    const { model } = built(t, options), p = captureFunction(model);
    agree(t, model, p, inputs);
    // Both loops still count.
    t.is(programText(p).match(/: count /g)?.length, 2);
    t.notRegex(programText(p), /: while /);
  });
}

test("esbuild's bundles, from text", (t) => {
  const text = transformSync(MODEL.replace(/^import.*$/m, LIBRARY.replace(/export /g, "").replace("const K", "const factor").replace("* K", "* factor")), { loader: "ts" }).code;
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const model = new Function(`${text.replace(/^export /m, "")}\nreturn model;`)() as never;
  for (const options of Object.values(ways)) for (const format of ["esm", "cjs"] as const) agree(t, model, parseJavaScript({ name: "bundle.js", text: transformSync(text, { ...options, format }).code }, "model"), inputs);
});

test("esbuild, the named programs", (t) => {
  const source = readFileSync(join(packageRoot(), "test", "programs", "programs.js"), "utf8");
  for (const options of [{ minify: true }, { target: "es2015", keepNames: true }]) {
    const folder = new Folder(t, { "p.js": transformSync(source, { ...options, format: "cjs" }).code });
    const all = folder.require("p.js");
    const shape = (s: string): string[] => [...s.matchAll(/: (count|while|do while|for) /g)].map((m) => m[1]!).sort();
    for (const name of Object.keys(all)) t.deepEqual(shape(programText(captureFunction(all[name]))), shape(programText(parseJavaScript({ name: "p.js", text: source }, name))), name);
  }
});

test("tsx: the program, and places in the file that was written", async (t) => {
  const main = `import { createRequire } from "node:module";\nconst load = createRequire(process.cwd() + "/_"), { captureFunction } = load(${frontend("javascript/index")}), { programText } = load(${frontend("array/text")});\nimport { model } from "./model";\nimport { bad } from "./bad";\n`
    + "const p = captureFunction(model);\nlet error: any;\ntry { captureFunction(bad); } catch (e) { error = e; }\nconsole.log(JSON.stringify({ text: programText(p), loc: [p.entry.loc.file.name, p.entry.loc.line, p.entry.loc.column], error: { loc: error.loc, message: error.message } }));\n";
  const bad = "interface Wide {\n  a: number;\n}\nexport const bad = (x: number, _w: Wide): string => {\n  const ü = '😀'; return `${x}`;\n};\n";
  for (const kind of ["mts", "cts"] as const) {
    const folder = new Folder(t, { [`main.${kind}`]: main.replace(/"\.\/(model|bad)"/g, `"./$1.${kind}"`), [`model.${kind}`]: MODEL.replace("./library.js", `./library.${kind}`), [`library.${kind}`]: LIBRARY, [`bad.${kind}`]: bad });
    const got = JSON.parse(await folder.node("--import", pathToFileURL(require.resolve("tsx")).href, `main.${kind}`)) as { text: string; loc: unknown[]; error: { loc: unknown; message: string } };
    t.is(got.text.match(/: count /g)?.length, 2, kind);
    t.deepEqual(got.loc, [folder.file(`model.${kind}`), 7, 8], kind);
    t.deepEqual(got.error.loc, { file: folder.file(`bad.${kind}`), line: 5, column: 25 }, kind);
    t.regex(got.error.message, /5 \| {3}const ü = '😀'; return `\$\{x\}`;\n/);
  }
});

test("type stripping: blanks where types were, places and text of the file itself", (t) => {
  const typed = "const K: number = 3;\nexport_.f = function f(x: number, y?: Array<number>): number {\n  const z = (x as number)! * K;\n  return z;\n};\nexport_.g = (x: number): unknown => { return /a/ as RegExp; };\n".replaceAll("export_", "exports");
  const blank = (s: string): string => s.replace(/\?: Array<number>|: number|: unknown| as (number|RegExp)|\)!/g, (m) => (m === ")!" ? ") " : " ".repeat(m.length)));
  const folder = new Folder(t, { "s.ts": typed }), path = folder.file("s.ts");
  const m = new Module(path) as Module & { _compile(text: string, path: string): void };
  m._compile(`${blank(typed)}\n\n//# sourceURL=${path}`, path);
  const { f, g } = m.exports as Readonly<Record<"f" | "g", never>>;
  const p = captureFunction(f);
  agree(t, f, p, [[2]]);
  t.is(p.source.text, typed);
  t.deepEqual([p.source.name, p.entry.loc.line, p.entry.loc.column], [path, 2, 13]);
  const e = t.throws(() => captureFunction(g), { code: "ERR_DACE_UNSUPPORTED" });
  t.regex((e as Error).message, /s\.ts:6:46\n[\s\S]*6 \| exports\.g = \(x: number\): unknown => \{ return \/a\/ as RegExp; \};\n/);
});

const COUNTED = `
function cov_1f2e3d() {
  var path = "/m.js", hash = "x", global = new Function("return this")(), gcv = "__coverage__", coverageData = { s: { "0": 0, "1": 0, "2": 0, "3": 0, "4": 0 }, f: { "0": 0, "1": 0 }, b: { "0": [0, 0], "1": [0], "2": [0, 0] } };
  var coverage = global[gcv] || (global[gcv] = {});
  if (!coverage[path] || coverage[path].hash !== hash) { coverage[path] = coverageData; }
  var actualCoverage = coverage[path];
  { cov_1f2e3d = function () { return actualCoverage; }; }
  return actualCoverage;
}
cov_1f2e3d();
const K = (cov_1f2e3d().s[0]++, 2);
const half = (cov_1f2e3d().s[1]++, x => { cov_1f2e3d().f[0]++; cov_1f2e3d().s[2]++; return x / K; });
function f(a, n = (cov_1f2e3d().b[1][0]++, 3)) {
  cov_1f2e3d().f[1]++;
  let s = (cov_1f2e3d().s[3]++, 0);
  cov_1f2e3d().s[4]++;
  for (let i = (cov_1f2e3d().s[4]++, 0); i < n; i++) {
    cov_1f2e3d().s[4]++;
    if ((cov_1f2e3d().b[2][0]++, a[i] > 0) && (cov_1f2e3d().b[2][1]++, a[i] < 5)) { cov_1f2e3d().b[0][0]++; cov_1f2e3d().s[3]++; s += (0, half)(a[i]); } else { cov_1f2e3d().b[0][1]++; }
  }
  cov_1f2e3d().s[4]++;
  return n === 2 ? (cov_1f2e3d().b[0][0]++, s) : (cov_1f2e3d().b[0][1]++, -s);
}
`;
test("Istanbul's counters are no part of the program", (t) => {
  const folder = new Folder(t, { "m.js": `${COUNTED}\nmodule.exports = { f };` }), { f } = folder.require("m.js") as Readonly<Record<"f", never>>;
  const data = [[Float64Array.from([1, 7, 3, -1])], [Float64Array.from([1, 2, 3]), 2]];
  for (const p of [captureFunction(f), parseJavaScript({ name: "m.js", text: COUNTED }, "f")]) {
    agree(t, f, p, data);
    t.notRegex(programText(p), /cov_/);
    t.regex(programText(p), /count i from 0 to n step 1/);
  }
});

test("under V8's coverage and source maps", async (t) => {
  const folder = new Folder(t, { "m.cjs": `const { captureFunction } = require(${frontend("javascript/index")}), { programText } = require(${frontend("array/text")});\nconst K = 3, g = (x) => x * K;\nfunction f(x) { return g(x) + 1; }\nf(1);\nconst p = captureFunction(f);\nconsole.log(programText(p) + p.entry.loc.line + ":" + p.entry.loc.column);\n` });
  for (const flags of [["--enable-source-maps"], ["--expose-gc"], ["-e", "process.env.NODE_V8_COVERAGE = process.cwd() + '/cov'; process.stdout.write(require('child_process').execFileSync(process.execPath, ['m.cjs']))"]]) {
    t.is(await folder.node(...flags, ...(flags[0] === "-e" ? [] : ["m.cjs"])), "program f (javascript)\ndef f(x) locals t\n  const t = g(x)\n  return (t + 1)\nglobal K = captured 3\nglobal g\ndef g(x)\n  return (x * K)\n3:1\n");
  }
});
