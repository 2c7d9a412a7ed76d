/**
 * A graph in its own symbols → the graph for a signature: symbols that are sizes are solved from the actual arguments' dimensions, the remaining
 * dimensions become entry checks, and accesses that are not provably inside get bounds checks.
 */
import { isComplex, isInteger } from "../../base/dtypes.js";
import { DaceError } from "../../base/errors.js";
import { rewriteNodes } from "../../analysis/walk.js";
import type { Container, EntryCheck, Parameter } from "../../sdfg/nodes.js";
import { Graph } from "../../sdfg/sdfg.js";
import { affine, floordiv, freeSymbols, int, neg, sub, substitute, sym, type Expr } from "../../symbolic/expr.js";
import type { ParameterType, Signature } from "../array/signature.js";
import { checkBounds } from "./bounds.js";

/** Symbols that the array arguments' shapes determine; they are no arguments. */
export function sizeSymbols(graph: Graph): Set<string> {
  return new Set(solve(graph, graph.parameters.flatMap((p) => (p.kind === "container" ? graph.container(p.container).shape.map((e, d) => ({ shape: e, value: sym(`${p.name}.${d}`) })) : []))).keys());
}

/** For each symbol that some dimension is linear in, its value from that dimension. Plain names first. */
function solve(graph: Graph, dims: readonly { readonly shape: Expr; readonly value: Expr }[]): Map<string, Expr> {
  const values = new Map<string, Expr>(), symbols = new Set(graph.symbols);
  for (let changed = true; changed;) {
    changed = false;
    for (const plain of [true, false]) for (const { shape, value } of dims) {
      const open = [...freeSymbols(shape)].filter((s) => symbols.has(s) && !values.has(s));
      if (open.length !== 1) continue;
      const a = affine(shape, new Set(open)), k = a?.coefficients.get(open[0]!)?.constant;
      if (!a || !k || (plain && (k !== 1 || a.rest.terms.length > 0))) continue;
      const top = sub(value, substitute(a.rest, values));
      values.set(open[0]!, k === 1 ? top : k === -1 ? neg(top) : floordiv(k > 0 ? top : neg(top), int(Math.abs(k))));
      changed = true;
    }
  }
  return values;
}

/** Names of the arguments in call order. */
export function argumentNames(graph: Graph): string[] { const sizes = sizeSymbols(graph); return graph.parameters.flatMap((p) => (p.kind === "symbol" && sizes.has(p.symbol) ? [] : [p.name])); }

export function instantiate(graph: Graph, signature: Signature): Graph {
  const names = argumentNames(graph), types = new Map<string, ParameterType>(names.map((n, i) => [n, signature.parameters[i]!]));
  const kept: Parameter[] = [], dims: { shape: Expr; value: Expr; what: string }[] = [], checks: EntryCheck[] = [], symbols = new Set<string>(), integers = new Map<string, Expr>();
  for (const p of graph.parameters) {
    const t = types.get(p.name);
    if (!t) continue;
    if (p.kind === "container") kept.push(p);
    else { if (t.kind !== "int") throw new DaceError("TYPE", `argument ${p.name} of ${graph.name} is an integer`);
      const symbol = ownName(p.symbol);
      integers.set(p.symbol, sym(symbol));
      symbols.add(symbol);
      kept.push({ ...p, symbol });
      continue;
    }
    const c = graph.container(p.container);
    checkType(graph.name, p.name, c, t);
    if (t.kind !== "array") continue;
    if (t.dims.length !== c.shape.length) throw new DaceError("SHAPE", `argument ${p.name} has ${t.dims.length} dimension${t.dims.length === 1 ? "" : "s"}, ${graph.name} declares ${c.shape.length} (${c.shape.map((e) => e.key).join(", ")})`, { ...(t.dims.length === 1 ? { hint: "give an ndarray(data, shape)" } : {}) });
    t.dims.forEach((value, d) => { for (const s of freeSymbols(value)) symbols.add(s); dims.push({ shape: c.shape[d]!, value, what: `size ${d} of argument ${p.name}` }); });
  }
  const values = new Map([...integers, ...solve(graph, dims)]);
  const put = (e: Expr): Expr => substitute(e, values);
  for (const d of dims) {
    const e = sub(put(d.shape), d.value);
    if (e.constant === 0) continue;
    if (e.constant !== undefined) throw new DaceError("SHAPE", `${d.what} does not fit: ${graph.name} declares ${d.shape.key}`);
    checks.push({ kind: "shape", expr: e, message: `${d.what} does not fit: ${graph.name} declares ${d.shape.key}` });
  }
  const containers = new Map([...graph.containers].map(([n, c]): [string, Container] => [n, { ...c, shape: c.shape.map(put), ...(c.view ? { view: { ...c.view, offset: put(c.view.offset) } } : {}) }]));
  const made = new Graph({
    ...graph, containers, symbols: [...symbols].sort(), parameters: kept, body: rewriteNodes(graph.body, { expr: put }),
    assumptions: [...new Map([...dims.map((d) => d.value), ...graph.assumptions.map(put)].map((e) => [e.key, e])).values()].filter((e) => e.constant === undefined),
    checks: [...checks, ...graph.checks.map((c) => ({ ...c, expr: put(c.expr) }))],
  });
  return checkBounds(made, signature.checked);
}

/** Sizes of a call are called n0, n1, …: an integer argument of such a name gets another symbol. Loop variables never have one (`Lowering.unique`). */
export function ownName(name: string): string { return /^n\d+$/.test(name) ? `${name}_` : name; }

function checkType(program: string, name: string, c: Container, t: ParameterType): void {
  const wrong = (what: string, hint?: string): never => { throw new DaceError("TYPE", `argument ${name} of ${program} is ${what}, it declares ${c.shape.length > 0 ? `an array of ${c.dtype}` : c.dtype}`, hint ? { hint } : {}); };
  switch (t.kind) {
    case "array": if (t.dtype !== c.dtype) wrong(`an array of ${t.dtype}`); if (c.shape.length === 0 && t.dims.length > 0) wrong(`an array of rank ${t.dims.length}`, "pass a number"); break;
    case "float": if (c.shape.length > 0) wrong("a number", "a DaCe array of one element is a typed array of length 1"); break;
    case "int": if (c.shape.length > 0 || !isInteger(c.dtype)) wrong("a BigInt"); break;
    case "bool": if (c.shape.length > 0 || isComplex(c.dtype)) wrong("a boolean"); break;
    case "complex": if (c.shape.length > 0 || !isComplex(c.dtype)) wrong("a complex number"); break;
    case "value": wrong("neither a number nor an array");
  }
}
