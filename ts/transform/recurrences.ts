/**
 * Splits innermost sequential loops: what really depends on the iteration before stays in a short sequential loop, the rest becomes maps, which vectorise
 * (Allen and Kennedy's loop distribution at one level). Values that cross the border get an element per iteration.
 * Pre: a valid graph. Post: same values. Safe because the tasklets of a dependence cycle stay together and the groups keep the order of all dependences
 * between them, within an iteration and from one to the next.
 */
import type { Access } from "../analysis/accesses.js";
import { conflicts, loopFacts, mayMeet, type Relation } from "../analysis/dependence.js";
import { effectsOf } from "../analysis/order.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { renameLoop, rewriteNodes } from "../analysis/walk.js";
import type { Container, Loop, Node, Tasklet } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { freeSymbols, max, sub, sym, ZERO, type Expr } from "../symbolic/expr.js";
import { nonNegative, upperBound } from "../symbolic/prove.js";
import { freshContainer, isRegular, Names } from "./nests.js";
import { share } from "./share.js";

export function splitRecurrences(graph: Graph): Graph {
  const containers = new Map<string, Container>(graph.containers), names = new Names(graph);
  const visit = (list: readonly Node[], facts: Assumptions, around: readonly Loop[]): readonly Node[] => {
    let changed = false;
    const out = list.flatMap((n): readonly Node[] => {
      if (n.kind === "loop" && n.order !== "any" && n.body.length > 1 && n.body.every((x) => x.kind === "tasklet") && around.every((l) => l.order !== "any")) {
        const parts = split(graph, n, containers, names, facts, around);
        if (parts) { changed = true; return parts; }
      }
      const bs = bodiesOf(n);
      if (bs.length === 0) return [n];
      const inner = bs.map((b) => visit(b.list, n.kind === "loop" ? facts.with(...loopFacts(n)) : facts, n.kind === "loop" ? [...around, n] : around));
      if (inner.every((x, i) => x === bs[i]!.list)) return [n];
      changed = true;
      return [withBodies(n, inner)];
    });
    return changed ? out : list;
  };
  const body = visit(graph.body, graph.facts, []);
  return body === graph.body ? graph : graph.with({ body, containers });
}

function split(graph: Graph, original: Loop, containers: Map<string, Container>, names: Names, facts: Assumptions, around: readonly Loop[]): readonly Node[] | undefined {
  if (!isRegular([original]) || original.locals?.some((x) => graph.container(x).shape.length > 0)) return undefined;
  const trial = new Map(containers), l = share(graph, original, trial, facts.with(...loopFacts(original)));
  const inside = graph.with({ containers: trial });
  const tasks = l.body as readonly Tasklet[], locals = new Set(l.locals ?? []), n = tasks.length;
  const edges = dependences(inside, l, tasks, locals, facts);
  if (!edges) return undefined;
  const groups = grouped(n, edges);
  if (groups.length < 2 || !groups.some((g) => g.cyclic) || !groups.some((g) => !g.cyclic && g.members.some((t) => !locals.has(tasks[t]!.output.data) || tasks[t]!.code.kind === "op"))) return undefined;

  // Private scalars that one group sets and another reads.
  const groupOf = new Map<number, number>();
  groups.forEach((g, k) => { for (const t of g.members) groupOf.set(t, k); });
  const setIn = new Map<string, number>(), crossing = new Set<string>();
  tasks.forEach((t, i) => { if (locals.has(t.output.data)) setIn.set(t.output.data, groupOf.get(i)!); });
  tasks.forEach((t, i) => { for (const m of t.inputs) if (locals.has(m.data) && setIn.get(m.data) !== groupOf.get(i)) crossing.add(m.data); });
  const ranges = around.map((x) => ({ variable: x.variable, begin: x.begin, end: x.end }));
  const extent = upperBound(sub(l.end, l.begin), ranges, graph.facts);
  if (crossing.size > 0 && (!extent || extent.key.includes("[") || [...freeSymbols(extent)].some((s) => !graph.symbols.includes(s)))) return undefined;
  const index: readonly Expr[] = [sub(sym(l.variable), l.begin)], rows = new Map<string, string>();
  for (const x of crossing) {
    const name = freshContainer(trial, `${x}_row`);
    trial.set(name, { ...trial.get(x)!, name, shape: [nonNegative(extent!, graph.facts) === "yes" ? extent! : max(extent!, ZERO)] });
    rows.set(x, name);
  }
  for (const [k, c] of trial) containers.set(k, c);
  return groups.map((g, k): Loop => {
    const body = rewriteNodes(g.members.map((t) => tasks[t]!), { memlet: (m) => (rows.has(m.data) ? { ...m, data: rows.get(m.data)!, index } : m) });
    const own = [...locals].filter((x) => !rows.has(x) && body.some((t) => t.kind === "tasklet" && (t.output.data === x || t.inputs.some((m) => m.data === x))));
    const { locals: _, ...bare } = l;
    const part: Loop = { ...bare, id: freshId(), order: g.cyclic ? l.order : "any", body, ...(own.length > 0 ? { locals: own } : {}) };
    const variable = k === 0 ? l.variable : names.fresh(l.variable);
    return renameLoop(part, variable, sym(variable));
  });
}

interface Edges { readonly all: readonly ReadonlySet<number>[]; /** Those from one iteration to a later one. */ readonly carried: readonly ReadonlySet<number>[] }

/** Which tasklet has to run before which; undefined where a private scalar is not simply set once and then read. */
function dependences(graph: Graph, l: Loop, tasks: readonly Tasklet[], locals: ReadonlySet<string>, facts: Assumptions): Edges | undefined {
  const all = tasks.map(() => new Set<number>()), carried = tasks.map(() => new Set<number>());
  const accesses: Access[][] = tasks.map(() => []);
  for (const a of effectsOf(graph, l).accesses) { const at = tasks.indexOf(a.node as Tasklet); if (at >= 0) accesses[at]!.push(a); }
  for (const x of locals) {
    const sets = tasks.flatMap((t, i) => (t.output.data === x ? [i] : [])), reads = tasks.flatMap((t, i) => (t.inputs.some((m) => m.data === x) ? [i] : []));
    if (sets.length !== 1 || tasks[sets[0]!]!.wcr || reads.some((r) => r <= sets[0]!)) return undefined;
    for (const r of reads) all[sets[0]!]!.add(r);
  }
  const later: Relation = l.order === "up" ? "<" : ">";
  for (let i = 0; i < tasks.length; i++) for (let j = 0; j < tasks.length; j++) for (const a of accesses[i]!) for (const b of accesses[j]!) {
    if (locals.has(a.base) || !conflicts(a, b)) continue;
    if (!carried[i]!.has(j) && mayMeet(graph, a, b, new Map([[l.variable, later]]), facts)) { carried[i]!.add(j); all[i]!.add(j); }
    if (i < j && !all[i]!.has(j) && mayMeet(graph, a, b, new Map([[l.variable, "="]]), facts)) all[i]!.add(j);
  }
  return { all, carried };
}

interface Group { readonly members: number[]; readonly cyclic: boolean }

/** Strongly connected components in an order that respects the edges; acyclic ones join where nothing is carried between them. */
function grouped(n: number, { all, carried }: Edges): Group[] {
  const reach = all.map((s) => new Set(s));
  for (let k = 0; k < n; k++) for (let i = 0; i < n; i++) if (reach[i]!.has(k)) for (const j of reach[k]!) reach[i]!.add(j);
  const component = new Array<number>(n).fill(-1), members: number[][] = [];
  for (let i = 0; i < n; i++) {
    if (component[i]! >= 0) continue;
    const mine = [i];
    for (let j = i + 1; j < n; j++) if (reach[i]!.has(j) && reach[j]!.has(i)) mine.push(j);
    for (const j of mine) component[j] = members.length;
    members.push(mine);
  }
  const before = (c: number, d: number): boolean => c !== d && members[c]!.some((i) => members[d]!.some((j) => all[i]!.has(j)));
  const groups: Group[] = [];
  // Cycles first where they can be, so that what is free of them comes together behind.
  const left = new Set(members.keys());
  while (left.size > 0) {
    const ready = [...left].filter((c) => ![...left].some((d) => before(d, c)));
    const isCycle = (c: number): boolean => members[c]!.length > 1 || carried[members[c]![0]!]!.has(members[c]![0]!);
    const c = ready.find(isCycle) ?? ready[0]!;
    left.delete(c);
    const cyclic = isCycle(c);
    let home = -1;
    if (!cyclic) for (let g = groups.length - 1; g >= 0; g--) {
      const touches = groups[g]!.members.some((i) => members[c]!.some((j) => all[i]!.has(j)));
      const loose = !groups[g]!.members.some((i) => members[c]!.some((j) => carried[i]!.has(j) || carried[j]!.has(i)));
      if (!groups[g]!.cyclic && loose) home = g;
      if (touches) break;
    }
    if (home >= 0) groups[home]!.members.push(...members[c]!); else groups.push({ members: [...members[c]!], cyclic });
  }
  for (const g of groups) g.members.sort((a, b) => a - b);
  return groups;
}
