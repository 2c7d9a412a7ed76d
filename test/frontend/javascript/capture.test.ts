/** Live functions: their sources, what they close over, and where problems are reported. */
import test from "ava";
import { DaceError } from "../../../ts/base/errors.js";
import type { ArrayProgram } from "../../../ts/frontend/array/ast.js";
import { programText } from "../../../ts/frontend/array/text.js";
import { captureFunction } from "../../../ts/frontend/javascript/index.js";
import { agree, agreeLive } from "./compare.js";
import { Folder, frontend } from "./files.js";

function failure(f: unknown, options = {}): DaceError {
  try { captureFunction(f, options); } catch (e) { if (e instanceof DaceError) return e; throw e; }
  throw new Error("accepted");
}
const captured = (p: ArrayProgram): Record<string, unknown> => Object.fromEntries([...p.globals].flatMap(([k, g]) => (g.kind === "value" ? [[k, g.value]] : [])));
const code = (e: DaceError): string => e.code.slice("ERR_DACE_".length);

const K = 3, weights = Float64Array.from([1, 2, 3]), table = [[1, 2], [3, 4]], settings = { dt: 0.5, grid: { n: 4 }, w: weights }, { exp, max: largest } = Math;
let changing = 1;
function helper(x: number): number { return x * K + weights[1]!; }

test("numbers, arrays and helper functions of the module", (t) => {
  const p = agreeLive(t, (x: number) => helper(x) + table[1]![0]! * settings.dt + settings.grid.n + exp(0) + largest(x, 2), [[1], [2.5]]);
  const values = captured(p);
  t.is(values["K"], 3);
  t.is(values["weights"], weights);
  t.deepEqual(values["table"], table);
  t.is(values["settings_dt"], 0.5);
  t.is(p.globals.get("helper")?.kind, "function");
});

test("variables of the functions around, each closure with its own", (t) => {
  const make = (k: number) => { const twice = k * 2; return (x: number) => { const inner = (y: number): number => y * twice + k; return inner(x); }; };
  const two = make(2), five = make(5);
  const p = agreeLive(t, (x: number) => two(x) + five(x), [[1], [2.5]]);
  t.deepEqual(Object.values(captured(p)).sort(), [10, 2, 4, 5]);
});

test("the same typed array under two names is one", (t) => {
  const a = new Float64Array(3), b = a, m = { a };
  const p = captureFunction(() => { a[0] = b[1]! + m.a[2]!; });
  t.deepEqual([...p.globals.keys()].length, 1);
  t.is(Object.values(captured(p))[0], a);
});

test("a captured name that a local has too is told apart", (t) => {
  const x = 5, g = (i: number): number => i + x;
  agreeLive(t, (i: number) => { let s = 0; for (let x = 0; x < i; x++) s += g(x); return s; }, [[3]]);
});

test("methods that do not use this", (t) => {
  class Model { static area(r: number): number { return K * r * r; } step(u: number): number { return u + K; } }
  const object = { scale(x: number): number { return x * K; }, shift: (x: number) => x + K, "odd name"(x: number) { return x - K; }, 7: (x: number) => x / K };
  // eslint-disable-next-line @typescript-eslint/unbound-method
  for (const f of [Model.area, Model.prototype.step, object.scale, object.shift, object["odd name"], object[7]]) agreeLive(t, f, [[2], [3.5]]);
  agreeLive(t, (x: number) => object.scale(x) + object.shift(x) + object["odd name"](x), [[2]]);
});

test("given captures come before those that are found", (t) => {
  const p = captureFunction((x: number) => x * K + helper(x), { captures: { K: 10, helper: (y: number) => y + 1 } });
  agree(t, ((x: number) => x * 10 + x + 1), p, [[2]]);
});

test("a captured variable that the program assigns is CAPTURE, also in what it calls", (t) => {
  const bump = (): void => { changing++; };
  const e = failure(() => { changing = 2; });
  t.is(code(e), "CAPTURE");
  t.regex(e.message, /changing is reassigned/);
  t.truthy(e.hint);
  t.is(code(failure((x: number) => { bump(); return x; })), "CAPTURE");
  t.is(code(failure((x: number) => { [changing] = [x]; })), "CAPTURE");
  t.is(code(failure((x: number) => { settings.dt = x; })), "CAPTURE");
  t.is(code(failure((x: number) => { table[0]![1] = x; })), "CAPTURE");
  t.is(code(failure((x: number) => { table[0] = [x]; })), "CAPTURE");
  // Reading it is fine, and so is writing to a typed array.
  agreeLive(t, (x: number) => x + changing, [[1]]);
  t.notThrows(() => captureFunction((x: number) => { weights[0] = x; settings.w[1] = x; }));
  changing = 1;
});

test("functions without source", (t) => {
  t.is(code(failure(Math.sin)), "SOURCE_UNAVAILABLE");
  const e = failure(helper.bind(null));
  t.is(code(e), "SOURCE_UNAVAILABLE");
  t.regex(e.message, /bound function helper/);
  t.is(code(failure(class A {})), "UNSUPPORTED");
  // eslint-disable-next-line @typescript-eslint/unbound-method
  t.is(code(failure(Object.getOwnPropertyDescriptor({ get x() { return 1; } }, "x")!.get)), "UNSUPPORTED");
  t.is(code(failure(7)), "ARGUMENT");
  const bound = helper.bind(null), parse = globalThis.parseInt, k = new Map<number, number>(), when = new Date(0), sym = Symbol("s"), lazy = { get v() { return 1; } };
  t.is(code(failure((x: number) => bound(x))), "SOURCE_UNAVAILABLE");
  t.is(code(failure((x: number) => parse(String(x)))), "SOURCE_UNAVAILABLE");
  t.regex(failure((x: number) => k.get(x)).message, /UNSUPPORTED: k is a Map\n/);
  t.regex(failure(() => when.getTime()).message, /UNSUPPORTED: when is a Date\n/);
  t.regex(failure(() => sym).message, /UNSUPPORTED: sym is a symbol\n/);
  t.regex(failure(() => lazy.v).message, /UNSUPPORTED: lazy\.v is a getter\n/);
});

test("functions made from text, and in the global scope", (t) => {
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const f = new Function("a", "b", "return a * b + globalNumberForTest") as (a: number, b: number) => number;
  (globalThis as Record<string, unknown>)["globalNumberForTest"] = 4;
  agreeLive(t, f, [[2, 3]]);
  delete (globalThis as Record<string, unknown>)["globalNumberForTest"];
  t.is(code(failure(f)), "CAPTURE");
});

const LIBRARY = "export const scale = 4;\nexport function wave(x) {\n  return Math.sin(x) * scale;\n}\nexport const broken = (x) =>\n  x + `${x}`;\nlet hidden = 2;\nexport { hidden as shown };\n";
const MAIN = [
  'import { wave, scale as s, shown, broken } from "./library.mjs";', 'import * as all from "./library.mjs";', "const size = 3;", "let later;",
  "export const f = (u, n) => { for (let i = 0; i < n; i++) u[i] = wave(u[i]) * s + all.scale * shown + size; return u; };",
  "export function g(u) {", "  const ü = '😀'; return broken(u);", "}", "export const h = () => tdz;", "export const early = captureNow(() => tdz);", "const tdz = 1;", "",
].join("\n");

test("ES modules: imports, namespaces, positions in the file that holds the function", async (t) => {
  const folder = new Folder(t, { "library.mjs": LIBRARY, "main.mjs": MAIN.replace("captureNow", "globalThis.captureNowForTest") });
  let early: DaceError | undefined;
  (globalThis as Record<string, unknown>)["captureNowForTest"] = (f: unknown): void => { early = failure(f); };
  const m = await folder.import("main.mjs");
  delete (globalThis as Record<string, unknown>)["captureNowForTest"];
  const p = captureFunction(m["f"]);
  agree(t, m["f"], p, [[Float64Array.from([1, 2, 3]), 2]]);
  t.is(p.source.name, folder.file("main.mjs"));
  t.deepEqual([p.entry.loc.line, p.entry.loc.column], [5, 18]);
  const wave = p.globals.get("wave");
  t.deepEqual(wave?.kind === "function" && [wave.def.loc.file.name, wave.def.loc.line, wave.def.loc.column], [folder.file("library.mjs"), 2, 8]);
  const e = failure(m["g"]);
  t.deepEqual(e.loc, { file: folder.file("library.mjs"), line: 6, column: 3 });
  t.regex(e.message, /ERR_DACE_UNSUPPORTED: building a string\n {2}\S+library\.mjs:6:3\n/);
  t.is(early && code(early), "CAPTURE");
  t.notThrows(() => captureFunction(m["h"]));
});

test("CommonJS modules, columns in characters, two functions of one text", (t) => {
  const folder = new Folder(t, { "a.cjs": "const { sqrt: s, PI } = Math, N = 2; var v = 3;\nconst make = (k) => (x) => s(x * k) + PI;\nmodule.exports = { one: make(1), two: make(2), bad: (x) => { const π = '😀😀'; return x in π; }, use: (x) => N * v * module.exports.one(x) };\n" });
  const m = folder.require("a.cjs") as Readonly<Record<string, (x: number) => number>>;
  agree(t, m["one"] as never, captureFunction(m["one"]), [[4]]);
  agree(t, m["two"] as never, captureFunction(m["two"]), [[4]]);
  t.deepEqual(captureFunction(m["two"]).entry.loc.line, 2);
  const e = failure(m["bad"]);
  t.deepEqual(e.loc, { file: folder.file("a.cjs"), line: 3, column: 85 });
});

test("recursion of the entry names itself", (t) => {
  const folder = new Folder(t, { "r.cjs": "function fact(n) { return n < 2 ? 1 : n * fact(n - 1); }\nmodule.exports = { fact, named: function inner(n) { return n < 2 ? 1 : n * inner(n - 1); } };\n" });
  const m = folder.require("r.cjs");
  agree(t, m["fact"]!, captureFunction(m["fact"]), [[5]]);
  agree(t, m["named"]!, captureFunction(m["named"]), [[5]]);
});

test("all problems of what is reached come in one error", (t) => {
  const bad = (x: number): string => `${x}`;
  const e = failure((x: number) => { try { x += 1; } catch (e) { x = e as number; } return typeof x in { a: 1 } ? bad(x) : undefinedNameForTest; });
  t.deepEqual([e.summary, ...e.notes.map((n) => n.message)], ["building a string", "using what is caught", "the operator in", "undefinedNameForTest is not defined, or its value cannot be read"]);
  t.true(e.notes.every((n) => n.loc));
});
declare const undefinedNameForTest: number;

test("where the inspector is refused, captured values are asked for by name", async (t) => {
  const script = (body: string): string => `const { captureFunction } = require(${frontend("javascript/index")}), { programText } = require(${frontend("array/text")});\nconst K = 3;\nfunction f(x) { return x * K + Math.sin(x); }\n${body}`;
  const folder = new Folder(t, {
    "refused.cjs": script("try { captureFunction(f); } catch (e) { console.log(JSON.stringify({ code: e.code, hint: e.hint, loc: e.loc, message: e.message })); }"),
    "given.cjs": script("console.log(programText(captureFunction(f, { captures: { K } })));"),
    "free.cjs": script("console.log(programText(captureFunction((x) => { const y = Math.exp(x); return y / Number.EPSILON; })));"),
  });
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
  const flags = [major > 23 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13) ? "--permission" : "--experimental-permission", "--allow-fs-read=*"];
  const e = JSON.parse(await folder.node(...flags, "refused.cjs")) as { code: string; hint: string; loc: object; message: string };
  t.is(e.code, "ERR_DACE_CAPTURE");
  t.is(e.hint, "pass { captures: { K } }");
  t.deepEqual(e.loc, { file: folder.file("refused.cjs"), line: 3, column: 28 });
  t.regex(await folder.node(...flags, "given.cjs"), /return \(\(x \* K\) \+ @Math\.sin\(x\)\)\nglobal K = captured 3/);
  t.regex(await folder.node(...flags, "free.cjs"), /const y = @Math\.exp\(x\)/);
});

test("the debugger and its traces are left as they were", (t) => {
  const state = (): unknown[] => [Object.getOwnPropertyDescriptor(Error, "prepareStackTrace"), Error.stackTraceLimit, Reflect.ownKeys(globalThis).length], before = state();
  captureFunction((x: number) => x * K);
  t.deepEqual(state(), before);
});

test("the text form", (t) => {
  const n = 2, f = (a: Float64Array) => { for (let i = 0; i < n; i++) a[i]! *= K; };
  t.is(programText(captureFunction(f)), "program f (javascript)\ndef f(a) locals i\n  loop: count i from 0 to n step 1\n    a[i] *= K\nglobal K = captured 3\nglobal n = captured 2\n");
});
