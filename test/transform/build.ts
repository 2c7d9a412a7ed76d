/** A small builder of graphs for tests: containers, loops, assignments from texts and running graphs through the interpreter. */
import { cast, constant, input, op, type ScalarExpr } from "../../ts/scalar/expr.js";
import type { Container, Node, Memlet, Wcr } from "../../ts/sdfg/nodes.js";
import { freshId, Graph } from "../../ts/sdfg/sdfg.js";
import { evaluate, sym } from "../../ts/symbolic/expr.js";
import { parseExpr } from "../../ts/symbolic/parse.js";
import { interpret, type Input } from "../support/interpret.js";

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
  /** What `body` builds, as a list of its own. */
  apart(body: () => void): readonly Node[] { this.#stack.push([]); body(); return this.#stack.pop()!; }
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

/** What a graph means: the arguments' contents afterwards, by the reference interpreter. Inputs are filled from a fixed sequence unless given. */
export function run(graph: Graph, sizes: Readonly<Record<string, number>>, given: Readonly<Record<string, readonly number[]>> = {}): Record<string, number[]> {
  const env = new Map(Object.entries(sizes)), inputs: Record<string, Input> = {};
  const names = graph.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : []));
  for (const name of names) {
    const n = graph.container(name).shape.reduce((p, e) => p * Math.max(0, evaluate(e, env)), 1);
    inputs[name] = { v: given[name] ?? Array.from({ length: n }, (_, i) => Math.sin(1 + 3 * i + 7 * name.length + name.charCodeAt(0))) };
  }
  const out = interpret(graph, sizes, inputs);
  return Object.fromEntries(names.map((n) => [n, out.get(n)!.v]));
}
/** Largest difference of two results. */
export function difference(a: Record<string, number[]>, b: Record<string, number[]>): number {
  let worst = 0;
  for (const k of Object.keys(a)) a[k]!.forEach((x, i) => { const d = Math.abs(x - b[k]![i]!); worst = Math.max(worst, Number.isNaN(d) ? Infinity : d); });
  return worst;
}
