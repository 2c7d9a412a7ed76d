/** Elimination: no proof where there is a solution, and differences of two unknowns are decided exactly. */
import test from "ava";
import fc from "fast-check";
import { contradictory as usingUp, type Vector } from "../../ts/symbolic/eliminate.js";

const copies = (vs: readonly Vector[]): Vector[] => vs.map((v) => ({ c: [...v.c], k: v.k }));
const contradictory = (n: number, eqs: readonly Vector[], rows: readonly Vector[]): boolean => usingUp(n, copies(eqs), copies(rows));
const row = (n: number, size = 4): fc.Arbitrary<Vector> => fc.record({ c: fc.array(fc.integer({ min: -size, max: size }), { minLength: n, maxLength: n }), k: fc.integer({ min: -9, max: 9 }) });
const at = (v: Vector, x: readonly number[]): number => v.c.reduce((s, c, i) => s + c * x[i]!, v.k);
function* box(n: number, size: number): Generator<number[]> {
  if (n === 0) { yield []; return; }
  for (const rest of box(n - 1, size)) for (let x = -size; x <= size; x++) yield [...rest, x];
}

test("no proof where a point satisfies everything", (t) => {
  let proofs = 0, solvable = 0;
  fc.assert(fc.property(fc.integer({ min: 1, max: 4 }).chain((n) => fc.record({ n: fc.constant(n), eqs: fc.array(row(n), { maxLength: 2 }), ges: fc.array(row(n), { maxLength: 6 }) })), ({ n, eqs, ges }) => {
    const proven = contradictory(n, eqs, ges);
    let found = false;
    for (const x of box(n, 4)) if (eqs.every((e) => at(e, x) === 0) && ges.every((g) => at(g, x) >= 0)) { found = true; break; }
    if (proven) proofs++;
    if (found) solvable++;
    t.false(proven && found, JSON.stringify([eqs, ges]));
  }), { numRuns: 3000 });
  t.log(`${proofs} proofs, ${solvable} systems with a small solution`);
  t.true(proofs > 300);
});

/** x[to] - x[from] <= weight for all edges has a solution iff the graph has no negative cycle. */
function negativeCycle(n: number, edges: readonly (readonly [number, number, number])[]): boolean {
  const d = new Array<number>(n).fill(0);
  for (let round = 0; round <= n; round++) {
    let changed = false;
    for (const [from, to, w] of edges) if (d[from]! + w < d[to]!) { d[to] = d[from]! + w; changed = true; }
    if (!changed) return false;
  }
  return true;
}

for (const [n, pad] of [[5, 0], [6, 66]] as const) test(`differences are decided exactly: ${n} unknowns among ${n + pad}`, (t) => {
  let yes = 0, no = 0;
  const edge = fc.tuple(fc.integer({ min: 0, max: n - 1 }), fc.integer({ min: 0, max: n - 1 }), fc.integer({ min: -3, max: 4 })).filter(([a, b]) => a !== b);
  fc.assert(fc.property(fc.array(edge, { minLength: 2, maxLength: 9 }), fc.shuffledSubarray(Array.from({ length: n + pad }, (_, i) => i), { minLength: n, maxLength: n }), (edges, where) => {
    const rows = edges.map(([from, to, k]): Vector => { const c = new Array<number>(n + pad).fill(0); c[where[from]!] = 1; c[where[to]!] = -1; return { c, k }; });
    const want = negativeCycle(n, edges);
    t.is(contradictory(n + pad, [], rows), want, JSON.stringify(edges));
    // Turned into equalities with a slack of their own they say the same.
    const slack = rows.map((r, i): Vector => ({ c: [...r.c, ...rows.map((_, j) => (i === j ? -1 : 0))], k: r.k }));
    t.is(contradictory(n + pad + rows.length, slack, rows.map((_, i) => ({ c: Array.from({ length: n + pad + rows.length }, (_x, j) => (j === n + pad + i ? 1 : 0)), k: 0 }))), want, JSON.stringify(edges));
    if (want) yes++; else no++;
  }), { numRuns: 600 });
  t.true(yes > 50 && no > 50, `${yes} ${no}`);
});

test("integers: gcd of equalities, rounding of bounds, huge numbers say nothing", (t) => {
  t.true(contradictory(2, [{ c: [2, 4], k: 1 }], []));
  t.false(contradictory(2, [{ c: [2, 4], k: 2 }], []));
  t.true(contradictory(1, [], [{ c: [3], k: -1 }, { c: [-3], k: 2 }])); // 1/3 <= x <= 2/3
  t.false(contradictory(1, [], [{ c: [3], k: -1 }, { c: [-3], k: 3 }]));
  t.true(contradictory(0, [], [{ c: [], k: -1 }]));
  t.false(contradictory(0, [{ c: [], k: 0 }], []));
  const huge = Number.MAX_SAFE_INTEGER;
  t.false(contradictory(2, [], [{ c: [huge, 3], k: -5 }, { c: [-huge + 1, -7], k: -5 }]));
});
