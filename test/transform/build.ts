/** A small builder of graphs for tests: containers, loops, assignments from texts; and running graphs through the JavaScript backend. */
import { lowerToPlan } from "../../ts/lower/lower.js";
import { jsKernel } from "../../ts/runtime/js-backend.js";
import { layoutOf } from "../../ts/runtime/layout.js";
import { cast, constant, input, op, type ScalarExpr } from "../../ts/scalar/expr.js";
import type { Container, Node, Memlet, Wcr } from "../../ts/sdfg/nodes.js";
import { freshId, Graph } from "../../ts/sdfg/sdfg.js";
import { sym } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";

export class Build {
  readonly containers = new Map<string, Container>();
  readonly symbols: string[];
  #stack: Node[][] = [[]];
  readonly parameters: string[] = [];
  readonly sizes = new Set<string>();
  constructor(...symbols: string[]) { this.symbols = symbols; }
  data(name: string, ...shape: string[]): this { this.containers.set(name, { name, dtype: "float64", shape: shape.map(parseExpr), transient: false }); this.parameters.push(name); return this; }
  temp(name: string, ...shape: string[]): this { this.containers.set(name, { name, dtype: "float64", shape: shape.map(parseExpr), transient: true }); return this; }
  loop(variable: string, begin: string, end: string, order: "up" | "down" | "any", body: () => void, locals?: string[]): this {
    this.#stack.push([]);
    body();
    const list = this.#stack.pop()!;
    this.#stack.at(-1)!.push({ kind: "loop", id: freshId(), variable, begin: parseExpr(begin), end: parseExpr(end), order, body: list, ...(locals ? { locals } : {}) });
    return this;
  }
  /** `set("A[i]", ["B[i]", "C[i+1]"], (b, c) => …)` */
  set(target: string, inputs: readonly string[], code: (...x: ScalarExpr[]) => ScalarExpr, wcr?: Wcr): this {
    this.#stack.at(-1)!.push({ kind: "tasklet", id: freshId(), inputs: inputs.map(memlet), output: memlet(target), code: code(...inputs.map((_, i) => input(i, "float64"))), ...(wcr ? { wcr } : {}) });
    return this;
  }
  open(): void { this.#stack.push([]); }
  close(): readonly Node[] { return this.#stack.pop()!; }
  push(n: Node): this { this.#stack.at(-1)!.push(n); return this; }
  graph(...facts: string[]): Graph {
    return new Graph({
      name: "g", containers: this.containers, symbols: this.symbols, assumptions: [...this.symbols.map(sym), ...facts.map(parseExpr)],
      parameters: this.parameters.map((p) => ({ kind: "container", name: p, container: p })), result: { kind: "none" }, checks: [], body: this.#stack[0]!,
    });
  }
}
/** `A[i, j+1]`, or `s` */
export function memlet(text: string): Memlet {
  const m = /^(\w+)(?:\[(.*)\])?$/.exec(text.trim())!;
  if (!m[2]) return { data: m[1]!, index: [] };
  const parts: string[] = [];
  let depth = 0, from = 0;
  for (let i = 0; i <= m[2].length; i++) {
    const ch = m[2][i];
    if (ch === "(" || ch === "[") depth++; else if (ch === ")" || ch === "]") depth--;
    if (i === m[2].length || (ch === "," && depth === 0)) { parts.push(m[2].slice(from, i)); from = i + 1; }
  }
  return { data: m[1]!, index: parts.map(parseExpr) };
}
export const num = (x: number): ScalarExpr => constant(x, "float64");
export const plus = (...xs: ScalarExpr[]): ScalarExpr => xs.reduce((a, b) => op("add", "float64", a, b));
export const times = (...xs: ScalarExpr[]): ScalarExpr => xs.reduce((a, b) => op("mul", "float64", a, b));
export const id = (x: ScalarExpr): ScalarExpr => cast(x, "float64");

/** Runs a graph in JavaScript; returns the arguments' contents afterwards. Inputs are filled from a fixed sequence unless given. */
export function run(graph: Graph, sizes: Readonly<Record<string, number>>, given: Readonly<Record<string, readonly number[]>> = {}): Record<string, number[]> {
  const plan = lowerToPlan(graph, { precision: "default", threads: false, vectorMath: false });
  const layout = layoutOf(plan, new Map(Object.entries(sizes)));
  const args = plan.arguments.map((b) => {
    const name = plan.buffers[b]!.name, n = layout.elements[b]!;
    const values = given[name] ?? Array.from({ length: n }, (_, i) => Math.sin(1 + 3 * i + 7 * name.length + name.charCodeAt(0)));
    return Float64Array.from(values);
  });
  const arena = new ArrayBuffer(layout.arenaBytes + 64);
  // What the arena holds at first must not matter.
  new Float64Array(arena).fill(1e30);
  const status = jsKernel(plan).run(args, layout.symbols, arena);
  if (status !== 0) throw new Error(`status ${status}`);
  return Object.fromEntries(plan.arguments.map((b, i) => [plan.buffers[b]!.name, [...args[i]!]]));
}
/** Largest difference of two results. */
export function difference(a: Record<string, number[]>, b: Record<string, number[]>): number {
  let worst = 0;
  for (const k of Object.keys(a)) a[k]!.forEach((x, i) => { const d = Math.abs(x - b[k]![i]!); worst = Math.max(worst, Number.isNaN(d) ? Infinity : d); });
  return worst;
}
