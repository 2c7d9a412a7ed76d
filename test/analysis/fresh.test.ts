/** What a buffer held before does not reach into lists that overwrite it, whole or slice by slice, before they read it. */
import test from "ava";
import { startsFresh } from "../../ts/analysis/fresh.js";
import { Build, id, num } from "../transform/build.js";

const START = (): Build => new Build("N", "k").data("A", "N", "N").temp("T", "N", "N");
const row = (b: Build, i: string, at: string): void => { b.loop(i, "0", "N", "any", () => b.set(`T[${at}, ${i}]`, [`A[0, ${i}]`], id)); };
const rows = (b: Build, i: string, from: string, to: string, shift = "0"): void => { b.loop(i, from, to, "any", () => { b.loop(`${i}j`, "0", "N", "any", () => b.set(`T[${i} + ${shift}, ${i}j]`, [`A[${i}, ${i}j]`], id)); }); };
const read = (b: Build, i = "r"): void => { b.loop(i, "0", "N", "any", () => b.set(`A[${i}, 0]`, [`T[N - 1 - ${i}, 0]`], id)); };
const fresh = (build: (b: Build) => void): boolean => { const b = START(); build(b); const g = b.graph("N - 1", "k"); return startsFresh(g, g.body, "T"); };

test("a row and the others, in any order, also of a roll by k", (t) => {
  t.true(fresh((b) => { rows(b, "i", "0", "N - 1", "1"); row(b, "j", "0"); read(b); }));
  t.true(fresh((b) => { row(b, "j", "N - 1"); rows(b, "i", "0", "N - 1"); read(b); }));
  t.true(fresh((b) => { rows(b, "i", "0", "N - k", "k"); rows(b, "l", "0", "k"); read(b); }));
});
test("in one nest with other things", (t) => {
  t.true(fresh((b) => {
    b.loop("x", "0", "N", "any", () => {
      b.loop("y", "0", "N - 1", "any", () => b.set("T[x, y + 1]", ["A[x, y]"], id));
      b.set("T[x, 0]", ["A[x, N - 1]"], id);
      b.set("A[x, 0]", [], () => num(1));
    });
    read(b);
  }));
});
test("not where a slice is missing, is added to, or where a read comes before the last of them", (t) => {
  t.false(fresh((b) => { rows(b, "i", "0", "N - 1"); read(b); }));
  t.false(fresh((b) => { rows(b, "i", "0", "N - 2", "1"); row(b, "j", "0"); read(b); }));
  t.false(fresh((b) => { rows(b, "i", "0", "N - 1", "1"); read(b); row(b, "j", "0"); read(b, "s"); }));
  t.false(fresh((b) => { rows(b, "i", "0", "N - 1", "1"); b.loop("j", "0", "N", "any", () => b.set("T[0, j]", ["A[0, j]"], id, "sum")); }));
  t.false(fresh((b) => { b.loop("i", "0", "N", "any", () => { b.loop("j", "0", "N", "any", () => b.set("T[i, j]", ["A[i, j]"], id)); b.set("A[i, 0]", ["T[N - 1 - i, 0]"], id); }); }));
  t.false(fresh((b) => { b.loop("i", "0", "N", "any", () => { b.loop("j", "i", "N", "any", () => b.set("T[i, j]", ["A[i, j]"], id)); }); row(b, "l", "0"); }));
});
