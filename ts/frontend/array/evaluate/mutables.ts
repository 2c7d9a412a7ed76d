/** Lists and objects live in the compiler: what changes them must happen the same number of times in every run. */
import type { SourceLoc } from "../../../base/errors.js";
import type { ObjectValue, TupleValue, Value } from "../value.js";
import { sameFixed } from "./cells.js";
import type { Evaluator } from "./evaluator.js";
import { allFrames } from "./variables.js";

type Contents = Map<TupleValue | ObjectValue, readonly Value[]>;

function itemsOf(v: TupleValue | ObjectValue): Value[] { return v.kind === "object" ? [...v.entries.values()] : v.items; }

/** Lists and objects that variables refer to, with what is in them now. */
export function mutables(ev: Evaluator): Contents {
  const out: Contents = new Map();
  const visit = (v: Value): void => {
    if (v.kind === "method") { visit(v.self); return; }
    if ((v.kind !== "list" && v.kind !== "tuple" && v.kind !== "object") || out.has(v)) return;
    const items = [...itemsOf(v)];
    out.set(v, items);
    items.forEach(visit);
  };
  for (const f of allFrames(ev)) for (const b of f.vars.values()) if (b.kind === "value") visit(b.value);
  for (const v of ev.globals.values()) visit(v);
  return out;
}
/** Refuses a change made where the run decides whether, or how often, it happens. */
export function checkMutables(ev: Evaluator, before: Contents, loc: SourceLoc): void {
  for (const [v, old] of before) {
    const now = itemsOf(v);
    if (now.length !== old.length || now.some((x, i) => x !== old[i] && !sameFixed(x, old[i]!))) {
      ev.ctx.unsupported(`changing ${v.kind === "object" ? "an object" : "a list"} where the program's data decide whether or how often it happens`, loc, v.kind === "object" ? "use variables or arrays for what changes" : "fill an array of known length instead");
    }
  }
}
