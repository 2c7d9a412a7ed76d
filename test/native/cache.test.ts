/** The kernel cache: what is damaged is rebuilt, what cannot be written is done without, and several processes build once. */
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import test from "ava";
import { addon, child, inFolder, kernel, request, wrapper, INCREMENT, type Folder } from "./support.js";

const entries = (dir: string): string[] => (existsSync(`${dir}/kernels`) ? readdirSync(`${dir}/kernels`).filter((f) => f.endsWith(".so")) : []);

/** Loads INCREMENT in a process of its own, runs it, and says whether a compiler ran. */
async function loadIn(dir: string, extra = "", options: Parameters<typeof child>[1] = {}): Promise<{ cached: boolean; key: string }> {
  const r = await child(`const k = addon.load({ ...request(INCREMENT), cacheDir: ${JSON.stringify(dir)} ${extra} });
    const y = new Float64Array(2); addon.run(k, [Float64Array.of(1, 2), y], symbols(2), 0, SERIAL); assert.deepEqual([...y], [2, 3]);
    console.log(JSON.stringify({ cached: k.cached, key: k.key }));`, options);
  if (r.status !== 0) throw new Error(`${r.signal ?? r.status}: ${r.err}`);
  return JSON.parse(r.out) as { cached: boolean; key: string };
}

test.serial("a second process finds what the first has built", (t) => inFolder(async (f) => {
  const first = await loadIn(f.path), second = await loadIn(f.path);
  t.false(first.cached);
  t.true(second.cached);
  t.is(second.key, first.key);
  t.regex(first.key, /^[0-9a-f]{64}$/);
  t.is(statSync(f.at("kernels")).mode & 0o777, 0o700);
  t.deepEqual(readdirSync(f.at("kernels")).filter((x) => x.endsWith(".tmp") || x.endsWith(".lock")), []);
}));

test.serial("the same kernel is loaded once per process", (t) => inFolder((f) => {
  const a = kernel(INCREMENT, { cacheDir: f.path }), b = kernel(INCREMENT, { cacheDir: f.path });
  t.is(a.key, b.key);
  t.true(b.cached);
}));

/** In one process: a kernel per job, run and checked; whether each came from the cache. */
async function loadMany(jobs: readonly { readonly dir: string; readonly n: number }[]): Promise<{ cached: boolean; key: string }[]> {
  const r = await child(`console.log(JSON.stringify(${JSON.stringify(jobs)}.map(({ dir, n }) => {
    const k = addon.load({ ...request("  ((double*)args[0])[0] = " + n + ";"), cacheDir: dir });
    const y = new Float64Array(1); addon.run(k, [y], NO_SYMBOLS, 0, SERIAL); assert.equal(y[0], n);
    return { cached: k.cached, key: k.key };
  })));`);
  if (r.status !== 0) throw new Error(`${r.signal ?? r.status}: ${r.err}`);
  return JSON.parse(r.out) as { cached: boolean; key: string }[];
}

test.serial("a damaged entry is never loaded: it is removed and built anew", (t) => inFolder(async (f) => {
  const damages: readonly (readonly [string, (path: string, good: Buffer) => void])[] = [
    ["truncated to half", (p, g) => truncateSync(p, g.length >> 1)],
    ["truncated by a byte", (p, g) => truncateSync(p, g.length - 1)],
    ["empty", (p) => truncateSync(p, 0)],
    ["a bit of code flipped", (p, g) => { g[g.length >> 1]! ^= 4; writeFileSync(p, g); }],
    ["a bit of the ELF header flipped", (p, g) => { g[40]! ^= 1; writeFileSync(p, g); }],
    ["a bit of the hash flipped", (p, g) => { g[g.length - 3]! ^= 1; writeFileSync(p, g); }],
    ["text", (p) => writeFileSync(p, "#!/bin/sh\necho no\n")],
    ["longer", (p, g) => writeFileSync(p, Buffer.concat([g, Buffer.alloc(7)]))],
  ];
  const jobs = damages.map((_, i) => ({ dir: f.path, n: 20 + i }));
  const first = await loadMany(jobs), paths = first.map((e) => f.at("kernels", `${e.key}.so`));
  damages.forEach(([, damage], i) => damage(paths[i]!, readFileSync(paths[i]!)));
  const second = await loadMany(jobs), third = await loadMany(jobs);
  damages.forEach(([what], i) => { t.false(second[i]!.cached, what); t.true(third[i]!.cached, what); });
}));

test.serial("eight processes that want one kernel build it once", (t) => inFolder(async (f) => {
  const cxx = wrapper(f, `echo built >> "${f.at("log")}"`), cache = f.at("cache");
  const all = await Promise.all(Array.from({ length: 8 }, () => loadIn(cache, `, compiler: ${JSON.stringify(cxx)}`)));
  t.is(all.filter((x) => !x.cached).length, 1);
  t.is(readFileSync(f.at("log"), "utf8"), "built\n");
  t.is(entries(cache).length, 1);
}));

test.serial("threads of one process that want one kernel build it once, without a cache too", (t) => inFolder(async (f) => {
  const cxx = wrapper(f, `echo built >> "${f.at("log")}"`);
  for (const cacheMode of ["on", "off"] as const) {
    const r = request(`  ((double*)args[0])[0] = ${cacheMode === "on" ? 11 : 12};`, { cacheDir: f.at("cache"), cacheMode, compiler: cxx });
    const all = await Promise.all(Array.from({ length: 4 }, () => addon().loadAsync(r).promise));
    t.is(all.filter((k) => !k.cached).length, 1, cacheMode);
  }
  t.is(readFileSync(f.at("log"), "utf8"), "built\nbuilt\n");
}));

test.serial("directories with hostile names are just names", (t) => inFolder(async (f) => {
  const names = ["with space", "quote'\"quote", "$(touch pwned)", "`touch pwned`;touch pwned", "-o pwned", "new\nline", "ünïcödé", "%s%n", "a&&b|c>d", "@file"];
  const jobs = names.map((name, i) => ({ dir: f.at(name), n: 40 + i }));
  const first = await loadMany(jobs), second = await loadMany(jobs);
  names.forEach((name, i) => { t.false(first[i]!.cached, name); t.true(second[i]!.cached, name); t.is(entries(f.at(name)).length, 1, name); });
  t.deepEqual(readdirSync(f.path).sort(), [...names].sort());
  t.false(existsSync("pwned"));
}));

test.serial("a directory that cannot be used costs time, not the result", (t) => inFolder(async (f) => {
  writeFileSync(f.at("file"), "");
  mkdirSync(f.at("open", "kernels"), { recursive: true });
  chmodSync(f.at("open"), 0o777);
  symlinkSync(f.at("nowhere"), f.at("dangling"));
  const dirs = [f.at("file"), "/proc/self/dace", "/dev/full", "/dev/null/x", f.at("open"), f.at("dangling", "x")];
  const all = await loadMany(dirs.map((dir, i) => ({ dir, n: 60 + i })));
  dirs.forEach((dir, i) => t.false(all[i]!.cached, dir));
  t.deepEqual(entries(f.at("open")), []);
}));

test.serial("a directory of somebody else is not trusted", async (t) => {
  if (process.getuid?.() !== 0) { t.log("skipped: only root can give a directory away"); t.pass(); return; }
  await inFolder(async (f) => {
    const { chownSync } = await import("node:fs");
    await loadIn(f.path);
    chownSync(f.at("kernels"), 12345, 12345);
    t.false((await loadIn(f.path)).cached);
  });
});

test.serial("a full disk is survived: the kernel is loaded from a directory of its own", async (t) => {
  await inFolder(async (f) => {
    const { key } = await loadIn(f.at("first"));
    const artefact = statSync(f.at("first", "kernels", `${key}.so`)).size - 48;
    // The limit lies between the artefact, which the compiler must be able to write, and the entry, which has a trailer.
    const r = await loadIn(f.at("second"), "", { before: ["prlimit", `--fsize=${artefact + 20}`] });
    t.false(r.cached);
    t.deepEqual(readdirSync(f.at("second", "kernels")).filter((x) => !x.startsWith("toolchain")), []);
  });
});

test.serial("readonly looks up and writes nothing", (t) => inFolder(async (f) => {
  t.false((await loadIn(f.at("a"), ", cacheMode: 'readonly'")).cached);
  t.false(existsSync(f.at("a")));
  await loadIn(f.at("a"));
  const path = f.at("a", "kernels", entries(f.at("a"))[0]!);
  utimesSync(path, 1000, 1000);
  t.true((await loadIn(f.at("a"), ", cacheMode: 'readonly'")).cached);
  t.is(statSync(path).mtimeMs, 1_000_000);
}));

test.serial("off neither reads nor writes", (t) => inFolder(async (f) => {
  await loadIn(f.path);
  t.false((await loadIn(f.path, ", cacheMode: 'off'")).cached);
  t.is(entries(f.path).length, 1);
}));

let fresh = 100;
const fill = (f: Folder, n: number): void => { for (let i = 0; i < n; i++) kernel(`  ((double*)args[0])[0] = ${fresh++};`, { cacheDir: f.path }); };

test.serial("entries, limit and clear: least recently used ones go first", (t) => inFolder((f) => {
  const a = addon();
  fill(f, 3);
  const all = a.cacheEntries(f.path);
  t.is(all.length, 3);
  all.forEach((e, i) => utimesSync(f.at("kernels", `${e.key}.so`), 1000 + i, 1000 + i));
  t.deepEqual(a.cacheEntries(f.path).map((e) => e.usedMs).sort(), [1_000_000, 1_001_000, 1_002_000]);
  a.cacheLimit(all[1]!.bytes + all[2]!.bytes, f.path);
  t.deepEqual(new Set(a.cacheEntries(f.path).map((e) => e.key)), new Set([all[1]!.key, all[2]!.key]));
  t.is(a.cacheClear(f.path), 2);
  t.deepEqual(a.cacheEntries(f.path), []);
  t.is(a.cacheClear(f.at("absent")), 0);
  t.false(existsSync(f.at("absent")));
}));

test.serial("a use makes an entry young again", (t) => inFolder(async (f) => {
  const { key } = await loadIn(f.path);
  utimesSync(f.at("kernels", `${key}.so`), 1000, 1000);
  await loadIn(f.path);
  t.true(statSync(f.at("kernels", `${key}.so`)).mtimeMs > 1e12);
}));

test.serial("other files in the directory are left alone", (t) => inFolder((f) => {
  fill(f, 1);
  writeFileSync(f.at("kernels", "notes.txt"), "mine");
  addon().cacheClear(f.path);
  t.is(readFileSync(f.at("kernels", "notes.txt"), "utf8"), "mine");
}));

test.serial("what a moved cache holds is still right", (t) => inFolder(async (f) => {
  await loadIn(f.at("a"));
  renameSync(f.at("a"), f.at("b"));
  t.true((await loadIn(f.at("b"))).cached);
  t.false(lstatSync(f.at("b")).isSymbolicLink());
}));

test.serial("XDG_CACHE_HOME decides where the default is, relative values do not", async (t) => {
  const dir = async (env: Record<string, string | undefined>): Promise<string> => (await child("console.log(addon.defaultCacheDir);", { env: { DACE_AD_CACHE_DIR: "", ...env } })).out;
  t.is(await dir({ XDG_CACHE_HOME: "/some/where" }), "/some/where/dace-ad-native");
  t.is(await dir({ XDG_CACHE_HOME: "relative", HOME: "/home/x" }), "/home/x/.cache/dace-ad-native");
  t.is(await dir({ DACE_AD_CACHE_DIR: "/mine" }), "/mine");
});
