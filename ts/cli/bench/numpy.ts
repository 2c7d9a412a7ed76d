/** The programs in NumPy itself: makes NPBench's own inputs and runs the program on them, where a Python with NumPy is found. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NDArray } from "../../runtime/ndarray.js";
import { formatNpy, readNpy } from "../../runtime/npy.js";
import type { BenchProgram, Sizes } from "./checkout.js";

/** DACE_AD_PYTHON, else the first of the usual names that can import NumPy. */
export function findPython(): { readonly command: string; readonly numpy: string } | undefined {
  const given = process.env["DACE_AD_PYTHON"];
  for (const command of given === undefined ? ["python3", "python"] : given === "" ? [] : [given]) {
    const r = spawnSync(command, ["-c", "import numpy; print(numpy.__version__)"], { encoding: "utf8" });
    if (r.status === 0) return { command, numpy: r.stdout.trim() };
  }
  return undefined;
}

/** One process per program and size. Arguments and results are .npy files; what is no array stands in meta.json. */
const SCRIPT = `
import copy, importlib.util, json, os, sys, time, warnings
import numpy as np
warnings.filterwarnings("ignore")
job = json.load(open(sys.argv[1]))
if job["reduced"] and "DACE_AD_REDUCED" not in os.environ:
    try: from numpy._core import _multiarray_umath as core
    except ImportError: from numpy.core import _multiarray_umath as core
    off = [f for f in getattr(core, "__cpu_dispatch__", []) if getattr(core, "__cpu_features__", {}).get(f)]
    os.environ.update({"DACE_AD_REDUCED": "1", "NPY_DISABLE_CPU_FEATURES": " ".join(off), "OPENBLAS_CORETYPE": "Nehalem" if os.uname().machine in ("x86_64", "i686") else "ARMV8"})
    os.execv(sys.executable, [sys.executable, "-c", SELF, sys.argv[1]])
folder = job["folder"]; meta = {}
sys.path.insert(0, job["root"])
def done():
    json.dump(meta, open(os.path.join(folder, "meta.json"), "w")); sys.exit(0)
def load(path):
    sys.path.insert(0, os.path.dirname(path))
    spec = importlib.util.spec_from_file_location("program_" + os.path.basename(path)[:-3], path); m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m)
    return m
def put(name, v):
    if isinstance(v, np.ndarray): np.save(os.path.join(folder, name + ".npy"), np.ascontiguousarray(v)); return {"kind": "array"}
    if isinstance(v, (bool, np.bool_)): return {"kind": "bool", "value": bool(v)}
    if isinstance(v, np.integer): return {"kind": "bigint", "value": str(int(v))}
    if isinstance(v, int): return {"kind": "int", "value": v}
    if isinstance(v, (complex, np.complexfloating)): return {"kind": "complex", "value": [v.real, v.imag]}
    if isinstance(v, (float, np.floating)): return {"kind": "float", "value": float(v) if np.isfinite(v) else str(v)}
    return {"kind": "other", "value": repr(type(v))}
try:
    if job["given"] is None:
        data = dict(job["sizes"]); init = job["initialise"]
        if init:
            np.random.seed(42)
            r = getattr(load(init["file"]), init["function"])(*[data[a] for a in init["inputs"]])
            data.update(zip(init["outputs"], r if len(init["outputs"]) > 1 else (r,)))
        args = [data[a] for a in job["parameters"]]
    else:
        args = [np.load(os.path.join(folder, "in%d.npy" % i)) if a["kind"] == "array" else int(a["value"]) if a["kind"] == "bigint" else a["value"] for i, a in enumerate(job["given"])]
except Exception as e:
    meta["noInputs"] = "%s: %s" % (type(e).__name__, e); done()
meta["args"] = [put("in%d" % i, a) for i, a in enumerate(args)]
try:
    f = getattr(load(job["file"]), job["function"])
    best = None; total = 0.0
    while best is None or (total < 0.3 and job["timed"]):
        mine = copy.deepcopy(args)
        t = time.perf_counter(); r = f(*mine); t = time.perf_counter() - t
        best = t if best is None else min(best, t); total += t
    meta["seconds"] = best
    meta["changed"] = [put("out%d" % i, a) if isinstance(a, np.ndarray) else None for i, a in enumerate(mine)]
    meta["tuple"] = isinstance(r, (tuple, list))
    meta["results"] = [put("ret%d" % i, x) for i, x in enumerate(r if meta["tuple"] else () if r is None else (r,))]
except Exception as e:
    meta["failed"] = "%s: %s" % (type(e).__name__, e)
done()
`;

type Put = { readonly kind: "array" } | { readonly kind: "bool"; readonly value: boolean } | { readonly kind: "bigint"; readonly value: string } | { readonly kind: "int"; readonly value: number }
  | { readonly kind: "float"; readonly value: number | string } | { readonly kind: "complex"; readonly value: readonly [number, number] } | { readonly kind: "other"; readonly value: string };
interface Meta { readonly noInputs?: string; readonly args?: readonly Put[]; readonly seconds?: number; readonly changed?: readonly (Put | null)[]; readonly tuple?: boolean; readonly results?: readonly Put[]; readonly failed?: string }

export class NumpyRun {
  private constructor(readonly folder: string, readonly meta: Meta) {}

  /** Inputs of NPBench's own making, or those given. `reduced`: as NumPy runs on an older processor, without the instruction sets that it picks its loops and BLAS kernels by. */
  static of(python: string, root: string, program: BenchProgram, sizes: Sizes, given: readonly unknown[] | undefined, timed: boolean, reduced = false): NumpyRun {
    const folder = mkdtempSync(join(tmpdir(), "dace-ad-bench-")), job = join(folder, "job.json");
    given?.forEach((a, i) => { if (a instanceof NDArray) writeFileSync(join(folder, `in${i}.npy`), formatNpy(a)); });
    const puts = given?.map((a) => (a instanceof NDArray ? { kind: "array" } : typeof a === "bigint" ? { kind: "bigint", value: String(a) } : { kind: "number", value: a }));
    writeFileSync(job, JSON.stringify({ root, folder, file: program.file, function: program.function, parameters: program.parameters, initialise: program.initialise ?? null, sizes, given: puts ?? null, timed, reduced }));
    const r = spawnSync(python, ["-c", `SELF = ${JSON.stringify(SCRIPT)}\nexec(SELF)`, job], { encoding: "utf8", maxBuffer: 1 << 26 }), out = join(folder, "meta.json");
    return new NumpyRun(folder, existsSync(out) ? JSON.parse(readFileSync(out, "utf8")) as Meta : { noInputs: r.error?.message ?? r.stderr.trim().split("\n").at(-1) ?? `Python ended with ${r.status}` });
  }
  #get(name: string, p: Put): unknown {
    switch (p.kind) {
      case "array": return readNpy(join(this.folder, `${name}.npy`));
      case "bigint": return BigInt(p.value);
      case "float": return Number(p.value);
      case "complex": return { re: p.value[0], im: p.value[1] };
      default: return p.value;
    }
  }
  inputs(): unknown[] { return this.meta.args!.map((p, i) => this.#get(`in${i}`, p)); }
  changed(i: number): unknown { const p = this.meta.changed?.[i]; return p ? this.#get(`out${i}`, p) : undefined; }
  results(): unknown[] { return (this.meta.results ?? []).map((p, i) => this.#get(`ret${i}`, p)); }
  dispose(): void { rmSync(this.folder, { recursive: true, force: true }); }
}
