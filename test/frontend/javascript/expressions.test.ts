/** Expressions: values, and the order in which operands and side effects are evaluated. */
import test from "ava";
import { programText } from "../../../ts/frontend/array/text.js";
import { parseJavaScript } from "../../../ts/frontend/javascript/index.js";
import { agreeText } from "./compare.js";

const inputs: unknown[][] = [[Float64Array.from([3, -1, 4, 1, -5, 9, 2, -6]), 0], [Float64Array.from([0, 0.5, 0, 2, 1, 0, -2, 7]), 3]];
/** Functions and variables with effects that the expressions use. */
const setup = "let x = 1, y = 2, i = 0; const list = [5, 6, 7], o = { p: 1, q: { r: 2 } }; const inc = (by = 1) => { x += by; return x; }; function put(k, v) { a[k] = v; return v; } function sum(...[p, q]) { return p + q; }".replace(/ function sum.*$/, "");

const values: readonly string[] = [
  // Operators.
  "1 + 2 * 3 - 4 / 5 % 2 ** 3", "-(2 ** 2)", "2 ** 3 ** 2", "7 % -3", "-7 % 3", "5 & 3 | 8 ^ 1", "~5 << 2 >> 1", "-1 >>> 28", "0.1 + 0.2", "0x1f + 0b11 + 0o17 + 1e3 + .5", "-0", "+n", "!n", "!!n", "!0 + 1", "1 / 0", "-1 / 0", "0 / 0", "NaN", "Infinity - n",
  "n < 2", "n <= 3", "n > 2", "n >= 3", "n == 3", "n != 3", "n === 3", "n !== 3", "n < 2 === false", "n ? 1 : 2", "n ? 1 : i ? 2 : 3", "n && 5", "n || 5", "n ?? 5", "null ?? 5", "undefined ?? n", "(n || i) && 7", "void 0 ?? 1", "typeof n === 'number' ? 1 : 2", "typeof a", "undefined === void 0", "n === true ? 1 : 2", "(n > 1) === true ? 1 : 2", "!0 !== (n < 1) ? 1 : 2", "1 === true ? 1 : 2",
  // Library.
  "Math.sin(n) + Math.max(1, n, 2) + Math.PI * Math.E + Math.hypot(3, 4) + Math.atan2(1, 2)", "Math.min()", "Number.EPSILON + Number.MAX_SAFE_INTEGER", "Number.isInteger(n)", "isNaN(n / 0)", "Number(true)", "Boolean(n) ? 1 : 0", "Math.max(...list)", "Math['abs'](-n)", "globalThis.Math.abs(-n)", "Array.isArray(list)",
  "Array.from(list)[1]", "Array.of(1, n)[1]", "Float64Array.from(list)[2]", "new Array(3).fill(n)[2]", "Array.from({ length: 3 }, (_, k) => k * 2)[2]",
  // Members.
  "a[0] + a['1'] * a.length", "list[1]", "o.p + o['q'].r", "o?.p", "o?.q?.r", "o.zz?.r", "o.zz?.[0]", "list?.[1]", "o.zz?.r ?? 4", "a?.length", "o.zz?.q.r", "o.zz?.q[inc()].s ?? x", "o?.q[(x = 5, 'r')] ?? x", "a?.[i++] + a?.[inc()] + i", "list?.indexOf(6)", "o.zz?.indexOf(inc())", "o.zz?.w?.indexOf(inc())", "o?.['q']?.r", "a.at(-1)", "({ p: n, 'q': 2, 3: 4, n })['q']", "({ p: n }).p", "[1, 2, ...list][4]", "[n, [n + 1]][1][0]", "list.length", "list.indexOf(6)",
  // Assignments as values.
  "(x = 5) + x", "x + (x = 5)", "x + (x = 5) + x", "(x += 2) * x", "x * (x += 2)", "x + x++ + x", "x++ + ++x", "x-- - --x", "i++ + a[i] + i", "a[i] + a[++i] + a[i++] + i", "a[i++] + a[i++] * a[i++]", "(a[0] = 7) + a[0]", "a[0] + (a[0] = 7) + a[0]", "a[0]++ + a[0] + ++a[0]", "(a[1] += a[0]++) + a[0]", "x = y = i = 4",
  "(x ||= 5) + (i ||= 6) + (y &&= 7)", "(o.zz ??= 8) + o.zz", "o.p += o.p++ + ++o.p", "(a[2] ||= 3) + (a[0] &&= 4)", "(i ??= 3) + i", "x **= 3", "(x <<= 2) + (x |= 1) + (x >>= 1) + (x ^= 7) + (x &= 5) + (x %= 3) + (x >>>= 0)", "list[i++] += list[i]", "list[i++] = i", "a[i] = i = 2", "a[(i = 1)] = i++", "[x, y][(x = 0)] + x", "x + [x, (x = 3), x][0]",
  "[x, y] = [y, x]", "[a[0], a[1]] = [a[1], a[0]]", "[i, a[i]] = [2, 9]", "({ p: x, q: { r: y } } = o) && x + y", "([x = 4, y = x] = [undefined]) && x * 10 + y", "([x, ...list] = [1, 2, 3], 1)".replace("...list", "y"), "[a[i++], a[i++]] = [a[i++], a[i++]]", "[a[inc()], x] = [x, inc()]",
  // Sequences, conditionals and short circuits with effects.
  "(x++, y++, x + y)", "(i ? x++ : y++) + x + y", "n ? (x = 2) : (y = 3)", "n && (x = 7), x", "(n || (x = 7)) + x", "x + (n && (x = 7))", "i++ && i++ || i++", "(n ? inc() : put(1, 2)) + x + a[1]", "(i++ ? 1 : i++) + i", "!(x = 0) && x === 0", "-(x = 3) + x", "(null ?? (x = 9)) + x", "i++ < 1 && i++ < 2 && i", "(n > 1 ? x : y) + (n > 1 ? (x = 5) : y)",
  // Calls.
  "x + inc() + x", "inc() + inc() * inc()", "inc(inc()) + x", "a[1] + put(1, 9) + a[1]", "put(1, a[1] + 1) + a[1]", "put(i++, i) + put(i++, i) + a[0]", "[inc(), x, inc(5)].length + x", "Math.max(x, inc(), x)", "Math.max(a[0], put(0, 100), a[0])", "a[inc()] + x", "list[inc() - 1]", "put(1, x) + inc(put(2, 3))", "(() => n + x)() + inc()", "((p, q = p) => p * q)(n + 1) + 1", "(function (k) { return k ** 2; })(n)",
  "a.map((v, k) => v * k + n)[3]", "a.map((v) => v + inc())[2] + x", "a.reduce((p, v) => p + v, 0)", "a.reduce((p, v, k) => p + v * k)", "a.slice(1, 3)[1] + a.subarray(2)[0]", "a.fill(2, 1, 3)[1] + a[2]", "a[2] + a.fill(2)[1] + a[2]", "a.slice().fill(1)[0] + a[0]", "a.some((v) => v > 5) ? 1 : 2", "a.every((v) => v > -10) && 3", "a.findIndex((v) => v > 1)", "(a.set([7, 8], 1), a[1] + a[2])", "a.copyWithin(0, 2, 4)[0]", "a.indexOf(1) + a.length",
  "(0, inc)(2) + (0, Math.abs)(-1)", "(list.forEach((v) => { x += v; }), x)", "[...a.entries()].length", "[1, 2, 3].map((v) => v * n)[1]", "put(...[1, 2])", "list.concat([1])[3]", "void inc() ?? x", "inc(inc(x = 3)) * x", "x - (() => { x = 10; return 1; })() - x",
];
test("values and orders", (t) => {
  for (const e of values) {
    agreeText(t, `function f(a, n) { ${setup} const result = (${e}); return [result, x, y, i, list, o]; }`, inputs);
  }
});

test("statements of one expression", (t) => {
  for (const e of values) agreeText(t, `function f(a, n) { ${setup} ${/^[{([]|^function|^'/.test(e) ? `;${e.startsWith("{") || e.startsWith("function") ? `(${e})` : e}` : e}; return [x, y, i, list, o]; }`, inputs);
});

test("conditions", (t) => {
  for (const e of values) {
    if (/=>|Array|map|\.\.\./.test(e)) continue;
    agreeText(t, `function f(a, n) { ${setup} let k = 0; while (k++ < 3 && (${e})) { if (${e}) y++; else x++; for (let j = 0; j < 2 && (${e}); j++) i += j; } return [x, y, i, k]; }`, inputs);
  }
});

test("what has no effect stays an expression", (t) => {
  const body = (s: string): string => programText(parseJavaScript({ name: "m.js", text: `function f(a, b, i, n) { ${s} }` }, "f")).split("\n").slice(2).map((l) => l.trim()).join("; ").replace(/; $/, "");
  t.is(body("a[i * n + 1] = Math.max(a[i], 2) * (b[i] > 0 ? b[i] : -b[i]);"), "a[((i * n) + 1)] = (@Math.max(a[i], 2) * (b[i] if (b[i] > 0) else (-b[i])))");
  t.is(body("a[i] += b[i];"), "a[i] += b[i]");
  t.is(body("a[i]++; i--;"), "a[i] += 1; i -= 1");
  t.is(body("return i && n || 2;"), "return ((i and n) or 2)");
  t.is(body("return b.map((x) => x * n);"), "return b.map((def anonymous(x); return (x * n)))");
  t.is(body("[a[0], a[1]] = [a[1], a[0]];"), "(a[0], a[1]) = (a[1], a[0])");
  t.is(body("a[i++] = 2;"), "const t = i; i += 1; a[t] = 2");
  t.is(body("const y = (a[i] = b[i]) * 2; return y;"), "const t = b[i]; a[i] = t; const y = (t * 2); return y");
  t.is(body("return a[i] + (a[i] = 3);"), "const t = a[i]; a[i] = 3; return (t + 3)");
  t.is(body("return n == null ? 1 : 2;"), "return (1 if (n is null) else 2)");
  t.is(body("return `text`;"), "return \"text\"");
  t.is(body("return -0;"), "return -0.0");
});

test("numbers: what is integral is marked so", (t) => {
  const kind = (s: string): string => { const p = parseJavaScript({ name: "m.js", text: `function f() { return ${s}; }` }, "f").entry.body[0]; return p?.kind === "return" && p.value?.kind === "number" ? `${p.value.value} ${p.value.integer}` : "?"; };
  t.deepEqual(["3", "3.0", "1e3", "0.5", "-2", "1e400", "9007199254740993", "0xff"].map(kind), ["3 true", "3 true", "1000 true", "0.5 false", "-2 true", "Infinity false", "9007199254740992 false", "255 true"]);
  t.is(programText(parseJavaScript({ name: "m.js", text: "function f(x) { return x * 10n ** 2n; }" }, "f")).split("\n")[2], "  return (x * (10n ** 2n))");
});
