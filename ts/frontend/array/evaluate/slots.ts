/** `u = f(u)` for an array variable that a loop gave a container of its own: the new array is stored there at once. */
import type { SourceLoc } from "../../../base/errors.js";
import { equals } from "../../../symbolic/expr.js";
import { noteParts, store } from "../store.js";
import { type Value, shapeOf } from "../value.js";
import { sameView } from "./cells.js";
import type { Evaluator } from "./evaluator.js";
import { referenced } from "./loop-variables.js";
import { ownerOf } from "./variables.js";

/** True if the assignment was made. Only where no other variable names the container: then nobody can tell it from a new array. */
export function storeInPlace(ev: Evaluator, name: string, v: Value, loc: SourceLoc): boolean {
  if (v.kind !== "lazy") return false;
  const frame = ownerOf(ev.frame, name), b = frame?.vars.get(name);
  if (!frame || frame !== ev.frame || b?.kind !== "value" || b.value.kind !== "array") return false;
  const target = b.value, own = ev.slots.get(target.data), { ctx } = ev;
  if (own?.frame.vars !== frame.vars || own.name !== name || target.dtype !== v.dtype || !sameView(target, ctx.whole(target.data))) return false;
  const shape = shapeOf(target);
  if (shape.length !== v.shape.length || !shape.every((e, d) => equals(e, v.shape[d]!))) return false;
  if (referenced(ev, ctx.bufferOf(target.data), frame, name)) return false;
  const from = ctx.body.length;
  store(ctx, target, v, loc);
  noteParts(ctx, v, target, from, name, loc);
  for (const n of ctx.body.slice(from)) ev.rebindings.add(n.id);
  return true;
}
