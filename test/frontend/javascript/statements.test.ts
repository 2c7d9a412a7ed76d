/** Statements: each source does as an array program what Node makes of it, and loops have the form that can be differentiated. */
import test from "ava";
import type { Stmt } from "../../../ts/frontend/array/ast.js";
import { programText } from "../../../ts/frontend/array/text.js";
import { parseJavaScript } from "../../../ts/frontend/javascript/index.js";
import { agreeText } from "./compare.js";

const A = (): Float64Array => Float64Array.from([3, -1, 4, 1, -5, 9, 2, -6]);
const inputs: unknown[][] = [[A(), 0], [A(), 1], [A(), 3], [A(), 8], [A(), -2]];

/** Kinds of loops in a program, in order. */
function loops(source: string): string[] {
  const out: string[] = [];
  const visit = (list: readonly Stmt[]): void => {
    for (const s of list) {
      if (s.kind === "count") out.push(s.exitValue ? "count keeping" : "count");
      else if (s.kind === "while") out.push(s.testAfter ? "do while" : "while");
      else if (s.kind === "for") out.push("for");
      if ("body" in s && Array.isArray(s.body)) visit(s.body as readonly Stmt[]);
      if (s.kind === "if") { visit(s.then); visit(s.otherwise); }
    }
  };
  const p = parseJavaScript({ name: "m.js", text: source }, "f");
  visit(p.entry.body);
  return out;
}

const counted: Readonly<Record<string, readonly [source: string, kinds: readonly string[]]>> = {
  "up": ["let s = 0; for (let i = 0; i < n; i++) s += a[i]; return s;", ["count"]],
  "up to and with": ["let s = 0; for (let i = 0; i <= n - 1; ++i) s += a[i]; return s;", ["count"]],
  "down": ["let s = 0; for (let i = n - 1; i >= 0; i--) s = s * 2 + a[i]; return s;", ["count"]],
  "down to above": ["let s = 0; for (let i = n; i > 0; i -= 1) s = s * 2 + a[i - 1]; return s;", ["count"]],
  "by two": ["let s = 0; for (let i = 0; i < n; i += 2) s += a[i]; return s;", ["count"]],
  "by minus three": ["let s = 0; for (let i = 7; i >= n; i -= 3) s = s * 2 + a[i < 0 ? 0 : i]; return s;", ["count"]],
  "bound on the left": ["let s = 0; for (let i = 0; n > i; i = i + 1) s += a[i]; return s;", ["count"]],
  "step first": ["let s = 0; for (let i = 0; i < n; i = 1 + i) s += a[i]; return s;", ["count"]],
  "constant step by name": ["const two = 2; let s = 0; for (let i = 0; i < n; i += two) s += a[i]; return s;", ["count"]],
  "length": ["let s = 0; for (let i = 0; i < a.length; i++) s += a[i]; return s + n;", ["count"]],
  "length kept": ["let s = 0; for (let i = 0, m = a.length; i < m; i++) s += a[i]; return s + n;", ["count"]],
  "minified": ["for(var s=0,i=0,e=n;i<e;i++)s+=a[i];return s", ["count"]],
  "var used after": ["var s = 0; for (var i = 0; i < n; i++) s += a[i]; return s * 100 + i;", ["count keeping"]],
  "var reused": ["var s = 0; for (var i = 0; i < n; i++) s += a[i]; for (i = 0; i < n; i++) s -= a[i] * i; return s;", ["count", "count"]],
  "var reused in a loop": ["var s = 0, i, j; for (j = 0; j < 2; j++) for (i = 0; i < n; i++) s += a[i] * j; return s;", ["count", "count"]],
  "variable from outside, left by break": ["let s = 0, i; for (i = 0; i < n; i++) { if (a[i] < 0) break; s += a[i]; } return s * 100 + i;", ["count keeping"]],
  "two variables": ["let s = 0; for (let i = 0, j = n; i < n; i++, j--) s += a[i] * j; return s;", ["count"]],
  "other updates with continue": ["let s = 0, j = 0; for (let i = 0; i < n; i++, j += 2) { if (a[i] < 0) continue; s += a[i] * j; } return s + j;", ["count"]],
  "while with an increment": ["let s = 0, i = 0; while (i < n) { s += a[i]; i++; } return s;", ["count"]],
  "while used after": ["let s = 0, i = 0; while (i < n) { s += a[i]; i += 2; } return s + 1000 * i;", ["count keeping"]],
  "for with the increment in its body": ["let s = 0, i = 0; for (; i < n;) { s += a[i]; i++; } return s;", ["count"]],
  "countdown in the test": ["let s = 0; if (n > 0) for (let i = n; i--;) s = 2 * s + a[i]; return s;", ["count"]],
  "countdown compared": ["let s = 0; for (let i = n; i-- > 0;) s = 2 * s + a[i]; return s;", ["count"]],
  "countdown before": ["let s = 0; for (let i = n; --i >= 0;) s = 2 * s + a[i]; return s;", ["count"]],
  "countdown, used after": ["let s = 0, i = n; while (i-- > 0) s = 2 * s + a[i]; return s + 1000 * i;", ["count keeping"]],
  "count up in the test": ["let s = 0, i = -1; while (++i < n) s += a[i] * i; return s + i;", ["count keeping"]],
  "count up after the test": ["let s = 0, i = 0; while (i++ < n) s += a[i - 1] * i; return s + i;", ["count keeping"]],
  "triangular": ["let s = 0; for (let i = 0; i < n; i++) for (let j = i; j < n; j++) s += a[j] * i; return s;", ["count", "count"]],
  "fractional bound": ["let s = 0; for (let i = 0; i < n / 2; i++) s += a[i]; return s;", ["count"]],
  "fractional bound, and with": ["let s = 0; for (let i = 0; i <= n / 2; i++) s += a[i]; return s;", ["count"]],
  "fractional bound, down": ["let s = 0; for (let i = 6; i > n / 2; i--) s = 2 * s + a[i]; return s;", ["count"]],
  "fractional bound, down to and with": ["let s = 0; for (let i = 6; i >= n / 2; i--) s = 2 * s + a[i < 0 ? 0 : i]; return s;", ["count"]],
  "start from a variable": ["let s = 0, k = 1; for (let i = k; i < n; i++) { k++; s += a[i] * k; } return s;", ["count"]],
  "bound of other elements": ["const p = [0, 2, 5]; let s = 0; for (let r = 0; r < 2; r++) for (let k = p[r]; k < p[r + 1]; k++) { a[k] = s; s += a[k] + r; } return s + n;", ["count", "count"]],
  "labelled": ["let s = 0; outer: for (let i = 0; i < n; i++) { for (let j = 0; j < n; j++) { if (a[j] < 0) continue outer; if (a[j] > 8) break outer; s += a[j]; } } return s;", ["count", "count"]],
};
for (const [name, [body, kinds]] of Object.entries(counted)) {
  test(`counted: ${name}`, (t) => {
    const source = `function f(a, n) { ${body} }`;
    agreeText(t, source, inputs);
    t.deepEqual(loops(source), kinds);
  });
}

const general: Readonly<Record<string, readonly [source: string, kinds: readonly string[]]>> = {
  "the body changes the variable": ["let s = 0; for (let i = 0; i < n; i++) { s += a[i]; if (s > 5) i++; } return s;", ["while"]],
  "the body changes the bound": ["let s = 0, m = n; for (let i = 0; i < m; i++) { s += a[i]; if (a[i] < 0) m--; } return s;", ["while"]],
  "a closure changes the bound": ["let s = 0, m = n; const less = () => { m--; }; for (let i = 0; i < m; i++) { s += a[i]; less(); } return s;", ["while"]],
  "a closure changes the variable": ["let s = 0, i; const skip = () => { i++; }; for (i = 0; i < n; i++) { s += i; if (s === 3) skip(); } return s;", ["while"]],
  "the bound is written": ["let s = 0; const m = [n, 0]; for (let i = 0; i < m[0]; i++) { s += i; if (s > 5) m[0] = 2; } return s;", ["while"]],
  "the bound is written through another name": ["let s = 0; const m = new Float64Array([n, 0]), k = m.subarray(0, 1); for (let i = 0; i < m[0]; i++) { s += i; if (s > 5) k[0] = 2; } return s;", ["while"]],
  "a fractional start": ["let s = 0; for (let x = 0.5; x < n; x++) s += x; return s;", ["while"]],
  "a fractional step": ["let s = 0; for (let x = 0; x < n; x += 0.25) s += x; return s;", ["while"]],
  "a step by variable": ["let s = 0, d = 1; for (let i = 0; i < n; i += d) { s += a[i]; d = 2; } return s;", ["while"]],
  "doubling": ["let s = 0; for (let i = 1; i < n; i *= 2) s += a[i]; return s;", ["while"]],
  "not equal": ["let s = 0; if (n >= 0) for (let i = 0; i !== n; i++) s += a[i]; return s;", ["while"]],
  "no bound": ["let s = 0; for (let i = 0; ; i++) { if (i >= n) break; s += a[i]; } return s;", ["while"]],
  "infinite bound": ["let s = 0; for (let i = 0; i < Infinity; i++) { if (i >= n) break; s += a[i]; } return s;", ["while"]],
  "increment that continue skips": ["let s = 0, i = 0, c = 0; while (i < n) { if (c++ === 1) continue; s += a[i]; i++; } return s + c;", ["while"]],
  "test with a side effect": ["let s = 0, i = 0, k = 0; while (k++, i < n) { s += a[i] * k; i++; } return s * k;", ["while"]],
  "convergence": ["let x = 1, k = 0; do { x = 0.5 * (x + 2 / x); k++; } while (Math.abs(x * x - 2) > 1e-12 && k < 20); return x + k + n;", ["do while"]],
  "do while with continue": ["let s = 0, i = 0; do { i++; if (i === 2) continue; s += i; } while (i < n); return s * 10 + i;", ["do while"]],
  "do while with a test that assigns": ["let s = 0, i = 0; do { if (i === 1) continue; s += i; } while (++i < n); return s * 10 + i;", ["do while"]],
  "for of": ["let s = 0; for (const x of a) s = 2 * s + x; return s + n;", ["for"]],
  "for of entries": ["let s = 0; for (const [i, x] of a.entries()) s += i * x; return s + n;", ["for"]],
  "for of keys": ["let s = 0; for (const i of a.keys()) { if (i === n) continue; s += i * a[i]; } return s;", ["for"]],
  "for of a list": ["let s = 0; for (const [x, y] of [[1, 2], [3, n]]) s += x * y; return s;", ["for"]],
  "for of into a variable": ["let x = 7; for (x of a) if (x < -n) break; return x;", ["for"]],
  "for of sees stores": ["let s = 0, i = 0; for (const x of a) { s += x; if (i < 7) a[i + 1] += x; i++; } return s + n;", ["for"]],
};
for (const [name, [body, kinds]] of Object.entries(general)) {
  test(`not counted: ${name}`, (t) => {
    const source = `function f(a, n) { ${body} }`;
    agreeText(t, source, inputs);
    t.deepEqual(loops(source), kinds);
  });
}

const flow: Readonly<Record<string, string>> = {
  "early return": "for (let i = 0; i < n; i++) if (a[i] < 0) return i; return -1;",
  "no value": "if (n > 1) return; a[0] = n;",
  "if chain": "if (n < 0) return 1; else if (n < 2) { a[1] = 5; return 2; } else if (n < 5) a[2] = 6; return a[2];",
  "shadowing": "let x = 1; { let x = 2; a[0] = x; { const x = 3; a[1] = x; } a[2] = x; } for (let x = 5; x < 6; x++) a[3] = x; return x;",
  "undefined again in each iteration": "let s = 0; for (let i = 0; i < n; i++) { let x; if (i % 2 === 0) x = i; s += x === undefined ? 100 : x; } return s;",
  "var keeps its value": "var s = 0; for (var i = 0; i < n; i++) { var x; if (i % 2 === 0) x = i; s += x; } return s;",
  "hoisting": "g(); return x + y; var x; function g() { x = n; } var y = 3;",
  "hoisted into the block": "let s = 0; { s = h(2); function h(k) { return k * n; } } return s;",
  "var in a block": "if (n > 1) { var q = 4; } return q === undefined ? -1 : q;",
  "best so far": "let best, at = -1; for (let i = 0; i < n; i++) if (best === undefined || a[i] > best) { best = a[i]; at = i; } return at;",
  "switch": "switch (n) { case 0: return 10; case 1: case 3: a[0] = 1; break; case 8: { a[1] = 2; break; } default: a[2] = 3; } return a[0] + a[1] + a[2];",
  "switch, fall through": "let s = 0; switch (n) { case 0: s += 1; case 1: s += 10; case 3: s += 100; break; case 8: s += 1000; default: s += 10000; } return s;",
  "switch, default in the middle": "let s = 0; switch (n) { case 0: s = 1; break; default: s = 2; case 3: s += 10; break; case 8: s = 4; } return s;",
  "switch, default in the middle without falling": "let s = 0; switch (n) { case 0: s = 1; break; case 1: default: s = 2; break; case 3: s = 3; break; } return s;",
  "switch, break inside": "let s = 0; switch (n) { case 3: if (a[0] > 2) break; s = 1; break; case 8: for (let i = 0; i < 3; i++) { if (i === 1) break; s++; } s += 5; break; default: s = 7; } return s;",
  "switch on conditions": "switch (true) { case n < 0: return 1; case n < 2: return 2; default: return 3; }",
  "switch, tests with effects": "let k = 0, s = 0; switch (n) { case k++: s = 1; break; case k++: s = 2; break; case 3: s = 3; break; default: s = 4; } return s * 100 + k;",
  "switch, subject assigned by a test": "let k = n, s = 0; switch (k) { case (k = 1): s = 1; break; case 3: s = 2; break; default: s = 3; } return s * 100 + k;",
  "switch, fall through with effects": "let k = 0, s = 0; switch (n) { case k++: s += 1; case k++: s += 10; default: s += 100; case 3: s += 1000; } return s * 100 + k;",
  "switch in a loop": "let s = 0; for (let i = 0; i < n; i++) { switch (i % 3) { case 0: continue; case 1: s += a[i]; break; default: s -= a[i]; } s *= 2; } return s;",
  "switch, local declarations": "let s = 1; switch (n) { case 0: let s = 5; a[0] = s; break; default: const q = 6; a[1] = q; } return s;",
  "switch, return inside": "switch (n) { case 0: if (a[0] > 0) return 1; default: return 2; }",
  "empty switch": "switch (n) {} switch (n) { case 1: } switch (n) { default: } return 4;",
  "labelled block": "let s = 0; done: { if (n < 1) break done; s = 1; if (n < 3) break done; s = 2; } return s;",
  "labelled loops": "let s = 0; a1: for (let i = 0; i < 4; i++) { b1: for (let j = 0; j < 4; j++) { for (let k = 0; k < 4; k++) { if (k === n) continue b1; if (j === n) continue a1; if (i === n) break a1; s = s * 3 + i + j + k; } } } return s;",
  "label on a while": "let i = 0, s = 0; go: while (true) { for (;;) { i++; if (i > n) break go; if (i % 2) continue go; break; } s += i; } return s;",
  "two labels": "let s = 0; p: q: for (let i = 0; i < 5; i++) { if (i === n) break p; if (i === 1) continue q; s += i; } return s;",
  "throw": "if (n > 2) throw new Error(`too many: ${n} of ${a.length}`); return n;",
  "throw of other kinds": "if (n < 0) throw new RangeError(\"negative\"); if (n > 5) throw new TypeError(); return n;",
  "dead code is not looked at": "return n; try { a[0] = 1; } catch (e) { throw e; }",
  "swap": "[a[0], a[1]] = [a[1], a[0]]; let x = 1, y = 2; [x, y] = [y, x]; return x * 10 + y + n;",
  "rotation": "let x = 1, y = 2, z = n; for (let i = 0; i < 5; i++) [x, y, z] = [y, z, x + y]; return x * 100 + y * 10 + z;",
  "destructuring": "const { p, q: { r }, s = 7 } = { p: 1, q: { r: n } }, [u, , v = 4, ...w] = [1, 2, undefined, 5, 6]; return p + r + s + u + v + w[0] * w[1];",
  "swap through a loop": "for (let i = 0, j = a.length - 1; i < j; i++, j--) [a[i], a[j]] = [a[j], a[i]]; return n;",
  "nested arrays": "const g = [[1, 2, 3], [4, 5, n]]; let s = 0; for (let i = 0; i < g.length; i++) for (let j = 0; j < g[i].length; j++) { g[i][j] *= 2; s += g[i][j]; } for (const row of g) for (const x of row) s += x; return s;",
  "inner functions that assign": "let total = 0; const add = (x) => { total += x; return total; }; function twice(x) { return add(x) + add(x); } const r = twice(n); return r * 1000 + total;",
  "default parameters": "function g(x, y = x * 2, z = y + n) { return x + 10 * y + 100 * z; } return g(1) + g(1, 2) + g(1, undefined, 3);",
  "parameters are the function's own": "function g(n) { n++; a[0] = n; return n; } const r = g(n); return r * 10 + n;",
  "functions as values": "const apply = (h, x) => h(x), sq = (x) => x * x; return apply(sq, n) + apply((x) => x + 1, n) + a.map((x, i) => x * i)[3];",
  "typed arrays": "const b = new Float64Array(a), c = new Float32Array(4).fill(1.1, 1, 3), d = b.subarray(2, 5); d[0] = n; b.copyWithin(0, 2, 4); b.set([7, 8], 5); a.set(b.slice(1, 3)); return [b, c, d, b.reduce((s, x) => s + x, 0), a.at(-1), b.indexOf(7)];",
  "integer arrays": "const k = new Int32Array(4), u = new Uint8Array(2); for (let i = 0; i < 4; i++) k[i] = a[i] * 1.5; u[0] = n; u[1] = 300; return [k, u, k[2] / 2, k[1] | 0];",
  "forEach": "let s = 0; a.forEach((x, i) => { s += x * i; a[i] = s; }); return s + n;",
};
for (const [name, body] of Object.entries(flow)) test(name, (t) => { agreeText(t, `function f(a, n) { ${body} }`, inputs); });

test("the form of a small program", (t) => {
  const source = "const G = 9.81;\nexport function f(u, n, dt = 0.1) {\n  for (let i = 1; i <= n; i++) {\n    u[i] += dt * G;\n    if (u[i] > 1) { u[i] = 1; continue; }\n    u[i - 1] = Math.sin(u[i]);\n  }\n  return u;\n}\n";
  t.is(programText(parseJavaScript({ name: "m.js", text: source }, "f")), [
    "program f (javascript)",
    "def f(u, n, dt=0.1) locals i",
    "  loop: count i from 1 to (n + 1) step 1",
    "    u[i] += (dt * G)",
    "    if (u[i] > 1)",
    "      u[i] = 1",
    "      continue loop",
    "    u[(i - 1)] = @Math.sin(u[i])",
    "  return u",
    "global G = 9.81",
    "",
  ].join("\n"));
});

test("a bound that may be a fraction is rounded, one that is an integer is not", (t) => {
  const stop = (bound: string, params = "m", call = "g(n / 2)"): string => {
    const p = parseJavaScript({ name: "m.js", text: `function g(${params}) { let s = 0; for (let i = 0; ${bound}; i++) s += i; return s; }\nfunction f(n) { return ${call}; }` }, "f");
    return /count i from 0 to (.*) step 1/.exec(programText(p))![1]!;
  };
  t.is(stop("i <= m"), "(@Math.floor(m) + 1)");
  t.is(stop("i < m"), "m");
  t.is(stop("i < m / 3"), "@Math.ceil((m / 3))");
  t.is(stop("i <= m.length"), "(m.length + 1)");
  t.is(stop("i <= (m | 0) * 2"), "(((m | 0) * 2) + 1)");
  t.is(stop("i <= Math.min(m.length, 4) - 1"), "@Math.min(m.length, 4)");
});
