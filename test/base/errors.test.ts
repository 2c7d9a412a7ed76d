/** Errors: the frame with its caret, hints, notes, and the difference between a user's mistake and ours. */
import test from "ava";
import { DaceError, formatLoc, InternalError, invariant, sourceFrame } from "../../ts/base/errors.js";

const file = { name: "p.py", text: "def f(x):\n\ty = x @ 3\n    return y\n" };

test("a frame shows the line, the one before, and carets under the construct", (t) => {
  t.is(sourceFrame({ file, line: 2, column: 6, endColumn: 11 }), "  1 | def f(x):\n  2 |  y = x @ 3\n    |      ^^^^^");
  t.is(sourceFrame({ file, line: 1, column: 5 }), "  1 | def f(x):\n    |     ^");
  t.is(sourceFrame({ file: { name: "x", text: "a\r\nb" }, line: 2, column: 1 }).split("\n")[1], "  2 | b");
  t.notThrows(() => sourceFrame({ file, line: 99, column: 1 }));
  t.is(formatLoc({ file, line: 2, column: 6 }), "p.py:2:6");
});

test("message, code, place, hint and notes", (t) => {
  const cause = new Error("x"), e = new DaceError("SHAPE", "no", { loc: { file, line: 2, column: 6 }, hint: "do", notes: [{ message: "here", loc: { file, line: 1, column: 1 }, hint: "or" }], cause });
  t.is(e.code, "ERR_DACE_SHAPE");
  t.deepEqual(e.loc, { file: "p.py", line: 2, column: 6 });
  t.is(e.summary, "no"); t.is(e.hint, "do"); t.is(e.cause, cause); t.is(e.name, "DaceError");
  for (const part of ["ERR_DACE_SHAPE: no", "p.py:2:6", "hint: do", "note: here (p.py:1:1)", "hint: or"]) t.true(e.message.includes(part), part);
  t.true(e instanceof Error);
});

test("broken invariants are ours", (t) => {
  t.notThrows(() => { invariant(true, "fine"); });
  const e = t.throws(() => { invariant(false, "broken"); }, { instanceOf: InternalError });
  t.is((e as InternalError).code, "ERR_DACE_INTERNAL");
  t.regex(e!.message, /bug in dace-ad-native/);
});
