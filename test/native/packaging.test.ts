/** What npm gets: a lock file without hosts, one set of classes for require and import, an addon that needs nothing but the C library. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, cpSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { child, root } from "./support.js";

const read = (name: string): string => readFileSync(join(root, name), "utf8");
const binary = (): string => join(root, "build", "Release", readdirSync(join(root, "build", "Release")).find((f) => f.endsWith(".node"))!);

test("package-lock.json names no host", (t) => {
  const lock = read("package-lock.json");
  t.false(lock.includes("\"resolved\""));
  // Addresses of projects' pages in "funding" and the like are no places to fetch from.
  const { packages } = JSON.parse(lock) as { packages: Record<string, Record<string, unknown>> };
  for (const [name, p] of Object.entries(packages)) for (const [k, v] of Object.entries(p)) if (k !== "funding") t.notRegex(JSON.stringify(v), /https?:|git\+|file:/, `${name} ${k}`);
});

test(".npmrc holds what it must and nothing of one machine", (t) => {
  const lines = read(".npmrc").trim().split("\n").sort();
  t.deepEqual(lines, ["audit=false", "engine-strict=true", "fund=false", "omit-lockfile-registry-resolved=true"]);
});

test("no file of the native side names a machine's paths or a registry", (t) => {
  const files = (dir: string): string[] => readdirSync(join(root, dir), { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? files(join(dir, e.name)) : [join(dir, e.name)]));
  for (const f of [...files("native"), ...files("bindings"), ...files("scripts"), "CMakeLists.txt", "package.json"]) t.notRegex(read(f), /registry\.|nodedir|\/home\/[a-z]|\/root\b|\/work\//, f);
});

test("require and import give the same classes", (t) => {
  if (!existsSync(join(root, "dist", "index.mjs"))) { t.log("skipped: dist/ is not built (npm run build)"); t.pass(); return; }
  const r = spawnSync(process.execPath, ["--input-type=module", "-e", `import { createRequire } from "node:module"; import * as esm from "dace-ad-native"; import assert from "node:assert/strict";
    const cjs = createRequire(import.meta.url)("dace-ad-native");
    assert.deepEqual(Object.keys(esm).sort(), Object.keys(cjs).sort()); for (const k of Object.keys(cjs)) assert.equal(esm[k], cjs[k], k);
    assert.ok(new cjs.DaceError("TYPE", "x") instanceof esm.DaceError); console.log(Object.keys(esm).length);`], { cwd: root, encoding: "utf8" });
  t.is(r.status, 0, r.stderr);
  t.true(Number(r.stdout) > 5);
});

test("the addon links the C library only, and shows only its entry", (t) => {
  if (process.platform !== "linux") { t.log("skipped: reads ELF"); t.pass(); return; }
  const needed = spawnSync("readelf", ["-d", binary()], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
  if (needed.error) { t.log("skipped: no readelf"); t.pass(); return; }
  const libraries = [...needed.stdout.matchAll(/NEEDED.*\[(.*)\]/g)].map((m) => m[1]!);
  t.deepEqual(libraries.filter((l) => !/^(libc|libm|libdl|libpthread|ld-linux.*)\.so/.test(l)), []);
  const shown = spawnSync("nm", ["-D", "--defined-only", binary()], { encoding: "utf8" }).stdout.trim().split("\n").map((l) => l.split(" ").pop()!);
  t.deepEqual(shown.sort(), ["napi_register_module_v1", "node_api_module_get_api_version_v1"]);
});

test("loading the addon changes neither arithmetic nor the environment", async (t) => {
  const r = await child("assert.notEqual(1e-310 * Number('0.5'), 0); assert.equal(addon.mxcsr() & 0xffc0, 0x1f80); console.log(addon.version, addon.abiVersion);");
  t.is(r.status, 0, r.err);
  t.is(r.out, `${(JSON.parse(read("package.json")) as { version: string }).version} 2`);
});

/** A copy of what npm would unpack, with the dependencies that are here. */
function unpacked(): string {
  const dir = mkdtempSync(join(tmpdir(), "dace-ad-package-"));
  for (const f of ["native", "bindings", "scripts", "CMakeLists.txt", "package.json"]) cpSync(join(root, f), join(dir, f), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  return dir;
}
const install = (dir: string, env: Record<string, string>): { status: number | null; stdout: string; stderr: string } => spawnSync(process.execPath, [join(dir, "scripts", "install.cjs")], { cwd: dir, encoding: "utf8", env: { ...process.env, ...env } });

test("an install that cannot build says why and how to mend it, and succeeds; unless the addon is required", (t) => {
  const dir = unpacked();
  try {
    const env = { PATH: "/no/such/folder", CXX: "" }, r = install(dir, env);
    t.is(r.status, 0);
    t.regex(r.stderr, /cmake is not installed; no C\+\+ compiler was found/);
    t.regex(r.stderr, /apt-get install g\+\+ cmake make/);
    t.regex(r.stderr, /npm rebuild dace-ad-native/);
    t.is(install(dir, { ...env, DACE_AD_REQUIRE_ADDON: "1" }).status, 1);
  } finally { rmSync(dir, { recursive: true, force: true }); }
});

test("an install with a fresh addon does nothing; a changed source makes it stale", (t) => {
  const dir = unpacked();
  try {
    const triple = join(dir, "build", "Release");
    mkdirSync(triple, { recursive: true });
    cpSync(binary(), join(triple, "dace_ad.node"));
    const stamp = (spawnSync(process.execPath, ["-p", "require('./scripts/build-stamp.cjs').stamp()"], { cwd: dir, encoding: "utf8" }).stdout).trim();
    writeFileSync(join(dir, "build", "stamp"), stamp);
    const env = { PATH: "/no/such/folder" }, r = install(dir, env);
    t.is(r.status, 0);
    t.is(r.stderr, "");
    writeFileSync(join(dir, "native", "include", "dace_ad", "abi.h"), `${read("native/include/dace_ad/abi.h")}\n`);
    t.regex(install(dir, env).stderr, /cmake is not installed/);
  } finally { rmSync(dir, { recursive: true, force: true }); }
});

test("prepare does nothing without TypeScript", (t) => {
  const dir = unpacked();
  try {
    rmSync(join(dir, "node_modules"));
    const r = spawnSync(process.execPath, [join(dir, "scripts", "prepare.cjs")], { cwd: dir, encoding: "utf8" });
    t.is(r.status, 0, r.stderr);
    t.false(existsSync(join(dir, "dist")));
  } finally { rmSync(dir, { recursive: true, force: true }); }
});
