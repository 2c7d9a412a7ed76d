/** What is refused, with what code, where, and with which hint. */
import test from "ava";
import { DaceError } from "../../../ts/base/errors.js";
import { parseJavaScript } from "../../../ts/frontend/javascript/index.js";

function failure(source: string, name = "f", file = "m.js"): DaceError {
  try { parseJavaScript({ name: file, text: source }, name); } catch (e) { if (e instanceof DaceError) return e; throw e; }
  throw new Error(`accepted: ${source}`);
}
const at = (e: DaceError): string => `${e.code.slice("ERR_DACE_".length)} ${e.loc?.line}:${e.loc?.column}`;

test("text that is not JavaScript is PARSE, with its position", (t) => {
  t.is(at(failure("function f(x) {\n  return x +;\n}\n")), "PARSE 2:13");
  t.is(at(failure("const a = 1;\nconst a = 2;\n")), "PARSE 2:7");
  t.is(at(failure("const ü = '😀'; let b = ;\n")), "PARSE 1:24");
  t.is(at(failure("function f(x) { break; }\n")), "PARSE 1:17");
  t.notRegex(failure("let = = 2").summary, /\(\d+:\d+\)/);
  t.is(at(failure("function f(x: number) { return x; }\n")), "PARSE 1:13");
});

test("a function that is not there is SOURCE_UNAVAILABLE and names those that are", (t) => {
  const e = failure("function one() {}\nexport const two = () => 1, n = 3;\nclass K {}\nmodule.exports.three = function () {};\n");
  t.is(e.code, "ERR_DACE_SOURCE_UNAVAILABLE");
  t.is(e.hint, "it has one, two, three");
  t.is(failure("const x = 1;\n").hint, "it defines no function at the top level");
  t.is(failure("const f = 1;\n").code, "ERR_DACE_SOURCE_UNAVAILABLE");
});

test("all problems of what is reached come in one error, in source order; what is not reached is not looked at", (t) => {
  const e = failure([
    "import fs from 'node:fs';", "function helper(y) {", "  return `${y}`;", "}", "async function unused() { await 1; }", "export function f(x, ...rest) {", "  try { x = 1; } catch (e) { x = e; }",
    "  const g = async () => 1;", "  const z = fs.readFileSync(helper(x));", "  return /a/.test(z) ? notThere : this;", "}", "",
  ].join("\n"));
  t.is(e.code, "ERR_DACE_UNSUPPORTED");
  t.deepEqual([e.loc?.line, ...e.notes.map((n) => n.loc?.line)], [3, 7, 8, 9, 10, 10, 10]);
  t.deepEqual([e.summary, ...e.notes.map((n) => n.message)], [
    "building a string", "using what is caught", "an async function", "fs is imported from node:fs; only the file itself is read", "a regular expression", "the name notThere, which the file does not define", "this",
  ]);
});

test("columns count characters, and the caret is as wide as the construct", (t) => {
  const e = failure("function f(x) {\n  const π = '😀'; return /ab+/;\n}\n");
  t.is(at(e), "UNSUPPORTED 2:25");
  t.regex(e.message, /ERR_DACE_UNSUPPORTED: a regular expression\n {2}m\.js:2:25\n {2}1 \| function f\(x\) \{\n {2}2 \| .*\n {4}\| {25}\^{5}$/);
});

/** Body of f(a, n) → what is refused. */
const refused: readonly (readonly [body: string, what: RegExp, at?: string])[] = [
  ["try { return 1; } finally { a[0] = 1; }", /^leaving a try that has a finally$/, "1:20"], ["class C { set v(x) {} } return new C();", /^a setter$/], ["class C extends Missing {} return new C();", /^a class that extends Missing$/], ["return class {};", /^a class$/], ["return /x/g;", /^a regular expression$/],
  ["return `n = ${n}`;", /^building a string$/], ["return 'a' + n;", /^building a string$/], ["return n + 'a';", /^building a string$/], ["const m = new Map(); return m;", /^Map is not supported$/], ["return new Set([n]);", /^Set is not supported$/],
  ["return this.x;", /^this$/], ["return eval('n');", /^eval is not supported$/], ["delete a.x;", /^the operator delete$/], ["return n in a;", /^the operator in$/], ["return a instanceof Float64Array;", /^the operator instanceof$/],
  ["return { get x() { return 1; } };", /^a getter$/], ["return { [n]: 1 };", /^a computed property name$/], ["const { [n]: k, ...r } = { n }; return r;", /^a computed property name$/],
  ["for await (const k of a) n += k;", /^for await$/], ["return (function* () { yield 1; })();", /^a generator$/], ["const g = async () => n; return g();", /^an async function$/],
  ["return arguments[0];", /^arguments$/], ["return new.target;", /^this expression \(MetaProperty\)$/], ["return import('x');", /dynamic import|^this call$/], ["return a.map.call(a, (x) => x);", /^Function\.prototype\.call$/],
  ["return tag`x`;", /^a tagged template$/], ["return [1, , 2];", /^an array with holes$/], ["return Math.random();", /^Math\.random is not supported$/], ["console.log(n);", /^console is not supported$/], ["return Date.now();", /^Date is not supported$/],
  ["return JSON.stringify(a);", /^JSON is not supported$/], ["return parseFloat(n);", /^parseFloat is not supported$/], ["return Float64Array(3);", /^calling Float64Array without new$/], ["return new Number(3);", /^new Number$/],
  ["return a[n]();", /run time$/], ["const c = 1; c = 2;", /^assignment to the constant c$/], ["c++; const c = 1;", /^assignment to the constant c$/], ["missing = n;", /^assigning missing$/], ["undefined = 1;", /^assigning undefined$/],
  ["Math.PI = 3;", /^assigning a property of a function or namespace$/], ["let g; for (let i = 0; i < n; i++) g = () => i; return g();", /^keeping a function that uses i, a variable of a loop's iteration$/],
  ["for (let i = 0; i < n; i++) { const k = i; return () => k; }", /^keeping a function that uses k/], ["for (let i = 0; i < n; i++) { const k = i, h = () => k; a[0] = [h].length; }", /^keeping a function that uses k/],
  ["return function g(k) { return k < 1 ? 0 : g(k - 1); }(n);", /uses its own name/], ["const g = (k = n++) => k; return g();", /^a default value with side effects$/], ["return super.x;", /super/],
  ["return a.at?.(n);", /^an optional call$/], ["return a?.b.at(n);", /^an optional call$/], ["return a?.at(n).length;", /^the result of an optional call$/],
  ["label: { continue label; }", /./], ["using r = n;", /./],
];
test("refused constructs", (t) => {
  for (const [body, what, place] of refused) {
    let e: DaceError;
    try { e = failure(`function f(a, n) { ${body} }`); } catch (x) { t.fail(`${body}: ${(x as Error).message}`); continue; }
    if (e.code === "ERR_DACE_PARSE") { t.regex(body, /^(label|using|return super|for await|return new\.target)/); continue; }
    t.is(e.code, "ERR_DACE_UNSUPPORTED", body);
    t.regex(e.summary, what, body);
    t.truthy(e.loc, body);
    if (place) t.is(`${e.loc?.line}:${e.loc?.column}`, place);
  }
});

test("hints", (t) => {
  t.is(failure("function f(a) { return Math.random(); }").hint, "make the random numbers before the call and pass them as an array");
  t.is(failure("function f(a) { return this; }").hint, "pass the object's arrays and numbers as arguments");
});

/** Module code around `function f(n) { return K + n; }` (K a use of what it declares). */
test("module-level values that module code decides are refused where they are used", (t) => {
  const f = "\nexport function f(n) { return K[0] + n; }\n";
  const bad: readonly (readonly [module: string, what: RegExp])[] = [
    ["let K = [1]; K = [2];", /^K, whose value module code decides$/], ["let K; if (process.env.X) K = [1]; else K = [2];", /^K, whose value module code decides$/], ["var K;", /^K, whose value module code decides$/],
    ["const K = new Float64Array(4); K[0] = 1;", /^K, which module code changes or passes on$/], ["const K = [1, 2]; K.push(3);", /^K, which module code changes or passes on$/], ["const K = [1]; const J = K; J[0] = 2;", /^K, which module code changes or passes on$/],
    ["const K = [1]; fill(K); function fill(k) { k[0] = 5; }", /^K, which module code changes or passes on$/], ["let K = [1]; set(); function set() { K = [2]; }", /^K, which a function may have changed/],
    ["import K from './k.js';", /^K is imported from \.\/k\.js/], ["const K = require('./k');", /^K is imported from \.\/k/], ["const { K } = require('./k');", /^K is imported from \.\/k/], ["const K = K;", /^K, which is used in its own definition$/],
    ["class K extends Missing {}", /^a class that extends Missing$/], ["let i = 0; const K = [i++];", /^assigning i$/],
  ];
  for (const [module, what] of bad) {
    const e = failure(module + f);
    t.regex(e.summary, what, module);
    t.true(e.code === "ERR_DACE_UNSUPPORTED" || e.code === "ERR_DACE_CAPTURE", module);
  }
  t.is(failure("let K = [1];\nexport function f(n) { K = [n]; return K; }").code, "ERR_DACE_CAPTURE");
  t.is(failure("const K = [1];\nexport function f(n) { K[0] = n; return K; }").code, "ERR_DACE_CAPTURE");
  t.is(failure("const K = new Float64Array(3);\nfunction g() { K.fill(2); }\nexport function f(n) { g(); return K; }").code, "ERR_DACE_CAPTURE");
});
