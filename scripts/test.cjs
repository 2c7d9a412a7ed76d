// Runs the compiled tests (.build/test) with ava and ends with one line `N passed, N failed`. --slow: NAME.slow.test.ts, and all cases of the files that have more than the fast run
// takes (test/support/effort.ts). Further words select files by part of their path.
"use strict";
const { spawn } = require("node:child_process");
const { existsSync, readdirSync, readFileSync } = require("node:fs");
const { join, relative } = require("node:path");

const root = join(__dirname, ".."), slow = process.argv.includes("--slow");
const words = process.argv.slice(2).filter((a) => !a.startsWith("--"));
const walk = (dir) => readdirSync(dir, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? walk(join(dir, e.name)) : [join(dir, e.name)]));
const asksForEffort = (f) => /require\("[./]*\/support\/effort\.js"\)/.test(readFileSync(join(root, f), "utf8"));
const files = walk(join(root, ".build", "test")).map((f) => relative(root, f)).filter((f) => f.endsWith(".test.js") && (f.endsWith(".slow.test.js") === slow || (slow && asksForEffort(f))) && (words.length === 0 || words.some((w) => f.includes(w))));
// What a test file was compiled from may be gone since.
const present = files.filter((f) => existsSync(join(root, f.replace(/^\.build[\\/]/, "").replace(/\.js$/, ".ts"))));

const ava = join(root, "node_modules", "ava", "entrypoints", "cli.mjs");
const child = spawn(process.execPath, [ava, "--concurrency", "2", ...(slow ? ["--timeout", "60m"] : []), ...present], {
  cwd: root, stdio: ["ignore", "pipe", "inherit"],
  env: { DACE_AD_CACHE_DIR: join(root, "node_modules", ".cache", "dace-ad-native"), DACE_AD_VALIDATE: "1", NODE_NO_WARNINGS: "1", ...(slow ? { DACE_AD_TESTS: "slow" } : {}), ...process.env, FORCE_COLOR: "0" },
});
let rest = "", passed = 0, ticks = 0, failed = 0, broken = 0, counted = false;
const times = [];
child.stdout.on("data", (chunk) => {
  process.stdout.write(chunk);
  const lines = (rest + chunk).split("\n");
  rest = lines.pop();
  for (const line of lines) {
    if (/^\s*✔ /.test(line)) ticks++;
    const timed = /^\s*[✔✖].* \((?:(\d+)m )?(?:([\d.]+)s|([\d.]+)ms)\)\s*$/.exec(line);
    if (timed) times.push([Number(timed[1] ?? 0) * 60 + Number(timed[2] ?? 0) + Number(timed[3] ?? 0) / 1000, line.trim()]);
    const summary = /^\s*(\d+) (?:tests?|known failures?|uncaught exceptions?|unhandled rejections?|test files?|hooks?) (passed|failed|were not run|were found|was found)?/.exec(line);
    if (/^\s*\d+ tests? passed/.test(line)) { passed = Number(summary[1]); counted = true; }
    else if (/^\s*\d+ tests? failed/.test(line)) { failed += Number(summary[1]); counted = true; }
    else if (/^\s*\d+ (uncaught exception|unhandled rejection|hooks? failed|tests? remained|test files? were not run)/.test(line)) broken += Number(/\d+/.exec(line)[0]);
    else if (/^\s*✖ (Couldn't find any files|No tests found|.* exited (due to|with)|Timed out)/.test(line)) broken += 1;
  }
});
child.on("close", (code) => {
  times.sort((a, b) => b[0] - a[0]);
  if (times.length > 0) process.stdout.write(`\nslowest:\n${times.slice(0, 10).map(([, t]) => `  ${t}`).join("\n")}\n`);
  if (code !== 0 && failed + broken === 0) broken = 1;
  // ava leaves the number of passes out of a failed run.
  if (passed === 0) passed = ticks;
  if (!counted) broken = Math.max(broken, 1);
  process.stdout.write(`\n${passed} passed, ${failed + broken} failed\n`);
  process.exitCode = failed + broken > 0 || code !== 0 ? 1 : 0;
});
