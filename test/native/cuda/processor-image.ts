/** Device code → an image for the libcuda made of the processor. Run by its NVRTC: source, result and log are the last arguments, the compiler the first. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { shimDevice } from "../../../ts/lower/cuda-shim.js";

const [compiler, from, to, log] = process.argv.slice(2) as [string, string, string, string];
const device = readFileSync(from, "utf8"), kernels = [...device.matchAll(/^extern "C" __global__ void .*?\b(k\d+)\(/gm)].map((m) => ({ name: m[1]! }));
const text = `${shimDevice({ device, kernels })}
extern "C" int shim_host_run(const dace_rt*, void* const*, const long long*, void*) { return 6; }
template <class... A> struct processor_sizes { static constexpr unsigned list[] = {unsigned(sizeof(A))..., 0}; };
template <class... A> constexpr processor_sizes<A...> processor_of(void (*)(A...)) { return {}; }
template <class... A> constexpr int processor_count(void (*)(A...)) { return int(sizeof...(A)); }
struct processor_entry { const char* name; int count; const unsigned* sizes; };
extern "C" const processor_entry processor_entries[] = {${kernels.map(({ name }) => `{"${name}", processor_count(&${name}), decltype(processor_of(&${name}))::list}, `).join("")}{nullptr, 0, nullptr}};
extern "C" int processor_launch(int kernel, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned bytes, void** p) { return shim_launch(nullptr, kernel, gx, gy, gz, bx, by, bz, bytes, p); }
`;
writeFileSync(`${from}.cpp`, text);
const r = spawnSync(compiler, ["-std=c++20", "-O1", "-w", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", `${from}.cpp`, "-o", to, "-lm"], { encoding: "utf8" });
if (r.status !== 0) writeFileSync(log, r.stderr);
process.exitCode = r.status ?? 1;
