/**
 * Which values go to tapes: of what is not at hand, the set with the fewest bytes from which the backward sweep can make everything else it wants, none of it too
 * dear to make (what is made is made at every use).
 */
import { substitute, type Expr } from "../symbolic/expr.js";
import { cheapestCut, type CutNode } from "./cut.js";
import type { Spot } from "./tapes.js";
import { sourcesOf, type Value } from "./values.js";

/** Flops (elementary functions weighed) and loaded values that are taken to be cheaper than a tape's write and read; and where the tape would grow with the steps of a loop, which leaves the caches. */
const CHEAP = { flops: 48, loads: 8 }, WORTHWHILE = { flops: 96, loads: 24 };

/** Ids of what is captured. */
export interface Kept { has(id: string): boolean }

/** Ids of the spots to capture, with what each takes. */
export function chooseTapes(wanted: readonly Value[], weight: (s: Spot) => number): ReadonlyMap<string, number> {
  const missing = wanted.filter((v) => !v.live), isWanted = new Set(missing), order: Value[] = [];
  const spots = new Map<string, Spot>(), from = new Map<string, Set<string> | undefined>();
  const seen = new Set<Value>();
  const visit = (v: Value): void => {
    if (v.live || seen.has(v)) return;
    seen.add(v);
    const { id } = v.spot!;
    spots.set(id, v.spot!);
    const sources = sourcesOf(v);
    if (!sources) from.set(id, undefined);
    else if (!from.has(id) || from.get(id)) from.set(id, new Set([...from.get(id) ?? [], ...sources.flatMap((i) => (i.live ? [] : [i.spot!.id]))]));
    sources?.forEach(visit);
    if (isWanted.has(v)) order.push(v);
  };
  missing.forEach(visit);
  const weights = new Map([...spots].map(([id, s]) => [id, weight(s)])), forced = new Set<string>();
  for (;;) {
    const nodes = new Map<string, CutNode>([...spots.keys()].map((id) => {
      const f = forced.has(id) ? undefined : from.get(id);
      return [id, { weight: weights.get(id)!, from: f && [...f] }];
    }));
    const kept = cheapestCut(nodes, missing.map((v) => v.spot!.id));
    const dear = order.filter((v) => !kept.has(v.spot!.id) && !isCheap(v, kept));
    if (dear.length === 0) return new Map([...kept].map((id) => [id, weights.get(id)!]));
    // What something is made from comes first: with that on a tape it may be cheap.
    for (const v of dear) if (!kept.has(v.spot!.id) && !isCheap(v, kept)) { const id = relief(v, kept, weights); forced.add(id); kept.add(id); }
  }
}

/** The value, or one of those that it is made from and that takes fewer bytes, whose capture makes it cheap. */
function relief(v: Value, kept: ReadonlySet<string>, weights: ReadonlyMap<string, number>): string {
  let best = v.spot!.id;
  const seen = new Set<string>([best]);
  const visit = (x: Value): void => {
    if (x.live || kept.has(x.spot!.id)) return;
    const { id } = x.spot!;
    if (!seen.has(id)) {
      seen.add(id);
      if (weights.get(id)! < weights.get(best)! && isCheap(v, new Set([...kept, id]))) best = id;
    }
    if (seen.size < 24) sourcesOf(x)?.forEach(visit);
  };
  visit(v);
  return best;
}

/** From this many flops on, what several nodes want is made once per iteration of the loops around, into an array for that iteration. */
const SHARED_FLOPS = 16;

/** Ids of the spots whose values are made once and shared: all that nodes make which run again. `wanted`: with the nodes that want them. */
export function sharedValues(wanted: ReadonlyMap<Value, ReadonlySet<number>>, kept: Kept): ReadonlySet<string> {
  const users = new Map<string, Set<string>>(), order: Value[] = [], seen = new Set<Value>();
  const use = (v: Value, by: string): void => { const s = users.get(v.spot!.id); if (s) s.add(by); else users.set(v.spot!.id, new Set([by])); };
  const isMade = (v: Value): boolean => !v.live && !kept.has(v.spot!.id) && sourcesOf(v) !== undefined;
  const visit = (v: Value): void => {
    if (seen.has(v) || !isMade(v)) return;
    seen.add(v);
    for (const i of sourcesOf(v)!) if (isMade(i)) { use(i, v.spot!.id); visit(i); }
    order.push(v);
  };
  for (const [v, nodes] of wanted) if (isMade(v)) { for (const n of nodes) use(v, `${n}`); visit(v); }
  const shared = new Set<string>(), flops = new Map<Value, number>(), barred = new Set(order.flatMap((v) => (v.exact !== "close" || v.spot!.loops.length === 0 ? [v.spot!.id] : [])));
  // Inputs come before what is made from them.
  for (const v of order) {
    if (v.replay) { shared.add(v.spot!.id); continue; }
    const own = v.made!.flops + v.made!.inputs.reduce((s, i) => s + (isMade(i) && !shared.has(i.spot!.id) ? flops.get(i) ?? 0 : 0), 0), { id } = v.spot!;
    flops.set(v, own);
    if (own >= SHARED_FLOPS && users.get(id)!.size > 1 && !barred.has(id)) shared.add(id);
  }
  return shared;
}

type At = readonly ReadonlyMap<string, Expr>[];
function isCheap(v: Value, kept: Kept): boolean {
  const limit = v.spot!.loops.length > 0 ? WORTHWHILE : CHEAP, loads = new Set<string>();
  let flops = 0;
  const visit = (x: Value, at: At): boolean => {
    if (x.live || kept.has(x.spot!.id)) {
      loads.add(`${x.access.data}[${x.access.index.map((e) => at.reduce((y, m) => substitute(y, m), e).key).join(",")}]`);
      return loads.size <= limit.loads;
    }
    flops += (x.made ?? x.replay)!.flops;
    if (flops > limit.flops) return false;
    return x.made ? x.made.arms.every((arm) => arm.inputs.every((i) => visit(i, [arm.at, ...at]))) : x.replay!.inputs.every((i) => visit(i, at));
  };
  return visit(v, []);
}
