/** What is refused, with what code, where, and that everything reached is reported at once. */
import test from "ava";
import { DaceError } from "../../../ts/base/errors.js";
import { parsePython } from "../../../ts/frontend/python/index.js";

function failure(source: string, name = "f"): DaceError {
  try { parsePython({ name: "m.py", text: source }, name); } catch (e) { if (e instanceof DaceError) return e; throw e; }
  throw new Error(`accepted: ${source}`);
}
const at = (e: DaceError): string => `${e.code.slice("ERR_DACE_".length)} ${e.loc?.line}:${e.loc?.column}`;

test("text that is not Python is PARSE, with its position", (t) => {
  t.is(at(failure("def f(x):\n    return x +\n")), "PARSE 2:15");
  t.is(at(failure("def f(x):\nreturn x\n")), "PARSE 2:1");
  t.is(at(failure("def f(x)\n    return x\n")), "PARSE 1:9");
  t.is(at(failure("def f(x, y, x):\n    return x\n")), "PARSE 1:13");
  t.is(at(failure("def f(x):\n    é = 'ü'; y = 012\n")), "PARSE 2:18");
  t.is(at(failure("def f(x):\n    y = 1e\n")), "PARSE 2:9");
  t.is(at(failure("def f(x):\n    y = 1__0\n")), "PARSE 2:9");
  t.is(at(failure("return 3\n")), "PARSE 1:1");
  t.is(at(failure("def f(x):\n    if x: break\n")), "PARSE 2:11");
  t.is(at(failure("def f(x):\n    for i in x:\n        def g(): continue\n")), "PARSE 3:18");
  t.is(at(failure("def f(x):\n    s = 'abc\n    return s\n")).slice(0, 7), "PARSE 2");
  t.notRegex(failure("def f(x):\n    return x +\n").summary, /line 2/);
});

test("a function that is not there is SOURCE_UNAVAILABLE and names those that are", (t) => {
  const e = failure("def one(x): return x\nclass two: pass\ndef three(x): return x\n");
  t.is(e.code, "ERR_DACE_SOURCE_UNAVAILABLE");
  t.is(e.hint, "it has one, three");
  t.is(failure("x = 1\n").hint, "it defines no function at the top level");
});

test("all problems of what is reached come in one error, in source order, each with a place and a hint", (t) => {
  const e = failure([
    "import numpy as np", "def helper(y):", "    with open(y) as g:", "        return g", "def unused(y):", "    yield y", "def f(x):",
    "    try:", "        x = 1 / x", "    except ValueError:", "        pass", "    z = {i for i in x}", "    w = undefined_name + helper(x)", "    return {1: 2}", "",
  ].join("\n"));
  t.is(e.code, "ERR_DACE_UNSUPPORTED");
  t.deepEqual([e.loc?.line, ...e.notes.map((n) => n.loc?.line)], [3, 9, 12, 13, 14]);
  t.truthy(e.hint);
  t.true(e.notes.every((n) => n.hint && n.loc?.column));
  t.deepEqual([e.summary, ...e.notes.map((n) => n.message)], ["with", "try around what may raise an exception", "a set comprehension", "the name undefined_name, which the file does not define", "a dictionary whose keys are not string literals"]);
});

test("columns count characters, and the caret is as wide as the construct", (t) => {
  const e = failure("def f(x):\n    π = 'ü😀'; y = {1, 2}\n    return y\n");
  t.is(at(e), "UNSUPPORTED 2:19");
  t.regex(e.message, /m\.py:2:19\n/);
  t.regex(e.message, /\^{6}(\n|$)/);
});

const refused: readonly (readonly [statement: string, what: RegExp])[] = [
  ["del x[1:]", /^del of a part$/], ["yield x", /^yield$/], ["class C: pass", /^a class$/], ["global N\n    N = 1", /^assigning to the module-level name N$/], ["with open(x) as y: pass", /^with$/],
  ["match x:\n        case [1, y]: pass", /^a pattern other than/], ["return (i for i in x)", /^a generator/],
  ["return [*x, 1]", /^\* in a tuple/], ["a, *b, c = x", /starred target/], ["return b'a'", /^bytes$/], ["x = ...", /^\.\.\. here$/],
  ["async def h(): pass", /^async code$/], ["@np.frompyfunc\n    def h(a): return a", /^a decorator/], ["return x + (x := 3)", /:=\) after a use/],
  ["return x > 0 and (y := x)", /:=\) in a part that may not be evaluated/], ["return [(y := i) for i in x]", /:=\) here/], ["return (lambda: (y := 1))()", /:=\) here/], ["x[(i := 0)] = i", /:=\) after a use/],
  ["return x * 2 + (y := g(x))", /whose value calls a function/], ["return g(x) + (y := 2)", /after a use/], ["return 1 < x < g(x) < 3", /in a part that may not/],
];
for (const [statement, what] of refused) {
  test(`refused: ${statement.replace(/\n */g, " ")}`, (t) => {
    const e = failure(`import numpy as np\nN = 2\ndef g(x): return x\ndef f(x):\n    ${statement}\n`);
    t.is(e.code, "ERR_DACE_UNSUPPORTED");
    t.regex([e.summary, ...e.notes.map((n) => n.message)].join("\n"), new RegExp(what.source, "m"));
    t.true((e.loc?.line ?? 0) >= 5 && (e.hint ?? "").length > 0);
  });
}

test("harmless decorators and read-only globals are accepted", (t) => {
  for (const d of ["import numba as nb\n@nb.njit(parallel=True)", "from numba import jit\n@jit", "import functools\n@functools.lru_cache(maxsize=None)", "from typing import final\n@final"]) {
    t.is(parsePython({ name: "m.py", text: `${d}\ndef f(x):\n    global N\n    return x * N\nN = 3\n` }, "f").entry.name, "f");
  }
  t.is(failure("from jax import jit\n@jit\ndef f(x): return x\n").summary, "a decorator that may change the function");
});

test("byte order mark, carriage returns and tabs", (t) => {
  t.is(parsePython({ name: "m.py", text: "\ufeffdef f(x):\r\n\ty = x\r\n\treturn y\r\n" }, "f").entry.body.length, 2);
});
