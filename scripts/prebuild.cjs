// Copies the built addon, stripped, to prebuilds/<platform>-<arch>/, where node-gyp-build finds it on machines without a compiler.
"use strict";
const { spawnSync } = require("node:child_process");
const { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } = require("node:fs");
const path = require("node:path");
const { ROOT, builtStamp, stamp } = require("./build-stamp.cjs");

function fail(message) {
  console.error(`prebuild: ${message}`);
  process.exit(1);
}

const release = path.join(ROOT, "build", "Release");
let built = [];
try { built = readdirSync(release).filter((f) => f.endsWith(".node")); } catch { /* reported below */ }
if (built.length !== 1) fail(`${built.length} addons in build/Release; run node scripts/install.cjs`);
if (builtStamp() !== stamp()) fail("build/Release is older than its sources; run node scripts/install.cjs");

const dir = path.join(ROOT, "prebuilds", `${process.platform}-${process.arch}`);
rmSync(dir, { recursive: true, force: true });
mkdirSync(dir, { recursive: true });
// The C library is part of the name: a glibc build does not load under musl.
const libc = process.platform === "linux" ? (process.report.getReport().header.glibcVersionRuntime ? ".glibc" : ".musl") : "";
const target = path.join(dir, `node.napi${libc}.node`);
copyFileSync(path.join(release, built[0]), target);
const args = process.platform === "darwin" ? ["-x", target] : ["--strip-unneeded", target];
const strip = spawnSync("strip", args, { encoding: "utf8" });
if (strip.status !== 0) fail(`strip failed: ${strip.error?.message ?? strip.stderr}`);
writeFileSync(path.join(dir, "stamp"), `${stamp()}\n`);
console.log(path.relative(ROOT, target));
