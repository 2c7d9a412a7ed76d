/** What is found of CUDA, and the device pool: on a driver of our own (cuda/fake-driver.cpp), so that every failure can be had without a GPU. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { DaceError } from "../../ts/base/errors.js";
import { backendFor } from "../../ts/api/options.js";
import { findings } from "../../ts/cli/doctor.js";
import { jit } from "../../ts/index.js";
import { addon, Folder, root } from "./support.js";

// What compiles device code is looked for once per process.
process.env["DACE_AD_LIBNVRTC"] = process.env["DACE_AD_NVCC"] = "off";
const folder = new Folder(), a = addon();
test.after.always(() => { folder.remove(); });

const compiler = a.discoverToolchain().found!.compiler;
function build(name: string, ...flags: readonly string[]): string {
  const out = folder.at(name);
  if (!existsSync(out)) execFileSync(compiler, ["-std=c++20", "-O1", "-fPIC", "-shared", ...flags, join(root, "test/native/cuda/fake-driver.cpp"), "-o", out]);
  return out;
}
function withEnv<T>(values: Readonly<Record<string, string>>, f: () => T): T {
  const before = Object.keys(values).map((k) => [k, process.env[k]] as const);
  Object.assign(process.env, values);
  try { return f(); } finally { for (const [k, v] of before) if (v === undefined) Reflect.deleteProperty(process.env, k); else process.env[k] = v; }
}
function refusal(device: "cuda" | "cuda:3" | "auto"): DaceError {
  try { backendFor({ device }); } catch (e) { if (e instanceof DaceError) return e; throw e; }
  throw new Error("not refused");
}

test.serial("devices and their properties", (t) => {
  const library = build("fake.so");
  const found = withEnv({ FAKE_DEVICES: "2" }, () => a.cuda(library));
  t.is(found.library, library);
  t.is(found.version, 13000);
  t.deepEqual(found.causes, []);
  const device = { name: "Fake device", memory: 2 ** 30, capability: "9.0", multiprocessors: 4, maxThreads: 1024, warp: 32, sharedPerBlock: 49152, pools: true };
  t.deepEqual(found.devices, [device, device]);
});

test.serial("every reason for having none is named", (t) => {
  const library = build("fake.so");
  const missing = a.cuda(folder.at("nowhere.so"));
  t.deepEqual(missing.devices, []);
  t.regex(missing.causes.join(), /nowhere\.so: cannot open/);
  t.deepEqual(withEnv({ FAKE_INIT: "100" }, () => a.cuda(library).causes), ["cuInit: CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)"]);
  t.deepEqual(withEnv({ FAKE_INIT: "999" }, () => a.cuda(library).causes), ["cuInit: CUDA error 999"]);
  t.regex(withEnv({ FAKE_DEVICES: "0" }, () => a.cuda(library).causes.join()), /no device/);
  t.regex(a.cuda(build("old.so", "-DWITHOUT_INIT")).causes.join(), /too old, it has no cuInit$/);
});

test.serial("a device that cannot be asked is left out, by name", (t) => {
  const found = withEnv({ FAKE_DEVICES: "2", FAKE_BROKEN: "0" }, () => a.cuda(build("fake.so")));
  t.is(found.devices.length, 1);
  t.deepEqual(found.causes, ["device 0, attribute 75: CUDA_ERROR_INVALID_DEVICE"]);
});

test.serial("device \"cuda\" is refused with the cause; \"auto\" goes on without", (t) => {
  withEnv({ DACE_AD_CUDA: "", DACE_AD_LIBCUDA: folder.at("nowhere.so") }, () => {
    const e = refusal("cuda");
    t.is(e.code, "ERR_DACE_DEVICE");
    t.regex(e.message, /device cuda: .*nowhere\.so: cannot open/);
    t.is(backendFor({ device: "auto" }).device, "cpu");
    t.regex(findings().find((f) => f.name === "CUDA")!.found, /none \(.*nowhere\.so/);
  });
  withEnv({ DACE_AD_CUDA: "", DACE_AD_LIBCUDA: build("fake.so"), DACE_AD_LIBNVRTC: "off", DACE_AD_NVCC: "off" }, () => {
    t.is(backendFor({ device: "auto" }).device, "cpu");
    const f = findings().find((x) => x.name === "CUDA")!;
    t.regex(f.found, /Fake device, 1 GiB, compute capability 9\.0; device code cannot be compiled: no NVRTC \(DACE_AD_LIBNVRTC is off\), no nvcc \(DACE_AD_NVCC is off\)/);
    t.false(f.ok);
    t.regex(refusal("cuda:3").message, /device cuda:3: there is no device 3 \(found: 1\)/);
    const backend = backendFor({ device: "cuda" });
    t.is(backend.gpu?.name, "Fake device");
    const e = t.throws(() => { jit((x: Float64Array) => { x[0] = 1; }, { device: "cuda", args: { x: "f64[N]" } })(new Float64Array(3)); }, { instanceOf: DaceError })!;
    t.is(e.code, "ERR_DACE_DEVICE");
    t.regex(e.message, /device code cannot be compiled/);
  });
});

/** A C++ test linked with what it tests; it prints what does not hold. */
function check(name: string, ...sources: readonly string[]): string {
  const program = folder.at(name), files = [`test/native/cuda/${name}.cpp`, "native/memory/device_pool.cpp", "native/cuda/driver.cpp", "native/jit/library.cpp", ...sources];
  execFileSync(compiler, ["-std=c++20", "-Wall", "-Wextra", `-I${join(root, "native")}`, `-I${join(root, "native/include")}`, ...files.map((f) => join(root, f)), "-ldl", "-lpthread", "-o", program]);
  try { return execFileSync(program, [build("fake.so")], { encoding: "utf8" }); } catch (e) { return String((e as { stdout?: unknown }).stdout); }
}

test.serial("the device pool", (t) => { t.is(check("pool-test"), "all hold\n"); });

test.serial("runs: results, mistakes, and every failure of the driver at every call", (t) => { t.is(check("run-test", "native/cuda/run.cpp", "native/cuda/graphs.cpp", "native/cuda/staging.cpp", "native/cuda/host_copies.cpp", "native/memory/available.cpp", "native/cuda/blas.cpp", "native/cuda/solver.cpp", "native/cuda/linear.cpp"), "all hold\n"); });
