/** Scheduled graph → Plan: buffers, symbols, checks, and the text for both backends. */
import { InternalError } from "../base/errors.js";
import type { DType } from "../base/dtypes.js";
import type { SourceLoc } from "../base/errors.js";
import { bodiesOf } from "../analysis/paths.js";
import { returnedContainers, type Container, type Node, type ReturnValue } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { lifetimes, type Lifetime } from "../schedule/lifetimes.js";
import { unitsIn, weighted } from "../schedule/work.js";
import { cppText, type CppText } from "./cpp-source.js";
import { Emitter } from "./emit.js";
import { Js } from "./js.js";
import { jsHelpers } from "./js-helpers.js";
import type { Place } from "./scope.js";
import { PLAN_VERSION, Sites, type Plan, type PlanBuffer, type PlanResult } from "./plan.js";

export interface LowerOptions {
  readonly precision: "default" | "strict" | "fast";
  /** Print parallel regions. */
  readonly threads: boolean;
  /** Containers whose final contents the caller reads, by output name. */
  readonly outputs?: Readonly<Record<string, string>>;
  /** -O level of the C++ compiler (default 3). */
  readonly optimize?: 0 | 1 | 2 | 3;
  readonly vectorMath: boolean;
  /** Print one language alone. */
  readonly text?: "cpp" | "js";
  /** Units of work from which threads share a loop (default: 3 to 5 microseconds' worth). */
  readonly threshold?: number;
  /** Lines of C++ from which the program is divided into translation units. */
  readonly longest?: number;
}

const position = (loc: SourceLoc | undefined): { file?: string; line?: number; column?: number } => (loc ? { file: loc.file.name, line: loc.line, column: loc.column } : {});

export function lowerToPlan(graph: Graph, options: LowerOptions): Plan {
  const use = lifetimes(graph), storage = storageOf(graph, use, options.outputs, () => true), { places, variables, place, symbol, symbols, args } = storage, buffers = [...storage.buffers];
  const indices = indexScalars(graph, new Set(buffers.map((b) => b.name)));
  const js = new Js(options.precision), sites = new Sites();
  const emit = { precision: options.precision, place, symbol, sites, used: (name: string): boolean => use.has(name), indices, ...(options.threshold === undefined ? {} : { threshold: options.threshold }) };
  const cpp: CppText = options.text === "js" ? { sources: [], regions: false, gemm: false, perThread: new Set() } : cppText({
    graph, emit, threads: options.threads, vectorMath: options.vectorMath, buffers, args, symbols, variables: variables.map((x) => [x, places.get(x.name)!.text] as const),
    ...(options.longest === undefined ? {} : { longest: options.longest }),
  });
  const j = new Emitter(graph, js, emit);
  if (options.text !== "cpp") j.list(graph.body);
  const { regions } = cpp;
  buffers.forEach((b, i) => { if (cpp.perThread.has(b.name)) buffers[i] = { ...b, perThread: true }; });
  return {
    ...describe(graph, storage, options.outputs), buffers,
    sites: sites.list,
    parallel: regions || cpp.gemm,
    cpp: {
      sources: cpp.sources,
      // Interiors are split off already: what is left with conditions is borders, which splitting and unswitching only make slow to compile (2.5 times).
      flags: ["-std=c++20", `-O${options.optimize ?? 3}`, "-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", "-fno-rtti", "-fopenmp-simd", "-fno-split-loops", "-fno-unswitch-loops", ...(regions ? ["-fopenmp"] : []), options.precision === "strict" ? "-ffp-contract=off" : "-ffp-contract=fast"],
      link: ["libm", ...(options.vectorMath && options.precision !== "strict" ? ["libmvec" as const] : []), ...(regions ? ["openmp" as const] : [])],
    },
    js: options.text === "cpp" ? "" : jsSource(js, j.lines, buffers, args, symbols, variables, places, indices),
  };
}

export interface Storage {
  readonly buffers: readonly PlanBuffer[];
  readonly args: readonly number[];
  readonly symbols: readonly string[];
  /** Scalars that are variables of the program's text, with their places. */
  readonly variables: readonly Container[];
  readonly places: ReadonlyMap<string, Place>;
  readonly place: (c: Container) => Place;
  readonly symbol: (name: string) => string;
  readonly bufferIndex: (name: string) => number;
}

/** Where every container lives. `variable`: may the scalar be a variable; `skip`: containers that need no place of their own; `throughout`: those that no node names, but that are used. */
export function storageOf(graph: Graph, use: ReadonlyMap<string, Lifetime>, outputs: LowerOptions["outputs"], variable: (name: string) => boolean, skip?: (name: string) => boolean, throughout?: ReadonlySet<string>): Storage {
  const buffers: PlanBuffer[] = [], args: number[] = [], places = new Map<string, Place>(), indexOf = new Map<string, number>();
  const variables: Container[] = [];
  const symbols = [...graph.symbols];
  const parameterContainers = new Set(graph.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : [])));
  const wanted = new Set([...Object.values(outputs ?? {}), ...returnedContainers(graph.result)]);
  for (const c of graph.containers.values()) {
    if (c.view) continue;
    const u = use.get(c.name) ?? (throughout?.has(c.name) ? { first: 0, last: Number.MAX_SAFE_INTEGER, reads: true, writes: true } : undefined);
    const external = !c.transient && (parameterContainers.has(c.name) || wanted.has(c.name));
    if ((!u && !external) || skip?.(c.name)) continue;
    if (!external && c.shape.length === 0 && variable(c.name)) { places.set(c.name, { kind: "variable", text: `v${buffers.length + variables.length}s` }); variables.push(c); continue; }
    const text = `v${buffers.length}`;
    places.set(c.name, { kind: "buffer", text });
    indexOf.set(c.name, buffers.length);
    if (c.growable && c.shape.length > 0) {
      places.set(c.name, { kind: "buffer", text, grows: { have: `${text}n`, slot: buffers.filter((b) => b.storage === "growable").length } });
      buffers.push({ name: c.name, dtype: c.dtype, shape: c.shape.slice(1).map((e) => e.key), storage: "growable", ...(c.label ? { label: c.label } : {}), ...(c.role ? { role: c.role } : {}) });
      continue;
    }
    if (c.host) {
      places.set(c.name, { kind: "buffer", text, host: buffers.filter((b) => b.storage === "host").length });
      buffers.push({ name: c.name, dtype: c.dtype, shape: c.shape.map((e) => e.key), storage: "host", ...(c.label ? { label: c.label } : {}), ...(c.role ? { role: c.role } : {}) });
      continue;
    }
    const common = { name: c.name, dtype: c.dtype, shape: c.shape.map((e) => e.key), ...(c.label ? { label: c.label } : {}), ...(c.role ? { role: c.role } : {}) };
    if (external) { args.push(buffers.length); buffers.push({ ...common, storage: "argument", reads: u?.reads ?? false, writes: u?.writes ?? false }); }
    else { const offsetSymbol = `@${buffers.length}`; symbols.push(offsetSymbol); buffers.push({ ...common, storage: "arena", offsetSymbol, live: [u!.first, u!.last] }); }
  }

  const place = (c: Container): Place => { const p = places.get(c.name); if (!p) throw new InternalError(`container ${c.name} has no place`); return p; };
  const symbolText = new Map(symbols.map((s, i) => [s, `s${i}`]));
  const symbol = (name: string): string => { const t = symbolText.get(name); if (t === undefined) throw new InternalError(`symbol ${name} is not in scope`); return t; };
  const bufferIndex = (name: string): number => { const base = graph.container(name).view?.base ?? name; const i = indexOf.get(base); if (i === undefined) throw new InternalError(`no buffer for ${name}`); return i; };
  return { buffers, args, symbols, variables, places, place, symbol, bufferIndex };
}

/** What a plan says besides its buffers and its code. */
export function describe(graph: Graph, storage: Storage, outputs: LowerOptions["outputs"]): Pick<Plan, "version" | "name" | "arguments" | "symbols" | "parameters" | "result" | "outputs" | "checks" | "work" | "effort"> {
  const { bufferIndex } = storage, work = unitsIn(graph.body).key, effort = unitsIn(graph.body, weighted).key;
  return {
    version: PLAN_VERSION,
    name: graph.name,
    arguments: storage.args, symbols: storage.symbols,
    parameters: graph.parameters.map((p) => (p.kind === "container" ? { kind: "container", name: p.name, buffer: bufferIndex(p.container) } : { kind: "symbol", name: p.name, symbol: p.symbol })),
    result: planResult(graph.result, bufferIndex),
    outputs: Object.fromEntries(Object.entries(outputs ?? {}).map(([k, v]) => [k, bufferIndex(v)])),
    checks: graph.checks.map((x) => ({ kind: x.kind, expr: x.expr.key, message: x.message, ...position(x.loc) })),
    work, ...(effort === work ? {} : { effort }),
  };
}

/** 64-bit scalars that only integer expressions are written to, and that are only read in such. */
function indexScalars(graph: Graph, buffers: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  for (const c of graph.containers.values()) if (c.dtype === "int64" && c.shape.length === 0 && !c.view && !buffers.has(c.name)) found.add(c.name);
  for (const c of graph.containers.values()) if (c.view) found.delete(c.view.base);
  const whole = (n: Node): void => {
    if (n.kind === "tasklet") { for (const m of n.inputs) found.delete(m.data); if (n.wcr || (n.code.kind !== "symbolic" && n.code.kind !== "const") || n.code.dtype !== "int64") found.delete(n.output.data); }
    else if (n.kind === "library") for (const o of [...n.inputs, ...n.outputs]) found.delete(o.data);
    else if (n.kind === "while") for (const m of n.condition.inputs) found.delete(m.data);
    else if (n.kind === "conditional") for (const b of n.branches) for (const m of b.condition?.inputs ?? []) found.delete(m.data);
    for (const b of bodiesOf(n)) b.list.forEach(whole);
    if (n.kind === "loop") n.schedule?.interior?.body.forEach(whole);
  };
  graph.body.forEach(whole);
  return found;
}

function planResult(r: ReturnValue, index: (name: string) => number): PlanResult {
  switch (r.kind) {
    case "none": return r;
    case "container": return { kind: "buffer", buffer: index(r.name), ...(r.lengths ? { lengths: r.lengths.map((l) => (l === undefined ? -1 : index(l))) } : {}) };
    case "integer": return { kind: "integer", expr: r.expr.key };
    case "tuple": return { kind: "tuple", items: r.items.map((x) => planResult(x, index)) };
  }
}

const JS_ARRAY: Readonly<Record<DType, string>> = {
  float64: "Float64Array", float32: "Float32Array", int8: "Int8Array", int16: "Int16Array", int32: "Int32Array", int64: "BigInt64Array", uint8: "Uint8Array", uint16: "Uint16Array", uint32: "Uint32Array", uint64: "BigUint64Array", bool: "Uint8Array",
  complex64: "Float32Array", complex128: "Float64Array",
};

function jsSource(js: Js, lines: readonly string[], buffers: readonly PlanBuffer[], args: readonly number[], symbols: readonly string[], variables: readonly Container[], places: ReadonlyMap<string, { text: string }>, indices: ReadonlySet<string>): string {
  const head: string[] = [];
  symbols.forEach((s, i) => { if (!s.startsWith("@")) head.push(`  const s${i} = symbols[${i}];`); });
  args.forEach((b, i) => { head.push(`  const v${b} = args[${i}];`); });
  buffers.forEach((b, i) => { if (b.storage === "arena") head.push(`  const v${i} = new ${JS_ARRAY[b.dtype]}(arena, symbols[${symbols.indexOf(b.offsetSymbol!)}]);`); });
  buffers.forEach((b, i) => { if (b.storage === "growable") head.push(`  let v${i} = new ${JS_ARRAY[b.dtype]}(0), v${i}n = 0;`); });
  for (const c of variables) head.push(`  ${js.declare(places.get(c.name)!.text, c.dtype, indices.has(c.name) ? "0" : js.constant(0, undefined, c.dtype), true)}`);
  // As the native runtime does: what the growing buffers came to goes where a mistake's extent would go.
  const sizes = buffers.flatMap((b, i) => (b.storage === "growable" ? [`v${i}.byteLength`] : [])), grown = sizes.length > 0 ? `\n  rt.error[3] = ${sizes.join(" + ")};` : "";
  const body = `${head.join("\n")}\n${lines.join("\n")}${grown}\n  return 0;\n`;
  return `${jsHelpers(js, body)}\n${body}`;
}
