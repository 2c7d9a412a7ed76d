/**
 * Where the calls of a callable run. With a device that the user names it is that one; with "auto" it is decided call by call, by a rule that depends on the arguments, the program and
 * the machine alone, never on what earlier calls took:
 * - where an argument lies on a GPU, there;
 * - else on the processor, unless a GPU is usable (driver, device, a compiler for device code and one for host code) and the estimate of the run there, with the copies of arrays
 *   there and back, is less than half of the one for the processor; below a millisecond on the processor nobody asks.
 * The estimates: the processor takes UNIT seconds a unit of work (schedule/work.ts) and shares it among its threads, of which more than SHARING do not help, since memory does not
 * keep up; a GPU takes a launch for every kernel, and its rates for what one thread, one block and all of it do and for the bytes of arguments. They are measured once per GPU and kept
 * (compile/calibration.ts); where they are not, they are those of data sheets.
 */
import { DaceError } from "../base/errors.js";
import { nativeAddon } from "../runtime/addon.js";
import type { Rates } from "../base/rates.js";
import type { CudaDevice } from "../runtime/addon-types.js";
import type { Given } from "../runtime/arguments.js";
import type { Verb } from "./build.js";
import { Core, type Report, type Size } from "./core.js";
import type { DerivativeOptions } from "./options.js";

/** Seconds a unit of work on one thread, and threads that share it at most. */
const UNIT = 0.13e-9, SHARING = 4;
/** Of data sheets: seconds of a launch; of a unit on one thread of a GPU, on one of its multiprocessors; bytes a second between host and device. */
const LAUNCH = 4e-6, SERIAL = 8e-9, MULTIPROCESSOR = 0.4e-9, COPY = 10e9;
/** What a call with copies takes anyhow. */
const CALL = 40e-6;
/** Seconds on the processor from which a GPU is considered, and how much faster it must be. */
const FROM = 1e-3, TIMES = 2;

export interface Estimate { readonly cpu: number; readonly gpu: number }
/** `cpu`, `gpu`: what the program is on each; `device`: the GPU; `measured`: its rates, where they have been measured. */
export function estimate(cpu: Size, gpu: Size, device: Pick<CudaDevice, "multiprocessors">, measured?: Rates): Estimate {
  const { launches, serial, block, shared } = gpu.gpu!, multiprocessors = Math.max(1, device.multiprocessors), own = measured?.gpu;
  const [launch, thread, unit, byte] = measured && own ? [measured.launch, own.thread * own.unit, own.unit, own.argument] : [LAUNCH, SERIAL, MULTIPROCESSOR / multiprocessors, 1 / COPY];
  return { cpu: cpuSeconds(cpu), gpu: CALL + launches * launch + serial * thread + (block * multiprocessors + shared) * unit + gpu.moved * byte };
}
const cpuSeconds = (s: Size): number => s.work * UNIT / Math.min(s.threads, SHARING);

/** The GPU that "auto" may choose, or why there is none. What is found is kept: looking takes the driver's start. */
const found = new Map<string, CudaDevice | string>();
function usableGpu(): CudaDevice | string {
  const key = ["DACE_AD_CUDA", "DACE_AD_LIBCUDA", "DACE_AD_LIBNVRTC", "DACE_AD_NVCC"].map((k) => process.env[k] ?? "").join("|");
  let known = found.get(key);
  if (known === undefined) found.set(key, known = look());
  return known;
}
function look(): CudaDevice | string {
  const { addon, causes } = nativeAddon();
  if (!addon) return `the native addon could not be loaded: ${causes.join("; ")}`;
  if (process.env["DACE_AD_CUDA"] === "shim" || process.env["DACE_AD_CUDA"] === "off") return `DACE_AD_CUDA is ${process.env["DACE_AD_CUDA"]}`;
  if (!addon.discoverToolchain().found) return "there is no C++ compiler for its host code";
  const { devices, causes: why, compiler, noCompiler } = addon.cuda();
  const [device] = devices;
  return !device ? `no GPU was found: ${why.join("; ")}` : compiler === "" ? `${device.name}: ${noCompiler}` : device;
}

export class Placement {
  /** What the arguments are read by; runs where the processor is chosen, or the device that the user named. */
  readonly host: Core;
  readonly #gpus = new Map<string, Core>();
  readonly #warned = new Set<string>();
  #refused: string | undefined;
  /** Why the last call there was made there. */
  readonly #whys = new Map<Core, string>();
  #last: Core;

  constructor(readonly verb: Verb, source: unknown, readonly options: DerivativeOptions) {
    this.#last = this.host = new Core(verb, source, options, this.#warned);
  }

  /** The core for a call. */
  pick(given: readonly Given[]): Core {
    if ((this.options.device ?? "auto") !== "auto") return this.host;
    const [core, why] = this.#choose(given);
    this.#whys.set(core, why);
    return (this.#last = core);
  }
  /** `core` is the one of the last call again. */
  again(core: Core): void { this.#last = core; }
  /** May a call that failed on `core` be made on the processor? From then on all are, but those with arrays of a device. */
  giveUp(core: Core, e: unknown, given: readonly Given[]): boolean {
    if (core === this.host || !(e instanceof DaceError) || !/_(DEVICE|TOOLCHAIN|OOM)$/.test(e.code) || given.some((g) => g.kind === "array" && g.device)) return false;
    if (e.code !== "ERR_DACE_OOM") this.#refused = e.summary;
    this.host.warn("DACE_NO_GPU", `the GPU that was chosen could not run ${this.host.facts.name} (${e.summary}): it runs on the processor`);
    this.#whys.set(this.host, e.summary);
    this.#last = this.host;
    return true;
  }
  get report(): Report | undefined {
    const { report } = this.#last, why = this.#whys.get(this.#last);
    return report && why !== undefined ? { ...report, deviceReason: why } : report;
  }
  dispose(): void { this.host.dispose(); for (const c of this.#gpus.values()) c.dispose(); }

  #on(device: NonNullable<DerivativeOptions["device"]>): Core {
    let core = this.#gpus.get(device);
    if (!core) this.#gpus.set(device, core = new Core(this.verb, this.host.program, { ...this.options, device }, this.#warned));
    return core;
  }
  #choose(given: readonly Given[]): readonly [Core, string] {
    for (const g of given) if (g.kind === "array" && g.device) return [this.#on(g.device.device as `cuda:${number}`), `an argument lies on ${g.device.device}`];
    if (this.#refused !== undefined) return [this.host, this.#refused];
    const cpu = this.host.size(given), seconds = cpuSeconds(cpu);
    if (seconds < FROM) return [this.host, `too little to do for a GPU: about ${time(seconds)} on the processor`];
    const device = usableGpu();
    if (typeof device === "string") return [this.host, device];
    let gpu: Size;
    try { gpu = this.#on("cuda").size(given); } catch (e) { if (!(e instanceof DaceError)) throw e; return [this.host, `it cannot run on a GPU: ${e.summary}`]; }
    const t = estimate(cpu, gpu, device, this.#on("cuda").measured()), compared = `about ${time(t.gpu)} on ${device.name}, copies included, ${time(t.cpu)} on the processor`;
    return TIMES * t.gpu < t.cpu ? [this.#on("cuda"), compared] : [this.host, compared];
  }
}
const time = (s: number): string => (s < 1e-3 ? `${Math.ceil(s * 1e6)} µs` : s < 1 ? `${(s * 1e3).toPrecision(3)} ms` : `${s.toPrecision(3)} s`);
