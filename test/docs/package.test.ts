/** What a fresh machine relies on: the lock file, the entry points, no machine's paths. */
import test from "ava";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../ts/runtime/addon.js";

const root = packageRoot();

test("package-lock.json names no address", (t) => {
  const lock = readFileSync(join(root, "package-lock.json"), "utf8");
  t.false(lock.includes("\"resolved\""));
  t.false(/https?:\/\/(?!opencollective|github\.com\/sponsors|.*funding)[^"]*\.tgz/.test(lock));
});

test("versions are pinned", (t) => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, Record<string, string>>;
  for (const [name, v] of Object.entries({ ...dependencies, ...devDependencies })) t.regex(v, /^(npm:[a-z-]+@)?\d+\.\d+\.\d+$/, name);
});

test("no runtime dependency installs anything by a script of its own", (t) => {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, { hasInstallScript?: boolean; dev?: boolean }> };
  t.deepEqual(Object.entries(lock.packages).filter(([name, p]) => name !== "" && p.hasInstallScript && !p.dev).map(([name]) => name), []);
});

test("require and import give the same classes", (t) => {
  const script = "const c = require('dace-ad-native'); import('dace-ad-native').then((m) => { const names = Object.keys(c).sort(); console.log(JSON.stringify([names.length > 10, names.filter((n) => m[n] !== c[n])])); });";
  const r = spawnSync(process.execPath, ["-e", script], { encoding: "utf8", cwd: root });
  t.is(r.status, 0, r.stderr);
  t.deepEqual(JSON.parse(r.stdout), [true, []]);
});

test("no committed file holds a path of somebody's machine", (t) => {
  if (!existsSync(join(root, ".git"))) { t.pass("not a checkout"); return; }
  // A name of one letter is an example. git grep exits with 1 where it finds nothing.
  const r = spawnSync("git", ["grep", "-nIE", "(/home/|/Users/|/root/)[A-Za-z][A-Za-z0-9]", "--", ".", ":!package-lock.json", ":!test/docs"], { cwd: root, encoding: "utf8" });
  t.is(r.stdout, "");
});
