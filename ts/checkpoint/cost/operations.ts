/** What one iteration of an innermost loop takes in the core, from the operations of its tasklets. */
import { accessesOf, flatIndex, type Access } from "../../analysis/accesses.js";
import { bytesOf, isComplex } from "../../base/dtypes.js";
import type { Rates } from "../../base/rates.js";
import { visitScalar, type ScalarExpr } from "../../scalar/expr.js";
import { costOf, flopsOf } from "../../scalar/ops.js";
import type { Loop, Memlet, Node, Tasklet } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { dependsOn } from "../../symbolic/expr.js";

/** Seconds an iteration: with vectors, and without. */
export interface Iteration { readonly vector: number; readonly scalar: number }

/** Flops of one operation from which it is taken to be a function rather than an instruction. */
const FUNCTION = 4;

interface Operation { readonly vector: number; /** Of `vector`, what the unit for divisions and roots takes. */ readonly divider: number; readonly scalar: number; readonly chain: number }
function operation(e: ScalarExpr & { readonly kind: "op" }, r: Rates): Operation {
  const size = isComplex(e.dtype) ? 4 : e.dtype === "float32" ? 0.5 : 1, flops = flopsOf(e);
  // A power may be a few products.
  if (flops < FUNCTION || (e.op === "pow" && flops <= 5)) return { vector: size * flops * r.vector, divider: 0, scalar: flops * r.scalar, chain: flops * r.chain };
  const name = e.op === "reciprocal" ? "div" : e.op === "pow" && flops === costOf("sqrt") ? "sqrt" : e.op, one = r.functions[name] ?? r.functions["exp"]! * costOf(e.op) / costOf("exp"), division = name === "div" || name === "sqrt";
  return { vector: size * one, divider: division ? size * one : 0, scalar: one * r.scalarFunction, chain: division ? r.chainDivision : one * r.scalarFunction + r.chain };
}

/** `loop`: the innermost loop, or none for what runs once. */
export function iterationOf(graph: Graph, body: readonly Node[], loop: Loop | undefined, r: Rates): Iteration {
  let vector = 0, divider = 0, scalar = 0, sums = 0;
  const seen = new Set<ScalarExpr>();
  visitTasklets(body, (t) => {
    visitScalar(t.code, (e) => { if (e.kind === "op") { const o = operation(e, r); vector += o.vector - o.divider; divider += o.divider; scalar += o.scalar; } else if (e.kind === "cast") { vector += r.vector; scalar += r.scalar; } }, seen);
    if (t.wcr) { vector += r.vector; scalar += r.scalar; if (loop && !t.output.index.some((e) => dependsOn(e, loop.variable))) sums = r.sum; }
    for (const m of t.inputs) if (m.guard) { vector += m.guard.length * r.vector; scalar += m.guard.length * r.scalar; }
  });
  let loads = 0, stores = 0, scalarAccess = 0;
  for (const a of distinct(graph, accessesOf(graph, body))) {
    // What stays the same is in a register.
    if (loop && !a.index.some((e) => dependsOn(e, loop.variable) || e.key.includes("["))) continue;
    const size = bytesOf(graph.container(a.data).dtype) / 8, gathered = a.index.some((e) => e.key.includes("["));
    if (gathered) loads += r.gather; else if (a.write) stores += size * r.store; else loads += size * r.load;
    if (a.wcr && !gathered) loads += size * r.load;
    scalarAccess += gathered ? r.gather : r.scalarAccess;
  }
  const rest = vector + loads + stores;
  return { vector: Math.max(rest, divider, sums) + r.beside * Math.min(rest, divider), scalar: Math.max(scalar, scalarAccess, loop ? chainOf(graph, body, r) : 0) };
}

function visitTasklets(body: readonly Node[], f: (t: Tasklet) => void): void {
  for (const n of body) {
    if (n.kind === "tasklet") f(n);
    else if (n.kind === "conditional") for (const b of n.branches) visitTasklets(b.body, f);
  }
}

/** Each element once, though it is read and written. */
function distinct(graph: Graph, accesses: readonly Access[]): Access[] {
  const out = new Map<string, Access>();
  for (const a of accesses) { const c = graph.container(a.base); if (c.shape.length > 0 || c.view) out.set(`${a.base}[${flatIndex(graph, a.data, a.index).key}]${a.write ? "=" : ""}`, a); }
  return [...out.values()];
}

/** Seconds from what the iteration before left to what this one leaves: the longest chain of operations that wait for each other. */
function chainOf(graph: Graph, body: readonly Node[], r: Rates): number {
  const written = new Set<string>(), depth = new Map<string, number | undefined>();
  const base = (m: Memlet): string => graph.container(m.data).view?.base ?? m.data, key = (m: Memlet): string => `${base(m)}[${flatIndex(graph, m.data, m.index).key}]`;
  visitTasklets(body, (t) => { written.add(base(t.output)); });
  let longest = 0;
  visitTasklets(body, (t) => {
    const from = t.inputs.map((m) => (depth.has(key(m)) ? depth.get(key(m)) : written.has(base(m)) ? 0 : undefined));
    let end = pathOf(t.code, from, r);
    if (t.wcr) { const before = depth.has(key(t.output)) ? depth.get(key(t.output)) : 0; end = Math.max(end ?? 0, before ?? 0) + r.chain; }
    depth.set(key(t.output), end);
    if (end !== undefined && end > longest) longest = end;
  });
  return longest;
}

/** Seconds on the longest path from an input that has a depth to the root; undefined where there is none. */
function pathOf(code: ScalarExpr, from: readonly (number | undefined)[], r: Rates): number | undefined {
  const memo = new Map<ScalarExpr, number | undefined>();
  const at = (e: ScalarExpr): number | undefined => {
    if (e.kind === "input") return from[e.index];
    if (e.kind === "const" || e.kind === "symbolic") return undefined;
    if (memo.has(e)) return memo.get(e);
    let most: number | undefined;
    for (const a of e.kind === "op" ? e.args : [e.arg]) { const d = at(a); if (d !== undefined && (most === undefined || d > most)) most = d; }
    const d = most === undefined ? undefined : most + (e.kind === "op" ? operation(e, r).chain : 0);
    memo.set(e, d);
    return d;
  };
  return at(code);
}
