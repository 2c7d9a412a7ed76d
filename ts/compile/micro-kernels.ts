/**
 * Short programs, through our own scheduling and printing, that tell what classes of operations take on this machine: the rates that estimates of time are made of.
 * All are one graph, hence one compilation; a call says which one runs. Medians of a few runs; under half a second in all, and as long once for the compiler.
 */
import { availableParallelism } from "node:os";
import { CPU_RATES, JS_RATES, type MemoryRate, type Rates } from "../base/rates.js";
import { tasklet } from "../autodiff/names.js";
import { matmulNode } from "../library/matmul.js";
import { transposed } from "../library/op.js";
import { lowerToPlan } from "../lower/lower.js";
import { Executable, type Backend } from "../runtime/executable.js";
import type { Layout } from "../runtime/layout.js";
import { constant, input, op, symbolic, visitScalar, type OpName, type ScalarExpr } from "../scalar/expr.js";
import { costOf } from "../scalar/ops.js";
import { schedule } from "../schedule/schedule.js";
import type { Branch, Container, Loop, Node } from "../sdfg/nodes.js";
import { freshId, Graph } from "../sdfg/sdfg.js";
import { add, addInt, int, load, scale, sym, ZERO, type Expr } from "../symbolic/expr.js";

const FUNCTIONS: readonly OpName[] = ["div", "sqrt", "exp", "log", "sin", "tanh", "pow"];
const KERNELS = ["read", "neighbours", "divided", "sum", "stream", "flops", "scalar", "chain", "chainDivision", "gather", "rows", "shared", "product", "productTransposed", "scalarFunction", ...FUNCTIONS] as const;
type Kernel = (typeof KERNELS)[number];

const x = input(0, "float64"), number = (v: number): ScalarExpr => constant(v, "float64"), plus = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => op("add", "float64", a, b), times = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => op("mul", "float64", a, b), minus = (a: ScalarExpr, b: ScalarExpr): ScalarExpr => op("sub", "float64", a, b);
/** Sums of products as they stand in stencils and derivatives: some operations fuse, some do not. */
function mixture(): ScalarExpr {
  let e = x;
  for (let k = 1; k <= 5; k++) e = plus(times(minus(x, number(0.1 * k)), number(0.3 + 0.01 * k)), times(plus(e, number(0.2)), x));
  return e;
}
const MIXTURE = mixture();
let flops = 0;
visitScalar(MIXTURE, (e) => { if (e.kind === "op") flops += costOf(e.op); });
const MIXTURE_FLOPS = flops;
/** What "read" and "neighbours" read for one element that they write. */
const STREAMS = 8;
/** Rows and their length in "rows". */
const ROWS = 64, ROW = 27;

function graph(): Graph {
  const N = sym("N"), M = sym("M"), containers = new Map<string, Container>();
  const argument = (name: string, dtype: Container["dtype"], shape: readonly Expr[]): void => { containers.set(name, { name, dtype, shape, transient: false }); };
  for (const name of ["x", "y"]) argument(name, "float64", [sym(name === "x" ? "L" : "K")]); argument("s", "float64", []); argument("at", "int64", [N]);
  for (const name of ["p", "q"]) argument(name, "float64", [int(ROWS), sym("W")]);
  for (const name of ["a", "b", "c"]) argument(name, "float64", [M, M]);
  let variables = 0;
  const loop = (order: Loop["order"], end: Expr, body: (v: Expr) => readonly Node[]): Loop => { const variable = `v${variables++}`; return { kind: "loop", id: freshId(), variable, begin: ZERO, end, order, body: body(sym(variable)) }; };
  const map = (code: ScalarExpr): readonly Node[] => [loop("any", N, (i) => [tasklet({ data: "y", index: [i] }, code, [{ data: "x", index: [i] }])])];
  const chain = (code: ScalarExpr): readonly Node[] => [loop("up", N, (i) => [tasklet({ data: "y", index: [addInt(i, 1)] }, code, [{ data: "x", index: [i] }, { data: "y", index: [i] }])])], before = input(1, "float64");
  const all = (name: string, size: Expr): { readonly data: string; readonly base: readonly Expr[]; readonly axes: readonly number[]; readonly sizes: readonly Expr[] } => ({ data: name, base: [ZERO, ZERO], axes: [0, 1], sizes: [size, size] });
  const bodies: Record<string, readonly Node[]> = {
    read: [loop("any", N, (i) => [tasklet({ data: "y", index: [i] }, Array.from({ length: STREAMS }, (_, k) => input(k, "float64")).reduce<ScalarExpr>(plus, number(0)), Array.from({ length: STREAMS }, (_, k) => ({ data: "x", index: [add(i, scale(N, k))] })))])],
    neighbours: [loop("any", N, (i) => [tasklet({ data: "y", index: [i] }, Array.from({ length: STREAMS }, (_, k) => input(k, "float64")).reduce<ScalarExpr>(plus, number(0)), Array.from({ length: STREAMS }, (_, k) => ({ data: "x", index: [addInt(i, k)] })))])],
    divided: [loop("any", N, (i) => [tasklet({ data: "y", index: [i] }, op("div", "float64", Array.from({ length: STREAMS }, (_, k) => input(k, "float64")).reduce<ScalarExpr>(plus, number(0)), x), Array.from({ length: STREAMS }, (_, k) => ({ data: "x", index: [addInt(i, k)] })))])],
    sum: [loop("any", N, (i) => [tasklet({ data: "s", index: [] }, times(x, input(1, "float64")), [{ data: "x", index: [i] }, { data: "y", index: [i] }], "sum")])],
    stream: map(plus(x, number(0.5))), flops: map(MIXTURE),
    scalar: chain(op("max", "float64", MIXTURE, before)), scalarFunction: chain(op("max", "float64", op("exp", "float64", x), before)),
    chain: chain(plus(times(before, times(x, number(0.4))), x)), chainDivision: chain(op("div", "float64", x, plus(before, number(1.5)))),
    gather: [loop("any", N, (i) => [tasklet({ data: "y", index: [i] }, x, [{ data: "x", index: [load("at", [i])] }])])],
    rows: [loop("any", int(ROWS), (j) => [loop("any", sym("W"), (i) => [tasklet({ data: "q", index: [j, i] }, plus(x, number(0.5)), [{ data: "p", index: [j, i] }])])])],
    shared: [
      loop("any", N, (i) => [tasklet({ data: "y", index: [i] }, times(x, number(0.5)), [{ data: "x", index: [addInt(i, 1)] }])]),
      loop("any", N, (i) => [tasklet({ data: "x", index: [i] }, times(x, number(1.5)), [{ data: "y", index: [addInt(i, 1)] }])]),
    ],
    product: [matmulNode(all("a", M), all("b", M), all("c", M), false)],
    productTransposed: [matmulNode(all("a", M), transposed(all("b", M)), all("c", M), false)],
  };
  for (const f of FUNCTIONS) bodies[f] = map(f === "div" ? op("div", "float64", number(1.25), x) : f === "pow" ? op("pow", "float64", x, plus(x, number(0.7))) : op(f, "float64", x));
  const branches = KERNELS.map((k, i): Branch => ({ condition: { inputs: [], code: op("eq", "bool", symbolic(sym("kernel")), constant(i, "int64")) }, body: [loop("up", sym("repeats"), () => bodies[k]!)] }));
  const symbols = ["kernel", "repeats", "N", "M", "W", "L", "K"];
  return new Graph({
    name: "rates", containers, symbols, assumptions: symbols.map(sym), result: { kind: "none" }, checks: [], body: [{ kind: "conditional", id: freshId(), branches }],
    parameters: [...containers.keys()].map((name) => ({ kind: "container", name, container: name })),
  });
}

/** Seconds of a run: median of a few. */
type Run = (kernel: Kernel, call: { readonly n?: number; readonly m?: number; readonly repeats: number; readonly threads?: number; readonly samples?: number; /** Which part of the memory, from 0 to 1. */ readonly part?: number }) => number;

/** Bytes gone through, for how memory takes longer the farther it is away. */
const SIZES = [24, 192, 640, 2560, 10 * 1024, 32 * 1024, 96 * 1024].map((k) => k * 1024);
/** JavaScript is slower than memory is: what no cache holds says little of it, and takes long. */
const sizesFor = (device: Backend["device"]): readonly number[] => (device === "js" ? SIZES.slice(0, -2) : SIZES);
/** Elements from a multiple of 64 bytes: what programs touch is rarely aligned. */
const OFFSET = 3;
/** Of a load and an addition that go together, the addition's. */
const SHARE = 0.3;
/** How much two arrays are in each other's way in a cache depends on which pages they got. */
const PARTS = [0, 0.37, 0.71];
/** Elements of work that is in the first cache, samples, and from how many seconds on one is long enough. */
const SMALL = 1024, SAMPLES = 5, WARM_MS = 1, PASSES = 3, LONG = 50e-6;

export function measureRates(backend: Backend): Rates {
  const run = runner(backend), best = new Map<string, number>();
  // JavaScript is compiled while it runs, and again when another kernel is new to it; what others do on the machine only takes longer.
  for (let pass = PASSES; ; pass--) {
    const rates = ratesOf(backend, (kernel, call) => {
      const key = `${kernel} ${JSON.stringify(call)}`, t = Math.min(run(kernel, call), best.get(key) ?? Infinity);
      best.set(key, t);
      return t;
    });
    if (pass === 1) return rates;
  }
}

function ratesOf(backend: Backend, run: Run): Rates {
  const cores = backend.device === "js" ? 1 : availableParallelism(), built = backend.device === "js" ? JS_RATES : CPU_RATES;
  // Often enough that the call itself does not count.
  const timed = (kernel: Kernel, call: { readonly n?: number; readonly m?: number }): number => {
    let repeats = 4;
    while (repeats < 2 ** 12 && run(kernel, { ...call, repeats, samples: 1 }) < LONG) repeats *= 4;
    return run(kernel, { ...call, repeats }) / repeats;
  };
  const each = (kernel: Kernel, n = SMALL): number => timed(kernel, { n }) / n;
  const memory: MemoryRate[] = [];
  // Clocks and caches get going.
  for (let k = 0; k < 10; k++) run("flops", { n: SMALL, repeats: 100 });
  for (const bytes of sizesFor(backend.device)) {
    const repeats = Math.max(bytes > 2 ** 24 ? 1 : 2, Math.floor(2 ** 22 / bytes)), samples = bytes > 2 ** 22 ? 3 : SAMPLES;
    // Seconds a byte written, with one byte read and with several.
    const each = (k: Kernel, streams: number): number => { const n = Math.floor(bytes / 8 / (streams + 1)); return median(PARTS.map((part) => run(k, { n, repeats, samples, part }))) / (repeats * n * 8); };
    const one = each("stream", 1), read = Math.max((each("read", STREAMS) - one) / (STREAMS - 1), one / 20);
    memory.push({ bytes, read, write: Math.max(one - read, read) });
  }
  // What is nearer takes no longer: what says so was disturbed.
  for (let k = memory.length - 2; k >= 0; k--) { const { bytes, read, write } = memory[k]!, far = memory[k + 1]!; memory[k] = { bytes, read: Math.min(read, far.read), write: Math.min(write, far.write) }; }
  // What an iteration takes is the sum of its parts: one load more in "neighbours" is an addition more, too.
  const one = each("stream"), neighbours = each("neighbours"), mixture = each("flops"), load = Math.max(one / 8, (neighbours - one) / (STREAMS - 1) * (1 - SHARE)), vector = Math.max(mixture - one, mixture / 2) / (MIXTURE_FLOPS - 1), store = Math.max(one / 8, one - load - vector);
  const scalar = each("scalar") / (MIXTURE_FLOPS + 1), chain = each("chain") / 2, beyond = (t: number): number => Math.max(t / 4, t - load - store);
  const division = each("div"), { beside, alone } = divisions(load + store, division, neighbours, each("divided")), functions = Object.fromEntries(FUNCTIONS.map((f) => [f, f === "div" ? alone(division) : f === "sqrt" ? alone(each(f)) : beyond(each(f))]));
  const row = timed("rows", {}) / ROWS - ROW * one, product = (m: number, kernel: Kernel = "product"): number => timed(kernel, { m }) / (2 * m ** 3), middle = 96;
  let { barrier, memoryThreads } = built;
  if (cores > 1) {
    const n = 32_768, far = SIZES.at(-1)! / 16, one = run("shared", { n, repeats: 10 }) / 20, all = run("shared", { n, repeats: 10, threads: cores }) / 20;
    // Where others use the cores, it says nothing.
    if (all < one) barrier = Math.max(0.2e-6, all - one / cores);
    memoryThreads = Math.min(cores, Math.max(1, run("stream", { n: far, repeats: 1, samples: 3 }) / run("stream", { n: far, repeats: 1, samples: 3, threads: cores })));
  }
  return {
    ...built, vector, sum: Math.max(vector, each("sum", 16 * SMALL)), scalar: Math.max(scalar, vector), chain, chainDivision: Math.max(chain, each("chainDivision") - chain), load, store, scalarAccess: backend.device === "js" ? (load + store) / 2 : Math.max(load, 0.8 * scalar), gather: Math.max(load, each("gather") - store),
    beside, functions: { ...functions, cos: functions["sin"]! }, scalarFunction: Math.max(1, each("scalarFunction") / functions["exp"]!), memory, start: Math.max(0, row),
    product: backend.device === "js" ? [{ size: 32, seconds: product(32) }] : [{ size: 32, seconds: product(32) }, { size: middle, seconds: product(middle) }, { size: 256, seconds: product(256) }], productTransposed: backend.device === "js" ? 1 : Math.max(1, product(middle, "productTransposed") / product(middle)), barrier, memoryThreads,
  };
}

/**
 * Of a unit that works beside all else, from loops with little else and with much: what part of the shorter adds to the longer, at most nearly all of it; and what the unit alone takes in a loop with little else, from what that loop takes.
 * Each is found from the other; a few rounds agree.
 */
export function divisions(little: number, withLittle: number, much: number, withMuch: number): { readonly beside: number; readonly alone: (t: number) => number } {
  let beside = 0.5;
  const alone = (t: number): number => Math.max(t - beside * little, t / 4);
  for (let k = 0; k < 8; k++) { const unit = alone(withLittle); beside = Math.min(0.95, Math.max(0, (withMuch - Math.max(much, unit)) / Math.min(much, unit))); }
  return { beside, alone };
}

function runner(backend: Backend): Run {
  const plan = lowerToPlan(schedule(graph()), { precision: "default", threads: true, vectorMath: true }), far = sizesFor(backend.device).at(-1)!, large = 256;
  const floats = (n: number): Float64Array => new Float64Array(n).fill(0.55);
  const memory = new Map<string, Float64Array | BigInt64Array>([["x", floats(far / 8 + 2 * STREAMS)], ["y", floats(far / 16 + 2 * STREAMS)], ["s", new Float64Array(1)], ["at", BigInt64Array.from({ length: SMALL }, (_, i) => BigInt((i * 389) % SMALL))], ["p", floats(ROWS * ROW)], ["q", floats(ROWS * ROW)], ...["a", "b", "c"].map((k) => [k, floats(large * large)] as const)]);
  const executables = new Map<number, Executable>();
  return (kernel, { n = SMALL, m = 8, repeats, threads = 1, samples = SAMPLES, part = 0 }) => {
    let e = executables.get(threads);
    if (!e) { const { anyTeam: _, ...fixed } = backend; executables.set(threads, e = new Executable(plan, { ...fixed, threads }, undefined)); }
    const long = n * (kernel === "read" ? STREAMS : 1) + STREAMS, size: Readonly<Record<string, number>> = { x: long, y: n + 1, s: 1, at: kernel === "gather" ? n : 0, p: ROWS * ROW, q: ROWS * ROW, a: m * m, b: m * m, c: m * m };
    const args = plan.arguments.map((b) => { const { name } = plan.buffers[b]!, all = memory.get(name)!, from = name === "x" || name === "y" ? OFFSET + 8 * Math.floor(part * (all.length - size[name]! - OFFSET) / 8) : 0; return all.subarray(from, from + size[name]!); });
    const sizes = new Map(Object.entries({ kernel: KERNELS.indexOf(kernel), repeats, N: n, M: m, W: ROW, L: long, K: n + 1 })), layout: Layout = e.layout(`${kernel} ${n} ${m} ${repeats}`, sizes);
    const times: number[] = [];
    if (backend.device === "js") for (const until = performance.now() + WARM_MS; performance.now() < until;) e.runQuick(args, layout);
    // What other processes took of the core does not count.
    for (let k = 0; k <= samples; k++) { const t = performance.now(), used = process.cpuUsage(); e.runQuick(args, layout); const wall = performance.now() - t, { user, system } = process.cpuUsage(used); times.push(threads === 1 ? Math.min(wall, Math.max((user + system) / 1000, wall / 20)) : wall); }
    // The first one compiles, or brings things into the caches.
    return median(times.slice(1)) / 1000;
  };
}

function median(list: readonly number[]): number { return [...list].sort((p, q) => p - q)[list.length >> 1]!; }
