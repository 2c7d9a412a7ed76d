/** Prints tasklet expressions: shared parts become variables, reads come from registers where the element is in one. */
import type { SourceLoc } from "../base/errors.js";
import type { ScalarExpr } from "../scalar/expr.js";
import { hashCons } from "../scalar/hashcons.js";
import type { Memlet } from "../sdfg/nodes.js";
import { visitAtoms, type Expr } from "../symbolic/expr.js";
import type { Integers } from "./integers.js";
import type { Failure, Language, Text } from "./language.js";
import { memletKey, type Place, type Scope } from "./scope.js";

export interface Printer {
  readonly language: Language;
  readonly integers: Integers;
  readonly scope: Scope;
  line(...texts: readonly Text[]): void;
  fresh(prefix: string): Text;
  place(data: string): Place;
  site(code: "BOUNDS" | "RAISED" | "NAN", message: string, loc: SourceLoc | undefined): number;
  readonly failure: Failure;
}

/** Indices loaded from data are checked, innermost first. */
export function checkIndices(p: Printer, data: string, index: readonly Expr[], loc: SourceLoc | undefined): void {
  const c = p.scope.graph.container(data);
  // What the compiler numbers itself is in place.
  if (c.role === "tape" || c.role === "count" || c.growable) { for (const e of index) checkLoads(p, e, loc); return; }
  index.forEach((e, d) => {
    if (checkLoads(p, e, loc)) p.line(p.language.check(p.integers.print(e), p.integers.print(c.shape[d]!), p.site("BOUNDS", `index out of range for axis ${d} of ${c.label ?? c.name}`, loc), p.failure));
  });
}
/** Checks the indices of the loads in an expression; true if there are any. */
export function checkLoads(p: Printer, e: Expr, loc: SourceLoc | undefined): boolean {
  if (!e.key.includes("[")) return false;
  let found = false;
  visitAtoms(e, (a) => { if (a.kind === "load") { found = true; checkIndices(p, a.data, a.index, loc); } });
  return found;
}

/** `shared`: keys of elements that the statements around read more than once. */
export function readMemlet(p: Printer, m: Memlet, shared: ReadonlySet<string>): Text {
  const known = p.scope.loaded(m);
  if (known !== undefined) return known;
  const c = p.scope.graph.container(m.data), at = p.place(m.data);
  const value = at.kind === "variable" ? at.text : p.language.read(at.text, p.integers.offset(p.integers.flat(c, m.index)), c.dtype);
  if (m.guard?.length) return `(${m.guard.map((g) => `${p.integers.print(g)} >= 0`).join(" && ")} ? ${value} : ${p.language.constant(0, undefined, c.dtype)})`;
  if (at.kind === "variable" || !shared.has(memletKey(m))) return value;
  const name = p.fresh("t");
  p.line(p.language.declare(name, c.dtype, value, false));
  p.scope.keep(m, name);
  return name;
}

/** The text of a value; statements that it needs are printed first. */
export function printValue(p: Printer, root: ScalarExpr, inputs: readonly Memlet[], shared: ReadonlySet<string>): Text {
  const code = hashCons(root);
  const uses = new Map<ScalarExpr, number>();
  const count = (e: ScalarExpr): void => {
    const n = uses.get(e) ?? 0;
    uses.set(e, n + 1);
    if (n > 0) return;
    if (e.kind === "op") for (const a of e.args) count(a); else if (e.kind === "cast") count(e.arg);
  };
  count(code);
  const texts = new Map<ScalarExpr, Text>();
  const print = (e: ScalarExpr): Text => {
    const known = texts.get(e);
    if (known !== undefined) return known;
    let text: Text;
    switch (e.kind) {
      case "const": text = p.language.constant(e.value, e.imag, e.dtype); break;
      case "symbolic": text = p.language.fromInt(p.integers.print(e.expr), e.dtype); break;
      case "input": {
        text = readMemlet(p, inputs[e.index]!, shared);
        const c = p.scope.graph.container(inputs[e.index]!.data);
        if (c.dtype !== e.dtype) text = p.language.cast(text, c.dtype, e.dtype);
        break;
      }
      case "cast": text = p.language.cast(print(e.arg), e.arg.dtype, e.dtype); break;
      case "op": text = p.language.op(e.op, e.dtype, e.args.map(print), e.args.map((a) => a.dtype)); break;
    }
    if ((e.kind === "op" || e.kind === "cast" || e.kind === "input") && (uses.get(e) ?? 0) > 1 && !/^[a-z]\d+s?$/.test(text)) {
      const name = p.fresh("t");
      p.line(p.language.declare(name, e.dtype, text, false));
      text = name;
    }
    texts.set(e, text);
    return text;
  };
  return print(code);
}
