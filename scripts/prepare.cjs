// npm's `prepare` step: ts/ -> dist/, plus the ESM face. Nothing to do where TypeScript is not installed (`npm ci --omit=dev`); `--force` builds anew; `--tests` compiles ts/ and test/ into .build/ instead.
"use strict";
const { spawnSync } = require("node:child_process");
const { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } = require("node:fs");
const path = require("node:path");

const ROOT = path.dirname(__dirname), DIST = path.join(ROOT, "dist");
const force = process.argv.includes("--force");

/** The native compiler checks everything in a tenth of the time; where there is none for the platform, the one in JavaScript does. */
function compiler() {
  for (const name of ["typescript-native", "typescript"]) {
    try {
      const tsc = path.join(path.dirname(require.resolve(`${name}/package.json`, { paths: [ROOT] })), "bin", "tsc");
      if (spawnSync(process.execPath, [tsc, "--version"], { stdio: "ignore" }).status === 0) return tsc;
    } catch { /* not installed */ }
  }
  return undefined;
}

/** Output of sources that are gone would still be found by `require`. */
function prune(dir) {
  for (const e of readdirSync(path.join(DIST, dir), { withFileTypes: true })) {
    const name = path.join(dir, e.name);
    if (e.isDirectory()) { prune(name); continue; }
    const source = name.replace(/\.d\.ts$|\.js$/, ".ts");
    if (source !== name && !existsSync(path.join(ROOT, "ts", source))) rmSync(path.join(DIST, name));
  }
}

/** `import` gets the very objects that `require` gets: one copy of every class, so that instanceof holds across both. */
function writeEsm() {
  const names = Object.keys(require(path.join(DIST, "index.js"))).filter((n) => n !== "default" && n !== "__esModule").sort();
  const lines = ["// Written by scripts/prepare.cjs: the CommonJS build under its names.", "import all from \"./index.js\";", ...names.map((n) => `export const ${n} = all.${n};`)];
  writeFileSync(path.join(DIST, "index.mjs"), `${lines.join("\n")}\n`);
  writeFileSync(path.join(DIST, "index.d.mts"), "// Written by scripts/prepare.cjs.\nexport * from \"./index.js\";\n");
}

function main() {
  const tsc = compiler();
  if (process.argv.includes("--tests")) return tsc ? spawnSync(process.execPath, [tsc, "-p", path.join(ROOT, "tsconfig.test.json")], { cwd: ROOT, stdio: "inherit" }).status ?? 1 : 1;
  if (!tsc) {
    if (!force) return 0;
    console.error("dace-ad-native: typescript is not installed: run npm install without --omit=dev");
    return 1;
  }
  // tsc believes its notes: without them, or without what they speak of, everything is written.
  if (force || !existsSync(path.join(DIST, "index.js"))) rmSync(path.join(ROOT, ".build", "main.tsbuildinfo"), { force: true });
  const r = spawnSync(process.execPath, [tsc, "-p", path.join(ROOT, "tsconfig.json")], { cwd: ROOT, stdio: "inherit" });
  if (!existsSync(path.join(DIST, "index.js"))) return r.status || 1;
  prune("");
  writeEsm();
  const cli = path.join(DIST, "cli", "main.js");
  if (existsSync(cli)) chmodSync(cli, 0o755);
  return r.status ?? 1;
}

process.exitCode = main();
