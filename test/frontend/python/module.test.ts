/** Module level: imports, constants, helpers, what is reached and what is not. */
import test from "ava";
import { exprText, programText } from "../../../ts/frontend/array/text.js";
import { parsePython } from "../../../ts/frontend/python/index.js";
import type { DaceError } from "../../../ts/base/errors.js";

const parse = (source: string): ReturnType<typeof parsePython> => parsePython({ name: "m.py", text: source }, "f");
/** What `return <e>` of a function becomes after the given module lines. */
const returned = (module: string, e: string): string => { const s = parse(`${module}\ndef f(x): return ${e}\n`).entry.body[0]!; return s.kind === "return" && s.value ? exprText(s.value) : ""; };
const global = (source: string, name: string): string => { const g = parse(source).globals.get(name); return g?.kind === "expression" ? exprText(g.value) : String(g?.kind); };
const problem = (source: string): string => { try { parse(source); return "none"; } catch (e) { return (e as DaceError).summary; } };

test("imports become library names", (t) => {
  t.is(returned("import numpy as np", "np.linalg.norm(x)"), "@np.linalg.norm(x)");
  t.is(returned("import numpy", "numpy.sum(x)"), "@np.sum(x)");
  t.is(returned("import numpy.linalg as la", "la.norm(x)"), "@np.linalg.norm(x)");
  t.is(returned("import numpy.linalg", "numpy.linalg.norm(x)"), "@np.linalg.norm(x)");
  t.is(returned("from numpy import sqrt as s, linalg", "s(linalg.norm(x))"), "@np.sqrt(@np.linalg.norm(x))");
  t.is(returned("from numpy.linalg import norm", "norm(x)"), "@np.linalg.norm(x)");
  t.is(returned("from math import *", "sin(pi)"), "@math.sin(@math.pi)");
  t.is(returned("from numpy import *", "sum(sin(x)) + len(x)"), "(@np.sum(@np.sin(x)) + @len(x))");
  t.is(returned("from numba import prange", "prange(3)"), "@range(3)");
  t.is(returned("import numba as nb", "nb.prange(3)"), "@range(3)");
  t.is(returned("try:\n    import numpy as np\nexcept ImportError:\n    np = None", "np.sum(x)"), "@np.sum(x)");
});

test("constants resolve lazily, helpers too, the rest is ignored", (t) => {
  const p = parse([
    "import numpy as np, pandas as pd, matplotlib.pyplot as plt", "G, (H, K) = 9.81, (1, 2)", "dt: float = G / 2", "A = B = np.array([[1.0, 2.0]])", "unused = open('x').read()",
    "class C: pass", "async def co(): await x", "def helper(y): return y * dt + other(y)", "def other(y): return y", "def broken(y):\n    yield y", "plt.plot(A)",
    "def f(x): return helper(x) + H + A", "if __name__ == '__main__':", "    G = 3", "    print(f(A))", "",
  ].join("\n"));
  t.deepEqual([...p.globals.keys()].sort(), ["A", "G", "H", "dt", "helper", "other"]);
  t.is(programText(p).split("\n").filter((l) => l.startsWith("global")).join("|"), "global A = @np.array([[1.0, 2.0]])|global G = 9.81|global H = 1|global dt = (G / 2)|global helper|global other");
});

test("the last binding counts for functions, the one before for module expressions", (t) => {
  t.is(global("N = 10\nM = 2 * N\nN = 20\ndef f(x): return x[M] + N\n", "M"), "(2 * N@1)");
  t.is(global("N = 10\nM = 2 * N\nN = 20\ndef f(x): return x[M] + N\n", "N"), "20");
  t.is(global("N = 10\nM = 2 * N\nN = 20\ndef f(x): return x[M] + N\n", "N@1"), "10");
  t.is(global("n = 1\nn += 2\ndef f(x): return x * n\n", "n"), "(n@1 + 2)");
  t.is(parse("def f(x): return 1\ndef f(x, y): return 2\n").entry.params.length, 2);
  t.is(global("a, b = g()\ndef g(): return 1, 2\ndef f(x): return b\n".replace("a, b = g()\ndef g(): return 1, 2", "def g(): return 1, 2\na, b = g()"), "b"), "g()[1]");
});

test("module state that is not a constant is refused where it is reached", (t) => {
  t.regex(problem("if x: N = 1\ndef f(x): return N\n"), /module-level name N, which is bound under a condition/);
  t.regex(problem("for N in range(3): pass\ndef f(x): return N\n"), /condition or in a loop/);
  t.regex(problem("import numpy as np\nA = np.zeros(3)\nA[0] = 1\ndef f(x): return A\n"), /module-level A, which this statement may change/);
  t.regex(problem("import numpy as np\nA = np.zeros(3)\nB = A\nB.fill(1)\ndef f(x): return A\n"), /module-level A, which/);
  t.regex(problem("import numpy as np\nA = np.zeros(3)\ndef init(y): y[0] = 1\ninit(A)\ndef f(x): return A\n"), /module-level A, which/);
  t.is(problem("n = 3\ndef show(y): return y\nshow(n)\ndef f(x): return n\n"), "none");
  t.regex(problem("N = 1\ndef g(): return N\nM = g()\nN = 2\ndef f(x): return M\n"), /while N does not have its final value/);
  t.regex(problem("M = N\nN = 2\ndef f(x): return M\n"), /N, used before it is bound/);
  t.regex(problem("class C(dict): pass\ndef f(x): return C()\n"), /a class that extends dict/);
  t.regex(problem("import numpy as np\nA = np.zeros(3)\ndef f(x):\n    A[0] = x\n    return A\n"), /assigning to a part of the module-level A/);
  t.regex(problem("import scipy.optimize as so\nimport foo\ndef f(x): return foo.bar(x)\n"), /foo\.bar, which is of a module that is not supported/);
  t.regex(problem("if x: pass\nelse:\n    def g(y): return y\ndef f(x): return g(x)\n"), /bound under a condition/);
});
