/** Classes, and methods of objects: against the functions themselves and differences. */
import test from "ava";
import { DaceError, jit } from "../../../ts/index.js";
import { parseJavaScript } from "../../../ts/frontend/javascript/index.js";
import { type F, OPTIONS, register } from "./functions.js";

const X = Float64Array.of(0.62, 0.31, 0.85, 0.47, 0.13, 0.94);

class Base { scale = 2; a: number; constructor(a: number) { this.a = a; } f(x: number): number { return this.a * x; } twice(x: number): number { return this.f(this.f(x)); } }
class Derived extends Base { off = 0.5; b: number; constructor(a: number, b: number) { super(a); this.b = b; } override f(x: number): number { return super.f(x) + this.b * this.scale + this.off; } }
class Third extends Derived { extra = 3; get product(): number { return this.extra * this.a; } }
class Complex {
  re: number; im: number;
  constructor(re: number, im = 0) { this.re = re; this.im = im; }
  mul(o: Complex): Complex { return new Complex(this.re * o.re - this.im * o.im, this.re * o.im + this.im * o.re); }
  add(o: Complex): Complex { return new Complex(this.re + o.re, this.im + o.im); }
  get abs2(): number { return this.re ** 2 + this.im ** 2; }
  static polar(r: number, t: number): Complex { return new Complex(r * Math.cos(t), r * Math.sin(t)); }
}
class Filter { #y = 0; static readonly scale = 2; readonly buf = new Float64Array(3); n = 0; k: number; constructor(k = 0.5) { this.k = k; } push(x: number): number { this.#y += this.k * (x - this.#y); this.buf[this.n % 3] = this.#y; this.n++; return this.#y; } mean(): number { let s = 0; for (const v of this.buf) s += v; return (Filter.scale * s) / 3; } }
class Counter { c = 0; get(): number { this.c += 1; return this.c; } at(k: number): number { this.c *= k; return this.c; } }
class Layer { #w: Float64Array; #n: number; constructor(w: Float64Array, n: number) { this.#w = w; this.#n = n; } forward(x: Float64Array): Float64Array { const out = new Float64Array(this.#n); for (let i = 0; i < this.#n; i++) for (let j = 0; j < x.length; j++) out[i]! += this.#w[i * x.length + j]! * Math.tanh(x[j]!); return out; } }
class Net { layers: Layer[]; constructor(...layers: Layer[]) { this.layers = layers; } forward(x: Float64Array): Float64Array { return this.layers.reduce((h, l) => l.forward(h), x); } }

const PROGRAMS: Readonly<Record<string, F>> = {
  "fields, super and overridden methods": (x) => { const d = new Third(x[0]!, x[1]!); return d.twice(x[2]!) * d.product + (d instanceof Base ? 1 : 0); },
  "instances made anew in a loop": (x) => { let z = new Complex(x[0]!, x[1]!), k = 0; const c = Complex.polar(x[2]!, x[3]!); while (k < 5 && z.abs2 < 4) { z = z.mul(z).add(c); k++; } return z.abs2 + k; },
  "state in private names, static members": (x) => { const f = new Filter(x[5]!); let s = 0; for (const v of x) s += f.push(v) * v; return s + f.mean(); },
  "methods with names of arrays' methods change their object": (x) => { const k = new Counter(); const a = k.get() * 10 + k.get(), b = k.c + k.at(3) * x[0]! + k.c; return a + b * x[1]!; },
  "layers": (x) => { const net = new Net(new Layer(x, 3), new Layer(x, 2)); let s = 0; for (const v of net.forward(x.subarray(0, 2))) s += v * v; return s; },
  "a class of a block": (x) => { class P { v: number; constructor(v: number) { this.v = v; } } class Sum extends P { n = 0; add(v: number): this { this.v += v * v; this.n++; return this; } } const a = new Sum(1); for (const v of x) a.add(v); return a.add(2).v * a.n; },
  "this of objects' methods": (x) => { const o = { k: 2, f(v: number): number { return this.k * v; }, g: function (v: number): number { this.k += 0.1; return this.f(v) + 1; } }; let s = 0; for (const v of x) s += o.g(v) ** 2; return s * o.k; },
};
register(PROGRAMS, X);
test("a class of a source text", (t) => {
  const p = parseJavaScript({ name: "m.js", text: "class V { constructor(x) { this.x = x; } sq() { return this.x * this.x; } }\nexport function f(x) { return new V(x[0]).sq(); }" }, "f");
  t.deepEqual([...p.globals].map(([k, g]) => `${k} ${g.kind}`), ["V class"]);
});
test("what classes may not", (t) => {
  const refused: [F, RegExp][] = [
    [(x) => { const z = x[1]!; class P { f(): number { return z; } } return new P().f() * x[0]!; }, /z, a variable of the function around, in a class/],
    [(x) => { (Base as unknown as { k: number }).k = 2; return x[0]!; }, /assigning a static member of a class/],
    [(x) => (Base as unknown as (a: number) => Base)(2).a * x[0]!, /calling the class Base without new/],
    [(x) => { class S { a = 1; set v(y: number) { this.a = y; } } return new S().a * x[0]!; }, /a setter/],
  ];
  for (const [f, message] of refused) t.regex(t.throws(() => jit(f, OPTIONS)(X.slice()), { instanceOf: DaceError }).message, message);
});
