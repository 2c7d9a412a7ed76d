/** Symbolic expressions in all of DaCe's spellings, tasklet expressions with C++'s types, and their way back to text. */
import test from "ava";
import { DaceError } from "../../ts/index.js";
import { integerOf, type IntegerScope } from "../../ts/sdfg/dace/integers.js";
import { integerText, pythonText } from "../../ts/sdfg/dace/print.js";
import { parseExpression } from "../../ts/sdfg/dace/python.js";
import { ScalarReader, type ScalarScope } from "../../ts/sdfg/dace/scalars.js";
import { scalarText } from "../../ts/sdfg/text.js";
import { input } from "../../ts/scalar/expr.js";
import { evaluate, load, sym } from "../../ts/symbolic/expr.js";
import type { DType } from "../../ts/base/dtypes.js";

const scope: IntegerScope = { name: (n) => (n === "f" ? undefined : sym(n)), element: (n, index) => ({ data: n, index }) };
const values = new Map([["N", 17], ["M", 5], ["i", 3]]);
const read = (text: string): number | undefined => { const e = integerOf(parseExpression(text), scope); return e && evaluate(e, values, (_, index) => 10 * index[0]! + (index[1] ?? 0)); };

const INTEGERS: readonly [string, number | undefined][] = [
  ["N", 17], ["$N", 17], ["symbol($N, dtype=dace.int64)", 17], ["-1 + symbol($i, dtype=dace.int64)", 2], ["2*$N - $M", 29], ["N/2 + 1/2", 9], ["(N + M)/2", 11], ["N/2", 8], ["M*N**-1*N", 5], ["M*N**-1*3*N/M", 3], ["N*M/N", 5], ["3*N/3", 17],
  ["int_floor($N, 2)", 8], ["__int_floor($N, 2)", 8], ["int_ceil(N, 2)", 9], ["ceiling(N/2)", 9], ["floor(N/2)", 8], ["N // 4", 4], ["N % 4", 1], ["Mod(N, 4)", 1], ["Min(N, M, 7)", 5], ["Max(-1 + $N, -1 + int_floor($N, 2))", 16],
  ["min(N, M)", 5], ["N**2", 289], ["Subscript($A, $i)", 30], ["A[i, 2]", 32], ["3i64 + N", 20], ["dace.int64(N)", 17], ["Abs(M - N)", 12], ["8**-1*16*M", 10], ["f + 1", undefined], ["__bitwise_and(N, 3)", undefined], ["IfExpr(N > 3, 1, 2)", undefined], ["N*0.5", undefined],
];
for (const [text, want] of INTEGERS) test(`integer ${text}`, (t) => { t.is(read(text), want); });

test("integers are printed so that they read back", (t) => {
  for (const [text, want] of INTEGERS) {
    if (want === undefined || text.includes("A[") || text.includes("Subscript")) continue;
    const e = integerOf(parseExpression(text), scope)!;
    const names = { symbol: (s: string): string => `symbol($${s}, dtype=dace.int64)`, load: (d: string): string => d };
    t.is(read(integerText(e, names)), want, text);
  }
  t.is(integerText(load("A", [sym("i")]), { symbol: (s) => s, load: (d, index) => `${d}(${index.map((e) => e.key).join()})` }), "A(i)");
});

const TYPES: Readonly<Record<string, DType>> = { d: "float64", s: "float32", l: "int64", k: "int32", b: "bool", z: "complex128" };
const names = Object.keys(TYPES);
const tasklet: ScalarScope = { where: "a test", name: (n) => (n in TYPES ? { code: input(names.indexOf(n), TYPES[n]!) } : n === "N" ? { code: { kind: "symbolic", dtype: "int64", expr: sym("N") }, int: sym("N") } : undefined), element: () => undefined };
const typed = (text: string): { readonly text: string; readonly dtype: DType } => { const v = new ScalarReader(tasklet).value(parseExpression(text)); return { text: scalarText(v.code, (i) => names[i]!), dtype: v.code.dtype }; };

const SCALARS: readonly [string, DType, string][] = [
  ["d + s", "float64", "(d + float64(s))"], ["s * 2", "float32", "(s * float32(<2>))"], ["s * 2.0", "float64", "(float64(s) * 2)"], ["s * l", "float32", "(s * float32(l))"], ["k + l", "int64", "(int64(k) + l)"], ["k + 1", "int32", "(k + int32(<1>))"],
  ["l / 2", "int64", "floordiv((l - rem(l, <2>)), <2>)"], ["d // s", "float64", "floor((d / float64(s)))"], ["l % 3", "int64", "rem(l, <3>)"], ["d ** 2", "float64", "pow(d, 2)"], ["d ** 0.5", "float64", "sqrt(d)"], ["exp(s)", "float32", "exp(s)"], ["sqrt(l)", "float64", "sqrt(float64(l))"],
  ["math.sin(d)", "float64", "sin(d)"], ["dace.float64(l)", "float64", "float64(l)"], ["dace.float64(3)", "float64", "3"], ["dace.float32(2.0)", "float32", "float32(2)"], ["min(d, 0)", "float64", "min(d, float64(<0>))"], ["d if l > 0 else s", "float64", "select((l > <0>), d, float64(s))"],
  ["d < 1 and not b", "bool", "((d < float64(<1>)) and not(b))"], ["0 < d < 1", "bool", "((float64(<0>) < d) and (d < float64(<1>)))"], ["N + 1", "int64", "<N + 1>"], ["d * (N - 1)", "float64", "(d * float64(<N + -1>))"], ["-d", "float64", "neg(d)"], ["-2.5", "float64", "-2.5"], ["z * d", "complex128", "(z * complex128(d))"],
  ["abs(z)", "float64", "abs(z)"], ["l & 3", "int64", "bitand(l, <3>)"], ["l << 2", "int64", "shl(l, <2>)"], ["math.pi * d", "float64", "(3.141592653589793 * d)"], ["b + b", "int32", "(int32(b) + int32(b))"], ["int_floor(l, 2)", "int64", "floordiv(l, <2>)"],
];
for (const [text, dtype, want] of SCALARS) test(`tasklet ${text}`, (t) => { const v = typed(text); t.is(v.text, want); t.is(v.dtype, dtype); });

test("tasklet expressions are printed so that they read back the same", (t) => {
  const printed = { symbol: (s: string): string => s, load: (d: string): string => d };
  for (const [text] of SCALARS) {
    const code = new ScalarReader(tasklet).value(parseExpression(text)).code, python = pythonText(code, (i) => names[i]!, printed);
    const again = new ScalarReader(tasklet).value(parseExpression(python)).code;
    t.is(again.dtype, code.dtype, `${text} → ${python}`);
    // Symbols and literals may be cast in one place or another; the second round is stable.
    t.is(pythonText(again, (i) => names[i]!, printed), pythonText(new ScalarReader(tasklet).value(parseExpression(pythonText(again, (i) => names[i]!, printed))).code, (i) => names[i]!, printed));
  }
});

for (const [text, what] of [["zeta(d)", /the function zeta/], ["unknown + 1", /the name unknown/], ["d.shape", /the name d\.shape/], ["[d, d]", /List/], ["d[0]", /subscript of d/], ["lambda q: q", /Lambda/], ["sin(d, d)", /sin with 2 arguments/], ["d & 3", /bit operation on floats/], ["\"text\"", /not a number/]] as const) {
  test(`refused: ${text}`, (t) => { t.regex(t.throws(() => typed(text), { instanceOf: DaceError })!.message, what); });
}
