/**
 * A region's graph of blocks → structured control flow. Regions that DaCe made from structured programs are chains; older files have state machines,
 * which are folded up here: sequences, if/else diamonds, loops with a guard block, and loops that test at their end. What does not fold is refused.
 */
import { DaceError } from "../../base/errors.js";
import type { Assignment, Block, Region } from "./model.js";
import { node, nodes, parseExpression, type PyNode } from "./python.js";

export type Item =
  | { readonly kind: "block"; readonly block: Exclude<Block, Region> }
  /** All right-hand sides are evaluated before any symbol changes. */
  | { readonly kind: "assign"; readonly assignments: readonly Assignment[] }
  | { readonly kind: "if"; readonly branches: readonly { readonly condition: string | undefined; readonly body: readonly Item[] }[] }
  /** Repeat: `head`, leave unless `condition`, `body`, `update`. */
  | { readonly kind: "loop"; readonly head: readonly Item[]; readonly condition: string; readonly body: readonly Item[]; readonly update: readonly Assignment[] };

interface Arc { readonly to: number; readonly condition: string | undefined; readonly assignments: readonly Assignment[] }
interface Cell { items: Item[]; out: Arc[] }

export function structured(region: Region): readonly Item[] {
  if (region.blocks.length === 0) return [];
  const cells = new Map<number, Cell>(region.blocks.map((b, i) => [i, { items: b.kind === "region" ? [...structured(b)] : b.kind === "state" && b.nodes.size === 0 ? [] : [{ kind: "block", block: b }], out: [] }]));
  for (const e of region.edges) cells.get(e.src)!.out.push({ to: e.dst, condition: e.condition, assignments: e.assignments });
  drop(cells, region.start);
  const folds = [sequence, loop, branch];
  while (cells.size > 1 || cells.get(region.start)!.out.length > 0) if (!folds.some((f) => f(cells, region.start))) refuse(region);
  return cells.get(region.start)!.items;
}

function refuse(region: Region): never {
  throw new DaceError("UNSUPPORTED", `the control flow of ${region.label}: its blocks (${region.blocks.map((b) => b.label).slice(0, 12).join(", ")}) do not fold into loops and branches`, { hint: "load and save the file with a DaCe that writes control-flow regions" });
}
/** Blocks that cannot be reached do not run. */
function drop(cells: Map<number, Cell>, start: number): void {
  const seen = new Set<number>(), visit = (i: number): void => { if (seen.has(i)) return; seen.add(i); cells.get(i)!.out.forEach((a) => { visit(a.to); }); };
  visit(start);
  for (const i of [...cells.keys()]) if (!seen.has(i)) cells.delete(i);
}
function predecessors(cells: Map<number, Cell>, to: number): number { let n = 0; for (const c of cells.values()) for (const a of c.out) if (a.to === to) n++; return n; }
const assign = (a: readonly Assignment[]): Item[] => (a.length > 0 ? [{ kind: "assign", assignments: a }] : []);

function sequence(cells: Map<number, Cell>, start: number): boolean {
  for (const [i, c] of cells) {
    const a = c.out[0];
    if (c.out.length !== 1 || !a || a.condition !== undefined || a.to === i || a.to === start || predecessors(cells, a.to) !== 1) continue;
    const next = cells.get(a.to)!;
    c.items.push(...assign(a.assignments), ...next.items);
    c.out = next.out;
    cells.delete(a.to);
    return true;
  }
  return false;
}

/** Arms that start on i's edges, have no other way in, and meet again (or end). */
function branch(cells: Map<number, Cell>, start: number): boolean {
  for (const [i, c] of cells) {
    if (c.out.length < 2) continue;
    const arms = c.out.map((a) => {
      const x = cells.get(a.to)!;
      const own = a.to !== start && a.to !== i && predecessors(cells, a.to) === 1 && x.out.length <= 1 && x.out.every((o) => o.condition === undefined && o.to !== a.to);
      return { arc: a, own, cell: x, end: own ? x.out[0]?.to : a.to, leaves: own && x.out.length === 0 && leaves(x.items) };
    });
    // An arm whose block could be an arm of its own may just as well be the join.
    const join = joinOf(arms, i);
    if (join === "none") continue;
    const conditions = exhaustive(c.out);
    if (!conditions) continue;
    const branches = arms.map((m, k) => {
      const isJoin = m.arc.to === join;
      return { condition: conditions[k], body: [...assign(m.arc.assignments), ...(isJoin ? [] : [...m.cell.items, ...assign(m.cell.out[0]?.assignments ?? [])])] };
    });
    c.items.push({ kind: "if", branches });
    for (const m of arms) if (m.arc.to !== join) cells.delete(m.arc.to);
    c.out = join === undefined ? [] : [{ to: join, condition: undefined, assignments: [] }];
    return true;
  }
  return false;
}
/** The block where all arms meet; undefined: all of them end; "none": they do not meet. */
function joinOf(arms: readonly { readonly arc: Arc; readonly own: boolean; readonly end: number | undefined; readonly leaves: boolean }[], from: number): number | undefined | "none" {
  const candidates = new Set<number | undefined>([...arms.map((m) => m.arc.to), ...arms.flatMap((m) => (m.own ? [m.end] : []))]);
  for (const j of candidates) if (j !== from && arms.every((m) => m.arc.to === j || (m.own && (m.end === j || m.leaves)))) return j;
  return "none";
}
/** Ends in a break, continue or return: what follows the join is not reached. An arm that merely has no successor ends the region. */
function leaves(items: readonly Item[]): boolean { const last = items.at(-1); return last?.kind === "block" && (last.block.kind === "break" || last.block.kind === "continue" || last.block.kind === "return"); }

function loop(cells: Map<number, Cell>, start: number): boolean {
  for (const [i, c] of cells) {
    if (c.out.length === 1 && c.out[0]!.to === i && c.out[0]!.condition === undefined) {
      c.items = [{ kind: "loop", head: c.items, condition: "True", body: [], update: c.out[0]!.assignments }];
      c.out = [];
      return true;
    }
    if (c.out.length !== 2) continue;
    for (const [back, leave] of [[c.out[0]!, c.out[1]!], [c.out[1]!, c.out[0]!]] as const) {
      if (back.condition === undefined || !exhaustive([back, leave])) continue;
      const b = cells.get(back.to)!;
      let item: Item;
      if (back.to === i) item = { kind: "loop", head: c.items, condition: back.condition, body: [], update: back.assignments };
      else if (leave.to !== i && leave.to !== back.to && back.to !== start && predecessors(cells, back.to) === 1 && b.out.length === 1 && b.out[0]!.to === i && b.out[0]!.condition === undefined) {
        item = { kind: "loop", head: c.items, condition: back.condition, body: [...assign(back.assignments), ...b.items], update: b.out[0]!.assignments };
        cells.delete(back.to);
      } else continue;
      c.items = [item];
      c.out = [{ ...leave, condition: undefined }];
      return true;
    }
  }
  return false;
}

/** The conditions with the last one as else, if the edges cover every case; else undefined. */
function exhaustive(arcs: readonly Arc[]): readonly (string | undefined)[] | undefined {
  const conditions = arcs.map((a) => a.condition);
  const open = conditions.findIndex((c) => c === undefined);
  if (open >= 0) return open === conditions.length - 1 || conditions.length === 1 ? conditions : undefined;
  const [a, b] = conditions as string[];
  return conditions.length === 2 && complementary(parseExpression(a!), parseExpression(b!)) ? [a, undefined] : undefined;
}

const FLIPPED: Readonly<Record<string, string>> = { Lt: "GtE", GtE: "Lt", Gt: "LtE", LtE: "Gt", Eq: "NotEq", NotEq: "Eq" };
const shape = (n: unknown): string => JSON.stringify(n, (k, v: unknown) => (/^(lineno|col_offset|end_lineno|end_col_offset|source|ctx)$/.test(k) ? undefined : v));
function complementary(a: PyNode, b: PyNode): boolean {
  for (const [x, y] of [[a, b], [b, a]] as const) if (x.nodeType === "UnaryOp" && node(x["op"]).nodeType === "Not" && shape(x["operand"]) === shape(y)) return true;
  if (a.nodeType !== "Compare" || b.nodeType !== "Compare" || nodes(a["ops"]).length !== 1 || nodes(b["ops"]).length !== 1) return false;
  const p = nodes(a["ops"])[0]!.nodeType, q = nodes(b["ops"])[0]!.nodeType;
  if (FLIPPED[p] === q && shape(a["left"]) === shape(b["left"]) && shape(a["comparators"]) === shape(b["comparators"])) return true;
  // x < y against y <= x
  const mirrored: Readonly<Record<string, string>> = { Lt: "LtE", LtE: "Lt", Gt: "GtE", GtE: "Gt", Eq: "NotEq", NotEq: "Eq" };
  return mirrored[p] === q && shape(a["left"]) === shape(nodes(b["comparators"])[0]) && shape(b["left"]) === shape(nodes(a["comparators"])[0]);
}
