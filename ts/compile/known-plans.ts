/**
 * Plans that were found in this process, by program and sizes. A search has a time budget, so on a busy machine it may end with less than another time: what was found once is
 * an incumbent for every limit that it keeps, and the smallest limit that was named is found again.
 */
import { createHash } from "node:crypto";
import type { Plan } from "../checkpoint/plan/index.js";
import type { Graph } from "../sdfg/sdfg.js";
import { graphText } from "../sdfg/text.js";

/** What a loop's option is told by in another search, whose list of options may be another. */
export interface OptionName { readonly kind: string; readonly parameter: number; readonly held: number; readonly inside: number }
export interface KnownPlan { readonly plan: Omit<Plan, "loops">; readonly options: readonly OptionName[]; readonly peak: number; readonly cost: number }

const PROGRAMS = 64, PLANS = 64;
const known = new Map<string, readonly KnownPlan[]>();

/** Identifies a planned graph and everything else that a plan's peak depends on. */
export function plansKey(graph: Graph, more: unknown): string { return createHash("sha256").update(graphText(graph)).update(JSON.stringify(more)).digest("hex"); }

/** None of them is beaten by another in both peak and cost; the cheapest first. */
export function knownPlans(key: string): readonly KnownPlan[] { return known.get(key) ?? []; }

export function rememberPlans(key: string, plans: readonly KnownPlan[]): void {
  const all = [...plans, ...knownPlans(key)].sort((a, b) => a.cost - b.cost || a.peak - b.peak), best: KnownPlan[] = [];
  for (const p of all) if (best.length === 0 || p.peak < best.at(-1)!.peak) best.push(p);
  known.delete(key);
  // The smallest must stay.
  known.set(key, best.length > PLANS ? [...best.slice(0, PLANS - 1), best.at(-1)!] : best);
  if (known.size > PROGRAMS) known.delete(known.keys().next().value!);
}

const nameOf = (o: OptionName): OptionName => ({ kind: o.kind, parameter: o.parameter, held: o.held, inside: o.inside });
export function knownPlan(plan: Plan, options: readonly OptionName[], peak: number, cost: number): KnownPlan { return { plan: { recompute: plan.recompute, offload: plan.offload }, options: options.map(nameOf), peak, cost }; }

/** The plan in terms of these lists of options; undefined if one of its options is not among them. */
export function planIn(p: KnownPlan, lists: readonly (readonly OptionName[])[]): Plan | undefined {
  const loops = lists.map((list, k) => list.findIndex((o) => { const q = p.options[k]; return q !== undefined && q.kind === o.kind && q.parameter === o.parameter && q.held === o.held && q.inside === o.inside; }));
  return loops.includes(-1) || p.options.length !== lists.length ? undefined : { ...p.plan, loops };
}
