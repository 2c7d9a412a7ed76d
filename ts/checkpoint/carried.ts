/**
 * Tapes that others make superfluous: what stands somewhere at the head of an iteration, and what that iteration leaves there for the next one, are one sequence. Where both would be kept,
 * one tape does, read at the iteration before. Only in loops that keep rows of different lengths anyhow: a loop whose tapes are read row by row can be run again
 * in segments, which is worth more (apply/candidates.ts).
 */
import { nameOf, type Around } from "../analysis/paths.js";
import { addInt, equals, sub, substitute, sym } from "../symbolic/expr.js";
import type { Kept } from "./choose.js";
import type { Spot } from "./tapes.js";
import { sourcesOf, type Carried, type Value, type Values } from "./values.js";

export interface Carries { readonly byValue: ReadonlyMap<Value, Carried>; /** Bytes that are not kept for it. */ readonly saved: number }

export function carriedTapes(wanted: Iterable<Value>, kept: Kept, values: Values, weight: (s: Spot) => number): Carries {
  const users = new Map<string, Value[]>(), seen = new Set<Value>(), byValue = new Map<Value, Carried>(), needed = new Set<string>(), uneven = new Set<Around>();
  const visit = (v: Value): void => {
    if (v.live || seen.has(v)) return;
    seen.add(v);
    const { id } = v.spot!;
    if (!kept.has(id)) { sourcesOf(v)?.forEach(visit); return; }
    const l = users.get(id);
    if (l) l.push(v); else users.set(id, [v]);
    for (const loop of v.spot!.rows) if (v.spot!.slice.some((s) => varies(s, loop))) uneven.add(loop);
  };
  for (const v of wanted) visit(v);
  let saved = 0;
  for (const [id, all] of uneven.size > 0 ? users : []) {
    if (needed.has(id)) continue;
    const found = all.map((v) => values.carried(v)), own = all[0]!.spot!;
    const good = found.every((c, k): c is Carried => c !== undefined && uneven.has(c.loop) && all[k]!.spot!.rows.includes(c.loop) && isRow(c.before, c.loop) && c.before.spot!.id !== id && kept.has(c.before.spot!.id)
      && ![...byValue].some(([v]) => v.spot!.id === c.before.spot!.id) && (c.entry.live !== undefined || !c.entry.spot!.loops.includes(c.loop)));
    if (!good) continue;
    const entries = new Map(found.flatMap((c) => (c.entry.live ? [] : [[c.entry.spot!.id, c.entry.spot!]])));
    const gain = weight(own) - [...entries.values()].reduce((s, x) => s + weight(x), 0);
    if (gain <= 0) continue;
    saved += gain;
    all.forEach((v, k) => { byValue.set(v, found[k]!); });
    for (const c of found) needed.add(c.before.spot!.id);
  }
  return { byValue, saved };
}

/** Is the value on a tape with a row of its own per iteration of the loop? */
const isRow = (v: Value, loop: Around): boolean => v.spot?.rows.includes(loop) === true;
function varies({ lo, hi }: Spot["slice"][number], loop: Around): boolean {
  const size = sub(hi, lo), name = nameOf(loop);
  return !equals(substitute(size, new Map([[name, addInt(sym(name), 1)]])), size);
}
