/**
 * Splits loops where conditions on their variable change: `for k in 0:K: if k > 0 … if k < K-1 …` becomes the first iteration, the middle and the last,
 * each without conditions.
 * Pre: a valid graph. Post: the same iterations in the same order. Safe because the pieces cover the range once, which needs their borders to be in order:
 * proven, or (with speculation) an entry check. Loops that may be left, or that are too big to be copied, stay.
 */
import { conditionFacts, negatedFacts } from "../analysis/accesses.js";
import { loopFacts } from "../analysis/dependence.js";
import { decide, specialise } from "../analysis/decide.js";
import { bodiesOf, withBodies } from "../analysis/paths.js";
import { renameLoop, rewriteNodes, substituteNodes, visitNodes } from "../analysis/walk.js";
import type { EntryCheck, Loop, Node } from "../sdfg/nodes.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Assumptions } from "../symbolic/assumptions.js";
import { addInt, affine, freeSymbols, neg, sub, sym, type Expr } from "../symbolic/expr.js";
import { nonNegative } from "../symbolic/prove.js";
import { hasLoads, isRegular, Names } from "./nests.js";

const MAX_POINTS = 3, MAX_NODES = 240;

export function splitLoops(graph: Graph, options: { readonly speculate: boolean }): Graph {
  const s = new Splitter(graph, options.speculate);
  const body = s.list(graph.body, graph.facts);
  if (body === graph.body) return graph;
  return graph.with({ body, checks: [...graph.checks, ...s.checks], assumptions: [...graph.assumptions, ...s.checks.map((c) => c.expr)] });
}

class Splitter {
  readonly checks: EntryCheck[] = [];
  readonly #names: Names;
  constructor(readonly graph: Graph, readonly speculate: boolean) { this.#names = new Names(graph); }

  list(list: readonly Node[], facts: Assumptions): readonly Node[] {
    let changed = false;
    const out = list.flatMap((n): readonly Node[] => {
      const pieces = n.kind === "loop" ? this.#split(n, facts) : undefined;
      if (pieces) { changed = true; return this.list(pieces, facts); }
      const bs = bodiesOf(n);
      if (bs.length === 0) return [n];
      const inner = bs.map((b) => this.list(b.list, n.kind === "loop" ? facts.with(...loopFacts(n)) : facts));
      if (inner.every((x, i) => x === bs[i]!.list)) return [n];
      changed = true;
      return [withBodies(n, inner)];
    });
    return changed ? out : list;
  }

  #split(l: Loop, facts: Assumptions): readonly Node[] | undefined {
    if (hasLoads(l.begin) || hasLoads(l.end)) return undefined;
    const points = splitPoints(l, facts.with(...loopFacts(l)));
    if (points.length === 0 || points.length > MAX_POINTS || !isRegular(l.body)) return undefined;
    let size = 0;
    visitNodes(l.body, () => { size++; });
    if (size * points.length > MAX_NODES) return undefined;
    const ordered = this.#inOrder([l.begin, ...points, l.end], facts);
    if (!ordered) return undefined;
    const { borders, checks } = ordered;
    const known = facts.with(...checks.map((c) => c.expr));
    const pieces: (readonly Node[])[] = [];
    for (let i = 0; i + 1 < borders.length; i++) {
      const begin = borders[i]!, end = borders[i + 1]!;
      let piece: Loop = { ...l, id: freshId(), begin, end };
      if (i > 0) piece = this.#copy(piece);
      const body = specialise(piece.body, known.with(...loopFacts(piece)));
      if (body.length === 0) continue;
      if (sub(end, begin).constant === 1 && !piece.locals?.length) pieces.push(substituteNodes(body, new Map([[piece.variable, begin]])));
      else pieces.push([{ ...piece, body }]);
    }
    this.checks.push(...checks);
    // Downwards the pieces are met from the last to the first.
    return (l.order === "down" ? pieces.reverse() : pieces).flat();
  }
  /** Fresh identities and loop variables. */
  #copy(l: Loop): Loop {
    const rename = (n: Node): Node => {
      const bs = bodiesOf(n);
      if (n.kind !== "loop") return bs.length === 0 ? n : withBodies(n, bs.map((b) => b.list.map(rename)));
      const variable = this.#names.fresh(n.variable);
      return renameLoop({ ...n, body: n.body.map(rename) }, variable, sym(variable));
    };
    return rename(rewriteNodes([l], { fresh: true })[0]!) as Loop;
  }

  /** The points in ascending order between the bounds, with the checks that this needs. */
  #inOrder(all: readonly Expr[], facts: Assumptions): { readonly borders: readonly Expr[]; readonly checks: readonly EntryCheck[] } | undefined {
    const [begin, ...rest] = all, end = rest.pop()!;
    const checks: EntryCheck[] = [];
    let known = facts;
    /** Is a <= b, by proof or by an entry check that is worth betting on? */
    const before = (a: Expr, b: Expr): boolean => {
      const d = sub(b, a), t = nonNegative(d, known);
      if (t === "yes") return true;
      if (t === "no" || !this.speculate || [...freeSymbols(d)].some((s) => !this.graph.symbols.includes(s)) || hasLoads(d)) return false;
      // Bets only on sizes being large enough: every symbol counts upwards.
      if (d.terms.some((x) => x.atoms.length > 0 && x.coefficient < 0)) return false;
      checks.push({ kind: "speculation", expr: d, message: "a range is long enough for its first and last iterations to be apart" });
      known = known.with(d);
      return true;
    };
    const sorted: Expr[] = [];
    for (const p of rest) {
      let at = 0;
      while (at < sorted.length && nonNegative(sub(p, sorted[at]!), known) === "yes") at++;
      // Where the order is not proven, small constants come before what grows with the sizes.
      if (at < sorted.length && nonNegative(sub(sorted[at]!, p), known) !== "yes" && p.constant === undefined && sorted[at]!.constant !== undefined) at++;
      sorted.splice(at, 0, p);
    }
    const borders = [begin!, ...sorted, end];
    for (let i = 0; i + 1 < borders.length; i++) if (!before(borders[i]!, borders[i + 1]!)) return undefined;
    return { borders, checks };
  }
}

/** Values of the variable at which some undecided condition inside changes, each once. */
function splitPoints(l: Loop, facts: Assumptions): Expr[] {
  const points = new Map<string, Expr>(), bound = new Set<string>();
  visitNodes(l.body, (n) => { if (n.kind === "loop") bound.add(n.variable); if (n.kind === "while") bound.add(n.counter); });
  visitNodes(l.body, (n) => {
    if (n.kind !== "conditional") return;
    for (const b of n.branches) {
      if (!b.condition || decide(b.condition.code, facts) !== "unknown") continue;
      for (const e of [...conditionFacts(b.condition.code), ...negatedFacts(b.condition.code)]) {
        const a = affine(e, new Set([l.variable])), k = a?.coefficients.get(l.variable)?.constant;
        if (!a || (k !== 1 && k !== -1) || [...freeSymbols(a.rest)].some((s) => bound.has(s)) || hasLoads(e)) continue;
        // v + r >= 0 begins to hold at -r, -v + r >= 0 ceases to hold at r + 1.
        const p = k === 1 ? neg(a.rest) : addInt(a.rest, 1);
        if (sub(p, l.begin).constant === 0 || sub(p, l.end).constant === 0) continue;
        points.set(p.key, p);
      }
    }
  });
  return [...points.values()];
}
