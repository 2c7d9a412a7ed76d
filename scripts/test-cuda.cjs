// npm run test:cuda: the program suite on the GPU that is here, under compute-sanitizer where it is found, as a table. Options: --processor (a device made of the processor, for the
// machinery itself), --only WORD, --built DIR (compiled tests; default: .build), --tool memcheck|racecheck|initcheck|synccheck|none (default: memcheck and racecheck, then plain). Exit status: 0 all right, 1 something failed, 2 there is no GPU.
"use strict";
const { spawnSync } = require("node:child_process");
const { accessSync, constants, existsSync } = require("node:fs");
const { delimiter, join, resolve } = require("node:path");

const root = join(__dirname, ".."), argv = process.argv.slice(2), option = (name) => { const k = argv.indexOf(name); return k < 0 ? undefined : argv[k + 1]; };
const processor = argv.includes("--processor"), only = option("--only"), tool = option("--tool"), built = resolve(root, option("--built") ?? ".build");
const environment = { DACE_AD_CACHE_DIR: join(root, "node_modules", ".cache", "dace-ad-native"), NODE_NO_WARNINGS: "1", ...process.env, DACE_AD_CUDA: "" };

/** Why there is nothing to test on; undefined: there is. */
function missing() {
  if (processor) { Object.assign(environment, require(join(built, "test", "native", "processor.js")).processorEnvironment()); return undefined; }
  let addon;
  try { addon = require("node-gyp-build")(root); } catch (e) { return `the native addon does not load: ${e.message}`; }
  const { devices, causes, compiler, noCompiler } = addon.cuda();
  if (devices.length === 0) return `there is no GPU: ${causes.join("; ")}`;
  return compiler === "" ? `there is a GPU (${devices[0].name}), but ${noCompiler}` : undefined;
}
function sanitizer() {
  for (const dir of [...(process.env.PATH ?? "").split(delimiter), join(process.env.CUDA_HOME ?? "/usr/local/cuda", "bin")]) {
    const path = join(dir, "compute-sanitizer");
    try { accessSync(path, constants.X_OK); return path; } catch { /* not there */ }
  }
  return undefined;
}
function run(before, title) {
  console.log(`\n${title}`);
  const words = [...before, process.execPath, join(built, "test", "programs", "cuda-table.js"), ...(only === undefined ? [] : ["--only", only])];
  const r = spawnSync(words[0], words.slice(1), { cwd: root, env: environment, stdio: "inherit" });
  if (r.error) console.log(r.error.message);
  if (r.signal) console.log(`ended by ${r.signal}`);
  return r.status === 0;
}

function main() {
  if (!existsSync(join(built, "test", "programs", "cuda-table.js"))) { console.error(`test:cuda: there are no compiled tests in ${built}`); return 2; }
  const why = missing();
  if (why !== undefined) { console.error(`test:cuda: nothing was tested: ${why}\ntest:cuda: --processor runs the suite on a device made of the processor`); return 2; }
  const checker = processor || tool === "none" ? undefined : sanitizer(), results = [];
  if (checker) for (const t of tool ? [tool] : ["memcheck", "racecheck"]) results.push(run([checker, "--tool", t, "--error-exitcode", "1", "--target-processes", "application-only"], `under compute-sanitizer, ${t}`));
  else if (!processor) console.log(tool === "none" ? "without compute-sanitizer" : "compute-sanitizer was not found: memory errors and races in kernels are not looked for");
  if (!checker || tool === undefined) results.push(run([], processor ? "on a device made of the processor, which is no GPU" : "as users run it"));
  return results.every(Boolean) ? 0 : 1;
}
process.exitCode = main();
