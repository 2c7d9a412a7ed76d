/** Element types: promotion as NumPy's `promote_types` (whose table for these dtypes is spelled out here), names, sizes. */
import test from "ava";
import { bytesOf, complexOf, DTYPES, isComplex, isDifferentiable, isDType, isFloat, isInteger, kindOf, parseDType, promote, realOf, shortName, type DType } from "../../ts/base/dtypes.js";

/** Rows of numpy.promote_types(a, b) in this order of dtypes. */
const ORDER = ["bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "c64", "c128"];
const TABLE = `
bool  bool u8  u16 u32 u64 i8  i16 i32 i64 f32 f64 c64 c128
u8    u8   u8  u16 u32 u64 i16 i16 i32 i64 f32 f64 c64 c128
u16   u16  u16 u16 u32 u64 i32 i32 i32 i64 f32 f64 c64 c128
u32   u32  u32 u32 u32 u64 i64 i64 i64 i64 f64 f64 c128 c128
u64   u64  u64 u64 u64 u64 f64 f64 f64 f64 f64 f64 c128 c128
i8    i8   i16 i32 i64 f64 i8  i16 i32 i64 f32 f64 c64 c128
i16   i16  i16 i32 i64 f64 i16 i16 i32 i64 f32 f64 c64 c128
i32   i32  i32 i32 i64 f64 i32 i32 i32 i64 f64 f64 c128 c128
i64   i64  i64 i64 i64 f64 i64 i64 i64 i64 f64 f64 c128 c128
f32   f32  f32 f32 f64 f64 f32 f32 f64 f64 f32 f64 c64 c128
f64   f64  f64 f64 f64 f64 f64 f64 f64 f64 f64 f64 c128 c128
c64   c64  c64 c64 c128 c128 c64 c64 c128 c128 c64 c128 c64 c128
c128  c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128 c128`;

test("promotion is NumPy's", (t) => {
  let n = 0;
  for (const line of TABLE.trim().split("\n")) {
    const [first, ...row] = line.trim().split(/\s+/), a = parseDType(first === "bool" ? "bool" : first!)!;
    row.forEach((want, i) => { const b = parseDType(ORDER[i]!)!; t.is(promote(a, b), parseDType(want)!, `${a} and ${b}`); n++; });
  }
  t.is(n, 169);
});

test("names, sizes and kinds", (t) => {
  t.is(DTYPES.length, 13);
  for (const d of DTYPES) {
    t.is(parseDType(d), d);
    t.is(parseDType(shortName(d)), d);
    t.true(isDType(d));
    const bits = Number(/\d+$/.exec(d)?.[0] ?? 8);
    t.is(bytesOf(d), bits / 8, d);
    t.is(isDifferentiable(d), isFloat(d) || isComplex(d));
    t.is(isInteger(d), kindOf(d) === "int" || kindOf(d) === "uint");
    t.is(bytesOf(complexOf(realOf(d))) >= bytesOf(realOf(d)), true);
  }
  t.is(parseDType("float16"), undefined);
  t.false(isDType("toString"));
  t.deepEqual(["float", "double", "int", "complex", "bool_"].map((x) => parseDType(x)), ["float64", "float64", "int64", "complex128", "bool"] as DType[]);
});
