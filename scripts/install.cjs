// npm's `install` step: builds the addon where it does not load or is older than its sources. A machine that cannot build still gets a working package
// (JavaScript backend), unless DACE_AD_REQUIRE_ADDON=1.
"use strict";
const { spawnSync } = require("node:child_process");
const { existsSync, mkdirSync, rmSync, writeFileSync } = require("node:fs");
const { availableParallelism } = require("node:os");
const path = require("node:path");
const { ROOT, builtStamp, prebuiltStamp, stamp, stampFile } = require("./build-stamp.cjs");

const BUILD = path.join(ROOT, "build");

/** undefined, or why the addon does not load. In a process of its own: an addon that crashes must not take the install along. */
function loadError() {
  const script = "const a = require('node-gyp-build')(process.argv[1]); if (a.abiVersion === undefined) throw new Error('it has no abiVersion');";
  const r = spawnSync(process.execPath, ["-e", script, ROOT], { cwd: ROOT, encoding: "utf8" });
  if (r.status === 0) return undefined;
  const line = (r.stderr || "").split("\n").find((l) => /Error/.test(l));
  return r.error?.message ?? line ?? `node ended with ${r.signal ?? r.status}`;
}

const missing = (tool) => { const r = spawnSync(tool, ["--version"], { stdio: "ignore" }); return Boolean(r.error) || r.status !== 0; };

/** Causes that can be named before cmake-js would trip over them. */
function causes() {
  const out = [];
  if (missing("cmake")) out.push("cmake is not installed");
  const compilers = process.env.CXX ? [process.env.CXX.split(" ").pop()] : ["g++", "clang++", "c++"];
  if (process.platform !== "win32" && compilers.every(missing)) out.push(`no C++ compiler was found (looked for ${compilers.join(", ")})`);
  if (process.platform !== "win32" && missing("make") && missing("ninja")) out.push("neither make nor ninja is installed");
  return out;
}

function build() {
  const found = causes();
  if (found.length > 0) return found.join("; ");
  let cli;
  try { cli = require.resolve("cmake-js/bin/cmake-js"); } catch { return "cmake-js is not installed (dependencies were left out)"; }
  // A cache made for another folder or another compiler stops cmake; our own sources are few enough to start anew.
  rmSync(path.join(BUILD, "CMakeCache.txt"), { force: true });
  rmSync(stampFile, { force: true });
  const jobs = String(Math.min(2, availableParallelism()));
  const r = spawnSync(process.execPath, [cli, "build", "-p", jobs, "-l", "error", "-s"], { cwd: ROOT, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (r.status === 0) return undefined;
  return `the build failed\n${[r.error?.message, r.stdout, r.stderr].filter(Boolean).join("\n").trim().split("\n").slice(-40).join("\n")}`;
}

function main() {
  const wanted = stamp();
  // node-gyp-build prefers build/Release; a prebuilt addon carries a stamp of its own.
  const built = existsSync(path.join(BUILD, "Release")) ? builtStamp() : prebuiltStamp();
  if (built === wanted && loadError() === undefined) return 0;
  let cause = build();
  if (cause === undefined) {
    cause = loadError();
    if (cause === undefined) {
      mkdirSync(BUILD, { recursive: true });
      writeFileSync(stampFile, `${wanted}\n`);
      return 0;
    }
    cause = `the addon was built but does not load: ${cause}`;
  }
  console.error(`dace-ad-native: the native addon is not available: ${cause}`);
  console.error("dace-ad-native: programs will run on the slower JavaScript backend. To get the compiled one, install a C++20 compiler, cmake and make");
  console.error("dace-ad-native: (Debian, Ubuntu: apt-get install g++ cmake make; Fedora: dnf install gcc-c++ cmake make; macOS: xcode-select --install, brew install cmake),");
  console.error("dace-ad-native: then: npm install-scripts approve dace-ad-native && npm rebuild dace-ad-native");
  return process.env.DACE_AD_REQUIRE_ADDON === "1" ? 1 : 0;
}

process.exitCode = main();
