/** Classes as records of parameters and of state: the functions of fixtures/classes.py against NumPy and differences, and what is refused. */
import test from "ava";
import { DaceError, grad, jit, python } from "../../../ts/index.js";
import { register } from "../array/library/algorithms.js";

register("js", "frontend/python", "classes");

const load = (text: string): ReturnType<typeof python> => python(`import numpy as np\nfrom dataclasses import dataclass, field\nfrom typing import NamedTuple\n${text}`, { function: "f" });
const OPTIONS = { device: "js", cache: false } as const;
const refused = (t: { throws: (f: () => unknown, e: object, m?: string) => DaceError | undefined }, text: string, ...args: unknown[]): DaceError => t.throws(() => jit(load(text), OPTIONS)(...args), { instanceOf: DaceError }, text)!;

test("an object of the module is not changed by a call", (t) => {
  const e = refused(t, "class P:\n    def __init__(self): self.n = 0.0\n    def add(self, x): self.n += x\nS = P()\ndef f(x):\n    S.add(x)\n    return S.n\n", 1.5);
  t.regex(e.message, /assigning n of the module's object/);
  t.is(e.loc?.line, 6);
});
test("fields that take arrays in loops", (t) => {
  const text = (body: string): string => `class P:\n    def __init__(self, u): self.u = u\ndef f(x):\n    p = P(x)\n${body.split("\n").map((l) => `    ${l}\n`).join("")}`;
  const x = Float64Array.of(1, 2, 3);
  // The argument is what it was: the field takes another array.
  t.deepEqual(jit(load(text("for i in range(3):\n    p.u = p.u * 2.0\nreturn x + p.u")), OPTIONS)(x), Float64Array.of(9, 18, 27));
  t.deepEqual(x, Float64Array.of(1, 2, 3));
  // In place, it is the argument.
  t.deepEqual(jit(load(text("for i in range(2):\n    p.u *= 2.0\nreturn x + p.u")), OPTIONS)(x.slice()), Float64Array.of(8, 16, 24));
  t.regex(refused(t, text("for i in range(3):\n    p.u = np.append(p.u, 1.0)\nreturn p.u"), x).message, /changes its shape/);
  t.regex(refused(t, text("q = p.u\nfor i in range(3):\n    q[0] += 1.0\n    p.u = p.u * 2.0\nreturn p.u"), x).message, /changed in place/);
  t.regex(refused(t, text("p.u = None\nfor i in range(3):\n    if p.u is None:\n        p.u = x * i\nreturn p.u"), x).hint ?? "", /first values/);
});
test("what classes do beyond that is refused at its place", (t) => {
  t.regex(refused(t, "class P:\n    def __getattr__(self, k): return 1.0\ndef f(x):\n    return P().a * x\n", 1.5).message, /the class P, which changes what attributes or instances are/);
  t.regex(refused(t, "class P(dict):\n    pass\ndef f(x):\n    p = P()\n    return x\n", 1.5).message, /a class that extends dict/);
  t.regex(refused(t, "@total\nclass P:\n    pass\ndef f(x):\n    p = P()\n    return x\n", 1.5).message, /a decorator that may change the class/);
  t.regex(refused(t, "class P:\n    def __init__(self, a): self.a = a\ndef f(x):\n    return P(x).b\n", 1.5).message, /an instance of P has no b/);
  t.regex(refused(t, "class P:\n    def __init__(self, a): self.a = a\ndef f(x):\n    return P(x) + 1.0\n", 1.5).hint ?? "", /give the class a method __add__/);
  t.regex(refused(t, "@dataclass\nclass P:\n    a: float\ndef f(x):\n    return P(x, 1.0).a\n", 1.5).message, /__init__ takes 2 arguments, not 3/);
});
test("integers in fields are sizes, and have no gradient", (t) => {
  const p = load("class G:\n    def __init__(self, n, L):\n        self.n = n\n        self.h = L / n\n    def total(self, k):\n        s = 0.0\n        for i in range(self.n): s += (k * i * self.h) ** 2\n        return s\ndef f(n, L, k):\n    return G(n, L).total(k)\n");
  t.is(jit(p, OPTIONS)(4, 2, 1.5), 1.5 ** 2 * 0.25 * 14);
  t.is(grad(p, { ...OPTIONS, wrt: "L" })(4, 2, 1.5), 1.5 ** 2 * 0.25 * 14);
});
