/** Golden text of converted Python: expressions, statements, scoping, order of evaluation. */
import test from "ava";
import { programText } from "../../../ts/frontend/array/text.js";
import { parsePython } from "../../../ts/frontend/python/index.js";

const golden = (source: string, name = "f"): string => programText(parsePython({ name: "m.py", text: source }, name));
const lines = (...l: string[]): string => `${l.join("\n")}\n`;
/** The body of `def f(a, b, A, g): <statements>`. */
const body = (...statements: string[]): string[] => golden(lines("import numpy as np", "import math", "def f(a, b, A, g):", ...statements.map((s) => `    ${s}`))).split("\n").slice(2, -1).map((l) => l.slice(2));
const value = (e: string): string => body(`return ${e}`)[0]!.slice("return ".length);

test("literals", (t) => {
  t.deepEqual(["1", "1.0", "1e3", ".5", "1_000", "0x_ff", "2j", "1.5e-3J", "True", "None", "'a\"' 'b'", "9007199254740993", "0o17", "1."].map(value),
    ["1", "1.0", "1000.0", "0.5", "1000", "255", "2j", "0.0015j", "true", "none", "\"a\\\"b\"", "9007199254740993n", "15", "1.0"]);
});

test("operators keep Python's precedence", (t) => {
  t.is(value("-a ** 2"), "(-(a ** 2))");
  t.is(value("a ** -b"), "(a ** (-b))");
  t.is(value("2 * a @ A"), "((2 * a) @ A)");
  t.is(value("not a in b"), "(not (a in b))");
  t.is(value("a if b else A if g else 1"), "(a if b else (A if g else 1))");
  t.is(value("a or b and not A"), "(a or (b and (not A)))");
  t.is(value("a // b % 3 << 1 & 7 ^ ~a"), "(((((a // b) % 3) << 1) & 7) ^ (~a))");
});

test("subscripts", (t) => {
  t.is(value("A[1:-1, ::2, None, ..., np.newaxis, b]"), "A[1:(-1), ::2, newaxis, ..., newaxis, b]");
  t.is(value("A[1,]"), "A[1]");
  t.is(value("A[()]"), "A[]");
  t.is(value("A[(a, b)]"), "A[a, b]");
  t.is(value("A[[0, 1]]"), "A[[0, 1]]");
  t.is(value("A[A > 0]"), "A[(A > 0)]");
});

test("calls", (t) => {
  t.is(value("np.sum(A, axis=(0, 1), keepdims=True)"), "@np.sum(A, axis=(0, 1), keepdims=true)");
  t.is(value("np.add.outer(a, b)"), "@np.add.outer(a, b)");
  t.is(value("A.T.sum(axis=-1)"), "A.T.sum(axis=(-1))");
  t.is(value("g(*a, b)"), "g(*a, b)");
  t.is(value("sum(x * 2 for x in A if x > 0 if x < 9)"), "@sum([(x * 2) for x in A if ((x > 0) and (x < 9))])");
  t.is(value("(lambda x, y=a: x + y)(1)"), "(def <lambda>(x, y=a); return (x + y))(1)");
});

test("chained comparisons evaluate the middle once", (t) => {
  t.is(value("0 < a < b <= 3"), "(((0 < a) and (a < b)) and (b <= 3))");
  t.deepEqual(body("return 0 < g(a) < b"), ["chain$0 = g(a)", "return ((0 < chain$0) and (chain$0 < b))"]);
  t.is(value("0 < np.sum(A) < b"), "((0 < @np.sum(A)) and (@np.sum(A) < b))");
});

test("assignments", (t) => {
  t.deepEqual(body("x = y = a", "(x, [y, *z]) = b", "A[x], A[y] = A[y], A[x]", "A.shape = (2, 3)", "A[1:] += b", "n: int = 3", "m: float", "x @= A"),
    ["x = y = a", "(x, (y, *z)) = b", "(A[x], A[y]) = (A[y], A[x])", "A.shape = (2, 3)", "A[1:] += b", "n = 3", "x @= A"]);
});

test("loops: labels are unique, else belongs to the loop, break leaves the innermost", (t) => {
  t.deepEqual(body("for i, (x, y) in enumerate(zip(a, b)):", "    while x:", "        if y: break", "        continue", "    else:", "        break", "else:", "    a = 1", "for i in range(3): pass"), [
    "loop0: for (i, (x, y)) in @enumerate(@zip(a, b))",
    "  loop1: while x", "    if y", "      break loop1", "    continue loop1", "  else", "    break loop0",
    "else", "  a = 1", "loop2: for i in @range(3)",
  ]);
});

test("elif, pass, docstrings, del of names, harmless with", (t) => {
  t.deepEqual(body('"""doc"""', "if a: pass", "elif b:", "    x = 1", "else:", "    x = 2", "...", "del x", "with np.errstate(divide='ignore'):", "    return a / b"),
    ["if a", "else", "  if b", "    x = 1", "  else", "    x = 2", "return (a / b)"]);
});

test("print has no effect, but what it calls may have", (t) => {
  t.deepEqual(body("print(a, np.sum(A))", "print(f'{a}', g(A), A.fill(0))", "return a"), ["g(A)", "A.fill(0)", "return a"]);
});

test("raise and assert keep their messages", (t) => {
  t.deepEqual(body("assert a > 0", "assert a, f'bad {a:.3f} {{x}} {b!r}'", "if b: raise ValueError('no')", "if g: raise RuntimeError", "raise TypeError(f'a{a + 1}') from None"), [
    'assert (a > 0), "assertion failed: a > 0"', 'assert a, "bad {a} {x} {b}"', "if b", '  raise "ValueError: no"', "if g", '  raise "RuntimeError"', 'raise "TypeError: a{a + 1}"',
  ]);
});

test("assignment expressions move before their statement", (t) => {
  t.deepEqual(body("if (n := len(A)) > b: return n", "y = (x := a) + x"), ["n = @len(A)", "if (n > b)", "  return n", "x = a", "y = (x + x)"]);
  t.deepEqual(body("while (r := g(A)) > b:", "    if r > 9: continue", "    A[0] = r", "else:", "    a = 2"), [
    "loop0: while true", "  r = g(A)", "  if (r > b)", "  else", "    a = 2", "    break loop0",
    "  if (r > 9)", "    continue loop0", "  A[0] = r",
  ]);
});

test("scopes: nested functions, nonlocal, comprehension variables of their own", (t) => {
  t.is(golden(lines("k = 2", "def f(x):", "    i = 5", "    def inner(y):", "        nonlocal i", "        i += y", "        z = k", "        return i + z", "    w = [i * j for i, j in x]", "    return inner(x) + i + len(w)")), lines(
    "program f (python)", "def f(x) locals i, i$0, inner, j, w", "  i = 5", "  def inner(y) locals z", "    i += y", "    z = k", "    return (i + z)",
    "  w = [(i$0 * j) for (i$0, j) in x]", "  return ((inner(x) + i) + @len(w))", "global k = 2"));
});

test("parameters: defaults are evaluated outside, keyword-only ones are marked", (t) => {
  t.is(golden("h = 2.0\ndef f(a, /, b=h, *, c, d=None): return a\n").split("\n")[1], "def f(a, b=h, *, c, d=none)");
});

test("a local name hides imports, built-ins and module names", (t) => {
  t.is(golden("import numpy as np\ndef f(sum, np): return sum(np.T)\n"), lines("program f (python)", "def f(sum, np)", "  return sum(np.T)"));
  t.is(golden("def sum(x): return x\ndef f(a): return sum(a)\n").split("\n")[2], "  return sum(a)");
  t.is(golden("def f(a):\n    import numpy as xp\n    from math import sqrt\n    return xp.sum(a) + sqrt(2)\n").split("\n")[2], "  return (@np.sum(a) + @math.sqrt(2))");
});
