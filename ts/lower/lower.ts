/** Scheduled graph → Plan: buffers, symbols, checks, and the text for both backends. */
import { bodiesOf } from "../analysis/paths.js";
import { workOf } from "../analysis/cost.js";
import { InternalError } from "../base/errors.js";
import type { SourceLoc } from "../base/errors.js";
import type { Container, Node, ReturnValue } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { visitAtoms, type Expr } from "../symbolic/expr.js";
import { Cpp, cppPreamble, cppStorage } from "./cpp.js";
import { Emitter } from "./emit.js";
import { Js, JS_HELPERS } from "./js.js";
import { PLAN_VERSION, type Plan, type PlanBuffer, type PlanResult } from "./plan.js";

export interface LowerOptions {
  readonly precision: "default" | "strict" | "fast";
  /** Print parallel regions. */
  readonly threads: boolean;
  /** Containers whose final contents the caller reads, by output name. */
  readonly outputs?: Readonly<Record<string, string>>;
  /** -O level of the C++ compiler (default 3). */
  readonly optimize?: 0 | 1 | 2 | 3;
  readonly vectorMath: boolean;
}

const position = (loc: SourceLoc | undefined): { file?: string; line?: number; column?: number } => (loc ? { file: loc.file.name, line: loc.line, column: loc.column } : {});

export function lowerToPlan(graph: Graph, options: LowerOptions): Plan {
  const use = usage(graph);
  const buffers: PlanBuffer[] = [], args: number[] = [], places = new Map<string, { kind: "buffer" | "variable"; text: string }>(), indexOf = new Map<string, number>();
  const variables: Container[] = [];
  const symbols = [...graph.symbols];
  const parameterContainers = new Set(graph.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : [])));
  const wanted = new Set([...Object.values(options.outputs ?? {}), ...returned(graph.result)]);
  for (const c of graph.containers.values()) {
    if (c.view) continue;
    const u = use.get(c.name);
    const external = !c.transient && (parameterContainers.has(c.name) || wanted.has(c.name));
    if (!u && !external) continue;
    if (!external && c.shape.length === 0) { places.set(c.name, { kind: "variable", text: `v${buffers.length + variables.length}s` }); variables.push(c); continue; }
    const text = `v${buffers.length}`;
    places.set(c.name, { kind: "buffer", text });
    indexOf.set(c.name, buffers.length);
    const common = { name: c.name, dtype: c.dtype, shape: c.shape.map((e) => e.key), ...(c.label ? { label: c.label } : {}), ...(c.role ? { role: c.role } : {}) };
    if (external) { args.push(buffers.length); buffers.push({ ...common, storage: "argument", reads: u?.reads ?? false, writes: u?.writes ?? false }); }
    else { const offsetSymbol = `@${buffers.length}`; symbols.push(offsetSymbol); buffers.push({ ...common, storage: "arena", offsetSymbol, live: [u!.first, u!.last] }); }
  }

  const place = (c: Container): { kind: "buffer" | "variable"; text: string } => { const p = places.get(c.name); if (!p) throw new InternalError(`container ${c.name} has no place`); return p; };
  const symbolText = new Map(symbols.map((s, i) => [s, `s${i}`]));
  const symbol = (name: string): string => { const t = symbolText.get(name); if (t === undefined) throw new InternalError(`symbol ${name} is not in scope`); return t; };
  const cpp = new Cpp(options.precision);
  const c = new Emitter(graph, cpp, { precision: options.precision, place, symbol, parallel: options.threads });
  c.block(graph.body);
  const js = new Emitter(graph, new Js(), { precision: options.precision, place, symbol, parallel: false });
  js.block(graph.body);
  const sites = c.sites.length >= js.sites.length ? c.sites : js.sites;

  const parallel = c.lines.some((l) => l.includes("omp parallel"));
  const bufferIndex = (name: string): number => { const base = graph.container(name).view?.base ?? name; const i = indexOf.get(base); if (i === undefined) throw new InternalError(`no buffer for ${name}`); return i; };
  return {
    version: PLAN_VERSION,
    name: graph.name,
    buffers, arguments: args, symbols,
    parameters: graph.parameters.map((p) => (p.kind === "container" ? { kind: "container", name: p.name, buffer: bufferIndex(p.container) } : { kind: "symbol", name: p.name, symbol: p.symbol })),
    result: planResult(graph.result, bufferIndex),
    outputs: Object.fromEntries(Object.entries(options.outputs ?? {}).map(([k, v]) => [k, bufferIndex(v)])),
    checks: graph.checks.map((x) => ({ kind: x.kind, expr: x.expr.key, message: x.message, ...position(x.loc) })),
    sites,
    parallel,
    work: workOf(graph.body).key,
    cpp: {
      sources: [cppSource(graph, options, cpp, c.lines, buffers, args, symbols, variables, places)],
      flags: ["-std=c++20", `-O${options.optimize ?? 3}`, "-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", "-fno-rtti", "-fopenmp-simd", ...(parallel ? ["-fopenmp"] : []), options.precision === "strict" ? "-ffp-contract=off" : "-ffp-contract=fast"],
      link: ["libm", ...(options.vectorMath && options.precision !== "strict" ? ["libmvec" as const] : []), ...(parallel ? ["openmp" as const] : [])],
    },
    js: jsSource(js.lines, buffers, args, symbols, variables, places),
  };
}

function planResult(r: ReturnValue, index: (name: string) => number): PlanResult {
  switch (r.kind) {
    case "none": return r;
    case "container": return { kind: "buffer", buffer: index(r.name) };
    case "integer": return { kind: "integer", expr: r.expr.key };
    case "tuple": return { kind: "tuple", items: r.items.map((x) => planResult(x, index)) };
  }
}
function returned(r: ReturnValue): string[] { return r.kind === "container" ? [r.name] : r.kind === "tuple" ? r.items.flatMap(returned) : []; }

interface Usage { first: number; last: number; reads: boolean; writes: boolean }

/** First and last top-level position at which each base container is touched. */
function usage(graph: Graph): Map<string, Usage> {
  const out = new Map<string, Usage>();
  graph.body.forEach((top, position) => {
    const touch = (data: string, write: boolean): void => {
      const base = graph.container(data).view?.base ?? data;
      const u = out.get(base);
      if (!u) out.set(base, { first: position, last: position, reads: !write, writes: write });
      else { u.last = position; if (write) u.writes = true; else u.reads = true; }
    };
    const exprs = (es: readonly Expr[]): void => { for (const e of es) visitAtoms(e, (a) => { if (a.kind === "load") touch(a.data, false); }); };
    const scan = (n: Node): void => {
      switch (n.kind) {
        case "tasklet":
          for (const m of n.inputs) { touch(m.data, false); exprs(m.index); exprs(m.guard ?? []); }
          exprs(n.output.index);
          if (n.wcr) touch(n.output.data, false);
          touch(n.output.data, true);
          break;
        case "loop": exprs([n.begin, n.end]); break;
        case "conditional": for (const b of n.branches) for (const m of b.condition?.inputs ?? []) { touch(m.data, false); exprs(m.index); } break;
        case "while": for (const m of n.condition.inputs) { touch(m.data, false); exprs(m.index); } break;
        case "library": for (const o of n.inputs) touch(o.data, false); for (const o of n.outputs) { if (n.accumulate) touch(o.data, false); touch(o.data, true); } break;
        default: break;
      }
      for (const b of bodiesOf(n)) b.list.forEach(scan);
    };
    scan(top);
  });
  return out;
}

function cppSource(graph: Graph, options: LowerOptions, cpp: Cpp, lines: readonly string[], buffers: readonly PlanBuffer[], args: readonly number[], symbols: readonly string[], variables: readonly Container[], places: ReadonlyMap<string, { text: string }>): string {
  void graph;
  const head: string[] = [];
  symbols.forEach((s, i) => { if (!s.startsWith("@")) head.push(`  const i64 s${i} = symbols[${i}];`); });
  const qualifier = (b: PlanBuffer): string => (b.storage === "argument" && !b.writes ? "const " : "");
  args.forEach((b, i) => { const x = buffers[b]!; head.push(`  ${qualifier(x)}${cppStorage(x.dtype)}* __restrict__ const v${b} = (${qualifier(x)}${cppStorage(x.dtype)}*)args[${i}];`); });
  buffers.forEach((b, i) => { if (b.storage === "arena") head.push(`  ${cppStorage(b.dtype)}* __restrict__ const v${i} = (${cppStorage(b.dtype)}*)((char*)arena + symbols[${symbols.indexOf(b.offsetSymbol!)}]);`); });
  for (const c of variables) head.push(`  ${cpp.declare(places.get(c.name)!.text, c.dtype, cpp.constant(0, undefined, c.dtype), true)}`);
  const body = lines.join("\n");
  const threads = body.includes("omp parallel") ? "  const i32 nt = rt->threads;\n" : "";
  return `${cppPreamble(cpp.called, options.precision)}extern "C" i32 dace_run(const dace_rt* rt, void* const* args, const i64* symbols, void* arena) {
  if (rt->abi_version != 1u) return 6;
${threads}${head.join("\n")}
${body}
  return 0;
}
`;
}

const JS_ARRAY: Readonly<Record<string, string>> = {
  float64: "Float64Array", float32: "Float32Array", int8: "Int8Array", int16: "Int16Array", int32: "Int32Array", int64: "BigInt64Array", uint8: "Uint8Array", uint16: "Uint16Array", uint32: "Uint32Array", uint64: "BigUint64Array", bool: "Uint8Array",
};

function jsSource(lines: readonly string[], buffers: readonly PlanBuffer[], args: readonly number[], symbols: readonly string[], variables: readonly Container[], places: ReadonlyMap<string, { text: string }>): string {
  const js = new Js();
  const head: string[] = [JS_HELPERS];
  symbols.forEach((s, i) => { if (!s.startsWith("@")) head.push(`  const s${i} = symbols[${i}];`); });
  args.forEach((b, i) => { head.push(`  const v${b} = args[${i}];`); });
  buffers.forEach((b, i) => { if (b.storage === "arena") head.push(`  const v${i} = new ${JS_ARRAY[b.dtype]}(arena, symbols[${symbols.indexOf(b.offsetSymbol!)}]);`); });
  for (const c of variables) head.push(`  ${js.declare(places.get(c.name)!.text, c.dtype, js.constant(0, undefined, c.dtype), true)}`);
  return `${head.join("\n")}\n${lines.join("\n")}\n  return 0;\n`;
}
