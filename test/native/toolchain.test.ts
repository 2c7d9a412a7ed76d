/** Compilers: where they are looked for, and what becomes of one that hangs, floods, fails, or is told something dangerous. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import test from "ava";
import { addon, child, inFolder, kernel, PARALLEL, rejected, request, sleep, source, symbols, thrown, wrapper, INCREMENT } from "./support.js";

const gcc = addon().discoverToolchain().found!;

test("what was found is told in full", (t) => {
  t.true(gcc.compiler.startsWith("/"));
  t.true(gcc.version.length > 0 && !gcc.version.includes("\n"));
  t.true(gcc.archFlags.every((f) => f.startsWith("-")) && !gcc.archFlags.some((f) => f.includes("native")));
  t.true(gcc.archFlags.some((f) => /^-m(arch|cpu)=/.test(f)));
});

test("an order that cannot be followed is not answered with another compiler", async (t) => {
  const { found, tried } = addon().discoverToolchain("/no/such/compiler");
  t.is(found, undefined);
  t.deepEqual(tried, ["/no/such/compiler: no such program"]);
  t.regex(addon().discoverToolchain("g++").tried[0]!, /not an absolute path/);
  const e = thrown(() => addon().load(request(INCREMENT, { compiler: "/no/such/compiler" })));
  t.is(e.code, "TOOLCHAIN");
  t.regex(e.message, /no such program/);
  const r = await child("console.log(JSON.stringify(addon.discoverToolchain()));", { env: { DACE_AD_CXX: "/no/such" } });
  t.deepEqual(JSON.parse(r.out), { tried: ["DACE_AD_CXX=/no/such: no such program"] });
});

test("without any compiler, `tried` says what was looked for and load throws TOOLCHAIN", async (t) => {
  const r = await child("console.log(JSON.stringify(addon.discoverToolchain())); try { kernel(INCREMENT); } catch (e) { console.log(e.code, e.message); }", { env: { PATH: "/no/such/folder", CXX: undefined, DACE_AD_CXX: undefined } });
  t.is(r.status, 0, r.err);
  const [found, error] = r.out.split("\n");
  t.deepEqual(JSON.parse(found!), { tried: ["g++: not on PATH", "clang++: not on PATH", "c++: not on PATH"] });
  t.regex(error!, /^TOOLCHAIN no usable C\+\+ compiler was found \(g\+\+: not on PATH; /);
});

test("nothing is taken from the working directory", (t) => inFolder(async (f) => {
  f.script("g++", `touch "${f.at("ran")}"`);
  const r = await child(`process.chdir(${JSON.stringify(f.path)}); console.log(JSON.stringify(addon.discoverToolchain().tried));`, { env: { PATH: ":.:bin", CXX: undefined } });
  t.is(r.status, 0, r.err);
  t.deepEqual(JSON.parse(r.out), ["g++: not on PATH", "clang++: not on PATH", "c++: not on PATH"]);
  t.false(existsSync(f.at("ran")));
}));

test("CXX may hold a launcher and flags; one that does not exist is passed over", async (t) => {
  const found = async (CXX: string): Promise<{ found?: { compiler: string }; tried: string[] }> => JSON.parse((await child("console.log(JSON.stringify(addon.discoverToolchain()));", { env: { CXX } })).out) as never;
  t.is((await found(`ccache ${gcc.compiler} -m64`)).found?.compiler, gcc.compiler);
  const other = await found("no-such-compiler");
  t.truthy(other.found);
  t.deepEqual(other.tried, ["CXX=no-such-compiler: no such program"]);
});

test("a program that is no compiler is told apart", (t) => inFolder((f) => {
  const { found, tried } = addon().discoverToolchain(f.script("echo", "echo hello"));
  t.is(found, undefined);
  t.regex(tried[0]!, /cannot build a shared library/);
  t.regex(addon().discoverToolchain(f.script("false", "exit 3")).tried[0]!, /exit status 3/);
}));

test("errors carry the compiler's output", (t) => {
  const e = thrown(() => kernel("  this is not C++"));
  t.is(e.code, "TOOLCHAIN");
  t.regex(e.message, /exit status 1/);
  t.regex(e.output!, /k0\.cpp:\d+:\d+: error/);
});

test("a compiler that hangs is killed with everything it started", (t) => inFolder(async (f) => {
  const cxx = wrapper(f, `sleep 300 & echo $! > "${f.at("pid")}"; sleep 300`);
  addon().discoverToolchain(cxx);
  const start = performance.now();
  const e = thrown(() => kernel("  ((double*)args[0])[0] = 1001;", { compiler: cxx, timeoutMs: 500 }));
  t.is(e.code, "TOOLCHAIN");
  t.regex(e.message, /timed out after 500 ms/);
  t.true(performance.now() - start < 60_000);
  const pid = Number(readFileSync(f.at("pid"), "utf8"));
  const gone = (): boolean => { try { return /^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8")); } catch { return true; } };
  for (let i = 0; i < 100 && !gone(); i++) await sleep(20);
  t.true(gone());
}));

test("a compiler that hangs when asked for its version is given up", (t) => inFolder((f) => {
  const e = thrown(() => kernel(INCREMENT, { compiler: f.script("hang", "sleep 300"), timeoutMs: 300 }));
  t.is(e.code, "TOOLCHAIN");
  t.regex(e.message, /timed out/);
}));

test("a compiler that floods is killed, and only the beginning is kept", (t) => inFolder((f) => {
  const e = thrown(() => kernel("  ((double*)args[0])[0] = 1002;", { compiler: wrapper(f, "exec yes flood") }));
  t.is(e.code, "TOOLCHAIN");
  t.regex(e.message, /printed more than/);
  t.true(e.output!.length <= 64 * 1024 && e.output!.startsWith("flood\n"));
}));

test("a compiler that is killed, or makes nothing, or rubbish, is an error and not a crash", (t) => inFolder((f) => {
  let n = 1003;
  const failure = (onKernel: string): ReturnType<typeof thrown> => thrown(() => kernel(`  ((double*)args[0])[0] = ${n++};`, { compiler: wrapper(f, onKernel), cacheMode: "off" }));
  t.regex(failure("kill -SEGV $$").message, /killed by signal 11/);
  t.regex(failure("exit 0").message, /made no file/);
  const rubbish = failure("while [ $# -gt 0 ]; do [ \"$1\" = -o ] && echo rubbish > \"$2\"; shift; done; exit 0");
  t.is(rubbish.code, "CACHE");
}));

test("the compiler sees a scrubbed environment", (t) => inFolder(async (f) => {
  const cxx = wrapper(f, `env > "${f.at("env")}"; exit 1`);
  await child("try { kernel('  ((double*)args[0])[0] = 1010;', { compiler: process.env.TEST_CXX }); } catch {}", { env: { TEST_CXX: cxx, CPATH: "/evil", LD_PRELOAD: undefined, GCC_EXEC_PREFIX: "/evil/", SECRET: "secret", PATH: `relative::${process.env["PATH"]}` } });
  const names = readFileSync(f.at("env"), "utf8").trim().split("\n");
  t.deepEqual(names.map((l) => l.split("=")[0]!).filter((n) => !["PWD", "OLDPWD", "SHLVL", "_"].includes(n)).sort(), ["LC_ALL", "PATH", "TMPDIR"]);
  t.false(names.some((l) => l.startsWith("PATH=relative") || l.includes("::")));
}));

test("flags that would change JavaScript's arithmetic are refused, before anything runs", (t) => {
  for (const flag of ["-ffast-math", "-Ofast", "-funsafe-math-optimizations"]) {
    const e = thrown(() => kernel(INCREMENT, { flags: ["-std=c++20", flag] }));
    t.is(e.code, "TOOLCHAIN");
    t.true(e.message.includes(flag));
    t.is(thrown(() => kernel(INCREMENT, { link: [flag] })).code, "TOOLCHAIN");
  }
  t.is(thrown(() => kernel(INCREMENT, { flags: ["/etc/passwd"] })).code, "TOOLCHAIN");
});

test("loading kernels leaves the control word alone", (t) => {
  const before = addon().mxcsr() & 0xffc0;
  kernel(INCREMENT, { flags: ["-std=c++20", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast", "-fopenmp-simd"] });
  t.is(addon().mxcsr() & 0xffc0, before);
  t.not(1e-310 * Number("0.5"), 0);
});

test("several sources are compiled apart and linked", async (t) => {
  const helper = "extern \"C\" double twice(double x) { return 2 * x; }\n";
  const main = source("  ((double*)args[0])[0] = twice(21);").replace("extern \"C\" i32", "extern \"C\" double twice(double);\nextern \"C\" i32");
  const k = await addon().loadAsync({ sources: [main, helper, "extern \"C\" int unused_part() { return 1; }\n"], flags: ["-std=c++20", "-O1"], link: ["-lm"] }).promise;
  const y = new Float64Array(1);
  t.is(addon().run(k, [y], symbols(), 0, PARALLEL).code, 0);
  t.is(y[0], 42);
  const e = thrown(() => addon().load({ sources: [main, helper, "no C++"], flags: ["-std=c++20"], link: [] }));
  t.is(e.code, "TOOLCHAIN");
  t.regex(e.output!, /k2\.cpp/);
});

test("abort during compilation rejects soon and leaves nothing behind", (t) => inFolder(async (f) => {
  const cxx = wrapper(f, `echo $$ > "${f.at("pid")}"; sleep 300`);
  const loading = addon().loadAsync(request("  ((double*)args[0])[0] = 1020;", { compiler: cxx, cacheDir: f.at("cache") }));
  while (!existsSync(f.at("pid")) || readFileSync(f.at("pid"), "utf8") === "") await sleep(10);
  const start = performance.now();
  loading.abort();
  const e = await rejected(loading.promise);
  t.is(e.code, "ABORTED");
  t.true(performance.now() - start < 20_000);
  loading.abort();
  // Nobody holds the lock any more.
  t.false(kernel("  ((double*)args[0])[0] = 1020;", { cacheDir: f.at("cache") }).cached);
}));

test("a source that is not C++ text, and a library without an entry", (t) => {
  t.is(thrown(() => addon().load({ sources: [], flags: [], link: [] })).code, "TOOLCHAIN");
  t.regex(thrown(() => addon().load({ sources: ["int x;"], flags: [], link: [] })).message, /dace_run/);
  t.is(thrown(() => addon().load({ sources: ["\0\0"], flags: [], link: [] })).name, "Error");
});

test("a compiler that changes is another compiler", (t) => inFolder((f) => {
  const cxx = wrapper(f, ":"), body = "  ((double*)args[0])[0] = 1030;";
  const first = kernel(body, { compiler: cxx, cacheDir: f.path });
  const other = f.script("other", readFileSync(cxx, "utf8").split("\n").slice(1).join("\n"));
  t.not(kernel(body, { compiler: other, cacheDir: f.path }).key, first.key);
}));

test("a probe's note that was tampered with is not believed", (t) => inFolder(async (f) => {
  const script = "console.log(JSON.stringify(addon.discoverToolchain().found));", env = { DACE_AD_CACHE_DIR: f.path };
  const first = (await child(script, { env })).out;
  const { readdirSync } = await import("node:fs");
  const note = f.at("kernels", readdirSync(f.at("kernels")).find((n) => n.startsWith("toolchain-"))!);
  writeFileSync(note, readFileSync(note, "utf8").replace("-march=", "-fplugin=/evil.so\n-march="));
  t.is((await child(script, { env })).out, first);
}));
