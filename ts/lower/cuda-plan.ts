/** A graph placed on a GPU → Plan: host code, device code, and where every container lives. */
import { visitNodes } from "../analysis/walk.js";
import { lifetimes } from "../schedule/lifetimes.js";
import { isSmall } from "../schedule/scalars.js";
import { estimateGpu } from "../schedule/gpu/estimate.js";
import type { Placed } from "../schedule/gpu/place.js";
import { preambleFor } from "./cpp-preamble.js";
import { cppStorage, cppType } from "./cpp-types.js";
import type { CudaHost } from "./cuda.js";
import { HostEmitter, hostCopy } from "./cuda-host.js";
import { deviceSource, hostHelpers } from "./cuda-preamble.js";
import { describe, storageOf, type LowerOptions, type Storage } from "./lower.js";
import { Sites, type Plan, type PlanCuda } from "./plan.js";
import type { Expr } from "../symbolic/expr.js";

export function lowerToCuda({ graph, host, partials }: Placed, options: Pick<LowerOptions, "precision" | "outputs" | "optimize">): Plan {
  const use = lifetimes(graph), own = new Set<string>();
  // What a thread has for itself needs no place in memory.
  visitNodes(graph.body, (n) => { if (n.kind === "loop" && n.schedule?.gpu?.kernel) visitNodes([n], (l) => { if (l.kind === "loop") for (const x of l.locals ?? []) if (isSmall(graph.container(x))) own.add(x); }); });
  const storage = storageOf(graph, use, options.outputs, (name) => host.has(name), (name) => own.has(name), partials), sites = new Sites();
  const { buffers, places, variables } = storage;
  const known = [
    ...storage.symbols.flatMap((s, i) => (s.startsWith("@") ? [] : [[`s${i}`, { type: "i64" }] as const])),
    ...buffers.map((b, i) => [`v${i}`, { type: cppStorage(b.dtype), base: b.name }] as const),
    ...variables.map((c) => [places.get(c.name)!.text, { type: cppType(c.dtype) }] as const),
  ];
  const emit = (into: Sites, stops: boolean): HostEmitter => {
    const e = new HostEmitter(graph, { precision: options.precision, place: storage.place, symbol: storage.symbol, sites: into, used: (name) => use.has(name) }, known, stops);
    e.list(graph.body);
    return e;
  };
  // Where a kernel can find a mistake, or be cancelled, those behind it must not go on: known when all are printed.
  let emitter = emit(new Sites(), false);
  emitter = emit(sites, emitter.kernels.some((k) => /\b(note|stopped)\(/.test(k.text)));
  const strict = options.precision === "strict", { kernels } = emitter;
  return {
    ...describe(graph, storage, options.outputs), buffers,
    sites: sites.list,
    parallel: false,
    cpp: { sources: [], flags: [], link: [] },
    cuda: {
      host: {
        sources: [hostSource(emitter, storage)],
        flags: ["-std=c++20", `-O${Math.min(options.optimize ?? 2, 2)}`, "-fno-math-errno", "-fno-trapping-math", "-fno-exceptions", "-fno-rtti", "-ffp-contract=off"],
        link: ["libm"],
      },
      device: deviceSource(emitter.device, kernels.map((k) => k.text).join("\n")),
      estimate: Object.fromEntries(Object.entries(estimateGpu(graph)).map(([k, e]: [string, Expr]) => [k, e.key])) as unknown as PlanCuda["estimate"],
      deviceFlags: ["--std=c++17", ...(strict ? ["--fmad=false"] : [])],
      kernels: kernels.map(({ name, maxThreads, loc }) => ({ name, maxThreads, ...(loc ? { loc } : {}) })),
    },
    js: "",
  };
}

function hostSource(emitter: HostEmitter, { buffers, args, symbols, variables, places }: Storage): string {
  const cpp = emitter.language as CudaHost, head: string[] = [];
  symbols.forEach((s, i) => { if (!s.startsWith("@")) head.push(`const i64 s${i} = symbols[${i}];`); });
  args.forEach((b, i) => { const type = cppStorage(buffers[b]!.dtype); head.push(`${type}* const v${b} = (${type}*)args[${i}];`); });
  args.forEach((b, i) => { const type = cppStorage(buffers[b]!.dtype), name = hostCopy(`v${b}`); if (emitter.lines.some((l) => l.includes(`${name}[`))) head.push(`const ${type}* const ${name} = (const ${type}*)gpu->host_args[${i}];`); });
  buffers.forEach((b, i) => {
    const type = cppStorage(b.dtype);
    if (b.storage === "arena") head.push(`${type}* const v${i} = (${type}*)((char*)arena + symbols[${symbols.indexOf(b.offsetSymbol!)}]);`);
    if (b.storage === "growable") head.push(`${type}* v${i} = nullptr; i64 v${i}n = 0;`);
  });
  for (const c of variables) head.push(cpp.declare(places.get(c.name)!.text, c.dtype, cpp.constant(0, undefined, c.dtype), true));
  const body = `  if (rt->abi_version != 2u || rt->struct_bytes < sizeof(dace_rt) || !rt->gpu) return 6;\n  const dace_gpu* const gpu = rt->gpu;\n${head.map((x) => `  ${x}\n`).join("")}${emitter.lines.join("\n")}\n  return 0;\n`;
  const helpers = hostHelpers(body), run = `extern "C" i32 dace_run(const dace_rt* rt, void* const* args, const i64* symbols, void* arena) {\n${body}}\n`;
  return `${preambleFor(cpp, `${helpers}${run}`)}${helpers}${run}`;
}
