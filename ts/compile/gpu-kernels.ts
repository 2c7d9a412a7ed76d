/**
 * Short programs that tell what a GPU takes: a launch, going through its memory near and far, one thread, copies to the host and back as runs make them and as arguments. One graph through our own scheduling
 * and printing, hence one compilation; a call says which one runs. Differences between few and many repetitions leave out what every call takes.
 */
import { GPU_RATES, type Rates } from "../base/rates.js";
import { DaceError } from "../base/errors.js";
import { tasklet } from "../autodiff/names.js";
import { fetchNode, offloadNode, settleNode } from "../library/offload.js";
import { lowerToCuda } from "../lower/cuda-plan.js";
import { Executable, type Backend } from "../runtime/executable.js";
import { constant, input, op, symbolic } from "../scalar/expr.js";
import { scheduleGpu } from "../schedule/gpu/schedule.js";
import type { Branch, Container, Loop, Node } from "../sdfg/nodes.js";
import { freshId, Graph } from "../sdfg/sdfg.js";
import { addInt, sym, ZERO, type Expr } from "../symbolic/expr.js";

const KERNELS = ["nothing", "stream", "thread", "moves", "argument"] as const;
type Kernel = (typeof KERNELS)[number];
/** Units of work (schedule/work.ts) of an element in "stream" and in "thread". */
const STREAM_UNITS = 3, THREAD_UNITS = 5;
/** Elements of what is small, of what one thread does, and bytes of what is large where the device has room. */
const SMALL = 64, ALONE = 20_000, LARGE = 192 * 2 ** 20, SAMPLES = 5, ATTEMPTS = 4;

function graph(): Graph {
  const N = sym("N"), K = sym("K"), containers = new Map<string, Container>();
  for (const name of ["x", "y"]) containers.set(name, { name, dtype: "float64", shape: [addInt(N, 1)], transient: true });
  containers.set("away", { name: "away", dtype: "float64", shape: [addInt(N, 1)], transient: true, host: true });
  containers.set("a", { name: "a", dtype: "float64", shape: [K], transient: false });
  containers.set("s", { name: "s", dtype: "float64", shape: [], transient: false });
  let variables = 0;
  const loop = (order: Loop["order"], end: Expr, body: (v: Expr) => readonly Node[]): Loop => { const variable = `v${variables++}`; return { kind: "loop", id: freshId(), variable, begin: ZERO, end, order, body: body(sym(variable)) }; };
  const half = constant(0.5, "float64"), [x, y] = ["x", "y"].map((d) => containers.get(d)!) as [Container, Container], away = containers.get("away")!;
  const bodies: Record<Kernel, readonly Node[]> = {
    nothing: [tasklet({ data: "s", index: [] }, half, [])],
    stream: [loop("any", N, (i) => [tasklet({ data: "y", index: [i] }, op("add", "float64", input(0, "float64"), half), [{ data: "x", index: [i] }])])],
    thread: [loop("up", N, (i) => [tasklet({ data: "y", index: [addInt(i, 1)] }, op("add", "float64", op("mul", "float64", input(0, "float64"), half), input(1, "float64")), [{ data: "y", index: [i] }, { data: "x", index: [i] }])])],
    moves: [offloadNode(x, away), settleNode(x, away), fetchNode(y, away), settleNode(y, away)],
    argument: [tasklet({ data: "s", index: [] }, input(0, "float64"), [{ data: "a", index: [ZERO] }])],
  };
  const branches = KERNELS.map((k, i): Branch => ({ condition: { inputs: [], code: op("eq", "bool", symbolic(sym("kernel")), constant(i, "int64")) }, body: [loop("up", sym("repeats"), () => bodies[k])] }));
  const symbols = ["kernel", "repeats", "N", "K"];
  return new Graph({
    name: "gpu_rates", containers, symbols, assumptions: symbols.map(sym), result: { kind: "none" }, checks: [], body: [{ kind: "conditional", id: freshId(), branches }],
    parameters: ["a", "s"].map((name) => ({ kind: "container", name, container: name })),
  });
}

/** Of the device of the backend, which is a real one. Throws where the device, or its clock, gives nothing that is a rate. */
export function measureGpuRates(backend: Backend): Rates {
  const device = backend.addon!.cuda().devices[backend.gpu!.index], plan = lowerToCuda(scheduleGpu(graph(), { precision: "default", blocks: false }), { precision: "default" }), e = new Executable(plan, backend, undefined);
  const large = Math.floor(Math.min(LARGE, backend.gpu!.room() / 8) / 16), none = new Float64Array(1);
  /** Seconds of a run: the best of some, but for the first one, which loads kernels, takes memory and records what is recorded. */
  const run = (kernel: Kernel, n: number, repeats: number, given: Float64Array, samples = SAMPLES): number => {
    const layout = e.layout(`${kernel} ${n} ${repeats} ${given.length}`, new Map(Object.entries({ kernel: KERNELS.indexOf(kernel), repeats, N: n, K: given.length }))), args = plan.arguments.map((b) => (plan.buffers[b]!.name === "a" ? given : new Float64Array(1)));
    let best = Infinity;
    for (let k = 0; k <= samples; k++) { const t = performance.now(); e.runQuick(args, layout); if (k > 0) best = Math.min(best, (performance.now() - t) / 1000); }
    return best;
  };
  /** Seconds of one of the repetitions. `few`, `many`: how many of them. */
  const each = (kernel: Kernel, n: number, few: number, many: number, samples = SAMPLES): number => {
    // Other processes may be in the way of one attempt.
    for (let attempt = 0; ; attempt++) {
      const t = (run(kernel, n, many, none, samples) - run(kernel, n, few, none, samples)) / (many - few);
      if (t > 0) return t;
      if (attempt === ATTEMPTS) throw new DaceError("INTERNAL", `measuring a GPU: ${kernel} takes ${t} seconds`);
    }
  };
  // Of more launches than are recorded.
  const launch = each("stream", SMALL, 5000, 10_000, 2), stream = (n: number): number => Math.max(each("stream", n, 4, 24) - launch, launch / 100) / (16 * n);
  const far = stream(large), near = Math.min(stream(Math.max(SMALL, Math.floor(large / 8))), far), thread = each("thread", ALONE, 1, 13) / (ALONE * THREAD_UNITS), shared = 16 * far / STREAM_UNITS;
  const few = run("argument", 1, 1, none), argument = Math.max(run("argument", 1, 1, new Float64Array(large).fill(0.5)) - few, few / 100) / (8 * (large - 1)), multiprocessors = Math.max(1, device?.multiprocessors ?? 1);
  return {
    ...GPU_RATES, launch, transfer: each("moves", large, 1, 3) / (16 * large), memory: [{ bytes: 2 * large, read: near, write: near }, { bytes: 16 * large, read: far, write: far }],
    gpu: { thread: Math.max(1, thread / shared), block: multiprocessors, unit: shared, argument },
  };
}
