/** JavaScript's functions, methods and operators: each small function gives what the same function gives when it is simply called. */
import test from "ava";
import { jit, NDArray } from "../../../../ts/index.js";

type F = (...args: never[]) => unknown;
const a = (): Float64Array => Float64Array.of(1.5, -2.25, 0.5, 3.75, -0.5, 2);
const b = (): Float64Array => Float64Array.of(0.1, 0.7, -1.3, 2.2);

function plain(x: unknown): unknown {
  if (x instanceof NDArray) return (x.toArray() as number[]).flat(Infinity);
  if (ArrayBuffer.isView(x)) return Array.from(x as Float64Array, Number);
  if (Array.isArray(x)) return x.map(plain);
  return typeof x === "boolean" ? Number(x) : x;
}
const same = (x: unknown, y: unknown): boolean => {
  if (Array.isArray(x) && Array.isArray(y)) return x.flat(Infinity).length === y.flat(Infinity).length && x.flat(Infinity).every((e, i) => same(e, y.flat(Infinity)[i]));
  return Object.is(x, y) || x === y || (typeof x === "number" && typeof y === "number" && Math.abs(x - y) <= 1e-13 * Math.max(1, Math.abs(y)));
};
const fresh = (args: readonly unknown[]): unknown[] => args.map((x) => (ArrayBuffer.isView(x) ? (x as Float64Array).slice() : x));

/** Runs each function both ways and compares the result and the arguments afterwards. */
function agree(t: { deepEqual(a: unknown, b: unknown): void }, cases: Readonly<Record<string, readonly [F, ...unknown[]]>>): void {
  const wrong: string[] = [];
  for (const [name, [f, ...args]] of Object.entries(cases)) {
    const theirs = fresh(args), ours = fresh(args);
    const expected = plain([(f as (...x: unknown[]) => unknown)(...theirs), theirs]);
    try {
      const got = plain([jit(f as (...x: unknown[]) => unknown, { device: "js", cache: false })(...ours), ours]);
      if (!same(got, expected)) wrong.push(`${name}: ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`);
    } catch (e) { wrong.push(`${name}: ${e instanceof Error ? e.message.split("\n").slice(0, 3).join(" ") : String(e)}`); }
  }
  t.deepEqual(wrong, []);
}

test("Math of doubles", (t) => {
  agree(t, {
    elementary: [(x: number) => [Math.sqrt(x), Math.exp(x), Math.log(x), Math.log2(x), Math.log10(x), Math.log1p(x), Math.expm1(x), Math.cbrt(x), Math.sin(x), Math.cos(x), Math.tan(x), Math.asin(x / 2), Math.acos(x / 2), Math.atan(x)], 1.7],
    hyperbolic: [(x: number) => [Math.sinh(x), Math.cosh(x), Math.tanh(x), Math.asinh(x), Math.acosh(x), Math.atanh(x / 2)], 1.7],
    two: [(x: number, y: number) => [Math.atan2(x, y), Math.atan2(y, x), Math.hypot(x, y), Math.hypot(x), Math.hypot(x, y, 3), Math.pow(x, y), x ** 2, x ** y, Math.pow(x, 3)], 1.7, -0.6],
    rounding: [(x: number, y: number) => [Math.floor(x), Math.ceil(x), Math.round(x), Math.trunc(x), Math.floor(y), Math.ceil(y), Math.round(y), Math.trunc(y), Math.round(y - 0.9), Math.sign(y), Math.abs(y), Math.fround(x)], 1.7, -0.6],
    extrema: [(x: number, y: number) => [Math.max(x, y), Math.min(x, y), Math.max(x, y, 2.5), Math.min(x, 0, y), Math.max(), Math.min(), Math.max(x), Math.max(x, NaN)], 1.7, -0.6],
    constants: [(x: number) => [Math.PI * x, Math.E, Math.LN2, Math.SQRT2, Number.EPSILON, Number.MAX_SAFE_INTEGER, Infinity - x], 1.7],
    predicates: [(x: number) => [Number.isInteger(x), Number.isInteger(x * 0 + 3), Number.isFinite(x), Number.isNaN(x), isNaN(x / 0 - x / 0), isFinite(x / 0), Number.isSafeInteger(x), Number(x), Boolean(x), Number(x > 1), +(x > 1)], 1.7],
    modulo: [(x: number, y: number) => [x % y, y % x, -x % 0.4, 7.5 % 2, -7.5 % 2], 1.7, -0.6],
    spread: [(v: Float64Array) => [Math.max(...v), Math.min(...v), Math.hypot(...v), Math.max(0, ...v), Math.min(...v, -5)], a()],
    spreadEmpty: [(v: Float64Array) => [Math.max(...v), Math.min(...v)], new Float64Array(0)],
  });
});

test("integers and bits", (t) => {
  agree(t, {
    division: [(n: number, v: Float64Array) => [v[Math.floor(n / 2)], v[(n / 2) | 0], v[Math.trunc(n / 2)], v[n >> 1], v[Math.ceil(n / 2)], v[Math.round(n / 2)], v[n >>> 1], v[~~(n / 2)]], 5, a()],
    remainders: [(n: number, m: number, v: Float64Array) => [v[n % m], v[(n + m) % m], v[(((n - 7) % m) + m) % m], (n - 7) % m, -n % m], 5, 3, a()],
    periodic: [(v: Float64Array) => { const n = v.length, r = new Float64Array(n); for (let i = 0; i < n; i++) r[i] = v[(i + 1) % n]! - v[(i - 1 + n) % n]!; return r; }, a()],
    signed: [(v: Float64Array) => { const n = v.length, r = new Float64Array(n); for (let i = 0; i < n; i++) r[(((i - 9) % n) + n) % n]! += v[i]!; return r; }, a()],
    bits: [(n: number, v: Float64Array) => { let s = 0; for (let i = 0; i < n; i++) s += v[i & 3]! * (i | 1) + (i ^ 5) - (i << 2) + (i >> 1) + ~i; return s; }, 6, b()],
    truncation: [(x: number, y: number) => [x | 0, y | 0, ~~(x * 10), (x * 1e10) | 0, (y * 1e12) | 0, (x * 4e9) >>> 0, (-x * 4e9) >>> 0, -1 >>> 0, x >> 1, x << 3, (x / 0) | 0], 12345.678, -98765.4321],
    hash: [(v: Float64Array) => { let h = 17; for (let i = 0; i < v.length; i++) h = (Math.imul(h, 31) + (v[i]! * 1000)) | 0; return h; }, a()],
    generator: [(n: number) => { let s = 42, sum = 0; for (let i = 0; i < n; i++) { s = (s * 1103515245 + 12345) % 2147483648; sum += s / 2147483648; } return sum; }, 20],
    xorshift: [(n: number) => { let x = 123456789; for (let i = 0; i < n; i++) { x ^= x << 13; x ^= x >>> 17; x ^= x << 5; } return x; }, 9],
    clz: [(x: number) => [Math.clz32(x), Math.clz32(0.5), Math.clz32(x * 1e9), Math.clz32(-1), Math.imul(x, 3), Math.imul(x * 1e6, x * 1e6)], 37],
    typedIntegers: [(v: Int32Array, x: number) => { const c = new Uint8Array(4), d = new Int16Array(3); c[0] = 300; c[1] = -1; c[2] = x; d[0] = 70000; d[1] = -x; return [c, d, v[0]! + v[1]!, v[1]! / 2, v[2]! | 0]; }, Int32Array.of(7, -3, 9), 5.9],
    negativeZero: [(n: number) => { const r = new Float64Array(3); for (let i = 0; i < n; i++) r[i] = 1 / (-i * 0 - 0) + Math.atan2(-i, -1); return r; }, 3],
    power: [(n: number) => [n ** 2, 2 ** n, n ** 0.5, n * n * n, n / 2, n / 3], 5],
    counts: [(n: number) => { let count = 0; for (let i = n; i > 1; i = i % 2 === 0 ? i / 2 : 3 * i + 1) count++; return count; }, 27],
  });
});

test("conditions", (t) => {
  agree(t, {
    truth: [(x: number, n: number) => [x ? 1 : 2, n ? 1 : 2, 0 ? 1 : 2, NaN ? 1 : 2, !x, !!n, x && 3, n || 7, (x - x) || 5], 1.7, 3],
    nan: [(x: number) => { const z = x / 0 - x / 0; return [z ? 1 : 2, z === z, z !== z, z < 1, z > 1, !z]; }, 1.7],
    compare: [(x: number, n: number) => [x === 1.7, x !== n, x < n, n >= 3, n === 3, true === (x > 1), x > 1 === n > 1], 1.7, 3],
    ternary: [(v: Float64Array) => { let s = 0; for (let i = 0; i < v.length; i++) s += v[i]! > 0 ? v[i]! : i > 2 ? -1 : 2 * v[i]!; return s; }, a()],
    typeof: [(x: number, v: Float64Array) => (typeof x === "number" ? 1 : 0) + (typeof v === "object" ? 2 : 0) + (typeof x === "undefined" ? 4 : 0), 1, a()],
  });
});

test("making arrays", (t) => {
  agree(t, {
    typed: [(n: number, v: Float64Array) => [new Float64Array(n), new Float64Array(v), new Float64Array([1, 2, n]), new Float32Array(v), new Int32Array(v), Float64Array.of(1, n, 3), Float64Array.from(v), new Uint8Array(n)], 4, a()],
    copies: [(v: Float64Array) => { const c = new Float64Array(v), d = v.slice(); c[0] = 100; d[1] = 50; return [v, c, d]; }, a()],
    fill: [(n: number) => [new Float64Array(n).fill(2.5), new Array(n).fill(0), Array(n).fill(n), new Float64Array(n).fill(1, 1, 3), new Float64Array(n).fill(1, -2)], 4],
    from: [(n: number, v: Float64Array) => [Array.from({ length: n }, (_, i) => i * i), Float64Array.from({ length: n }, (_, i) => v[i]! * 2), Float64Array.from(v, (x) => x + 1), Array.from(v), Array.from([1, 2, 3], (x) => x * 2)], 4, a()],
    blocks: [(n: number, v: Float64Array) => Array.from({ length: n }, (_, i) => { let s = 0; for (let j = 0; j <= i; j++) s += v[j]!; return s; }), 5, a()],
    rows: [(n: number) => { const g = Array.from({ length: n }, () => new Float64Array(3)); for (let i = 0; i < n; i++) for (let j = 0; j < 3; j++) g[i]![j] = i * 10 + j; let s = 0; for (let i = 0; i < n; i++) s += g[i]![i % 3]! * (i + 1); return s; }, 4],
    spread: [(v: Float64Array) => { const c = [...v], d = [0, ...v, 9]; c[0] = 7; return [c, d, v[0]]; }, a()],
    literals: [(x: number, i: number) => { const w = [0.5, x, 2]; let s = 0; for (let k = 0; k < w.length; k++) s += w[k]! * k; return [s, w[i]!, w]; }, 1.7, 2],
  });
});

test("views and in-place methods", (t) => {
  agree(t, {
    slice: [(v: Float64Array, n: number) => [v.slice(), v.slice(1), v.slice(1, 3), v.slice(-2), v.slice(0, -1), v.slice(n), v.slice(2, 100), v.slice(4, 2)], a(), 2],
    subarray: [(v: Float64Array, n: number) => { const s = v.subarray(n, n + 3); s[0] = 9; s.fill(4, 1); return [v, s.length, v.subarray(-2)]; }, a(), 1],
    set: [(v: Float64Array, w: Float64Array, n: number) => { v.set(w, n); v.set([1, 2]); v.set(w.subarray(1, 3), 4); return v; }, a(), b(), 1],
    overlap: [(v: Float64Array) => { v.set(v.subarray(0, 4), 1); v.set(v.subarray(2, 5), 0); return v; }, a()],
    copyWithin: [(v: Float64Array) => { v.copyWithin(1, 0, 4); v.copyWithin(0, 3); v.copyWithin(-2, 0); return v; }, a()],
    reverse: [(v: Float64Array) => { const r = v.reverse(); r[0] = 5; return [v, v.at(0), v.at(-1), v.at(1)]; }, a()],
    length: [(v: Float64Array) => v.length * 2 + v.subarray(1).length + [1, 2].length, a()],
    concat: [(x: number) => { const c = [1, x].concat([3], 4); return [c, c.length, c.slice(1), [[1, 2], [x]].flat()]; }, 1.7],
    reads: [(v: Float64Array) => [v.includes(0.5), v.includes(0.75), [1, 2].includes(2)], a()],
    iteration: [(v: Float64Array) => { let s = 0; for (const x of v) s += x; for (const [i, x] of v.entries()) s += i * x; for (const i of v.keys()) s += i; for (const x of v.values()) s -= x * x; return s; }, a()],
  });
});

test("callbacks", (t) => {
  agree(t, {
    map: [(v: Float64Array, k: number) => [v.map((x) => x * x), v.map((x, i) => x + i * k), v.map((x, i, w) => x - w[0]! * i), v.map(Math.abs), [1, 2, k].map((x) => x * 2)], a(), 3],
    mapChain: [(v: Float64Array) => v.map((x) => x + 1).map((x) => x * x).reduce((s, x) => s + x, 0), a()],
    mapRounds: [(v: Float32Array) => v.map((x) => x / 3), Float32Array.of(1, 2, 3.3)],
    mapIntegers: [(v: Int32Array) => v.map((x) => x / 2), Int32Array.of(1, 2, 7)],
    mapRows: [(v: Float64Array) => { const rows = Array.from(v).map((x) => [x, x * x]); let s = 0; for (const [p, q] of rows) s += p! * q!; return s; }, a()],
    forEach: [(v: Float64Array) => { let s = 0, n = 0; v.forEach((x, i) => { s += x * i; if (x > 0) n++; }); return [s, n]; }, a()],
    forEachWrites: [(v: Float64Array) => { const r = new Float64Array(v.length); v.forEach((x, i) => { r[i] = 2 * x; }); v.forEach((_x, i, w) => { w[i]! += 1; }); return r; }, a()],
    forEachIn: [(v: Float64Array, n: number) => { let s = 0; for (let k = 0; k < n; k++) { let p = 1; v.forEach((x) => { p *= x; s += p; }); } return s; }, a(), 3],
    reduce: [(v: Float64Array) => [v.reduce((s, x) => s + x, 0), v.reduce((s, x) => s + x), v.reduce((m, x) => Math.max(m, x), -Infinity), v.reduce((s, x, i) => s + i * x, 1), [1, 2, 3].reduce((p, q) => p * q)], a()],
    dot: [(v: Float64Array, w: Float64Array) => w.reduce((s, x, i) => s + x * v[i]!, 0), a(), b()],
    tests: [(v: Float64Array) => [v.every((x) => x < 10), v.every((x) => x > 0), v.some((x) => x > 3), v.some((x) => x > 30), v.findIndex((x) => x < 0), v.findIndex((x) => x > 99)], a()],
    closures: [(v: Float64Array, n: number) => { let calls = 0; const g = (x: number): number => { calls += 1; return x * n; }; const r = v.map(g); return [r, calls]; }, a(), 3],
    userEach: [(v: Float64Array) => { function each(w: Float64Array, g: (x: number) => void): void { for (let i = 0; i < w.length; i++) g(w[i]!); } let s = 0, last = 0; each(v, (x) => { s += x; last = x; }); return [s, last]; }, a()],
    nested: [(v: Float64Array) => { let s = 0; v.forEach((x) => { v.forEach((y) => { s += x * y; }); }); return s; }, a()],
    exchanged: [(v: Float64Array, n: number) => { let p: Float64Array = v, q: Float64Array = new Float64Array(v.length); const step = (): void => { for (let i = 0; i < p.length; i++) q[i] = p[i]! * 0.5 + i; [p, q] = [q, p]; }; for (let k = 0; k < n; k++) step(); return p.reduce((s, x) => s + x, 0); }, a(), 3],
  });
});
