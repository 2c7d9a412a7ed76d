// What a build depends on, as one hash: install and prebuild compare it.
"use strict";
const { createHash } = require("node:crypto");
const { existsSync, readFileSync, readdirSync } = require("node:fs");
const path = require("node:path");

const ROOT = path.dirname(__dirname);

function files(dir) {
  const all = [];
  for (const e of readdirSync(path.join(ROOT, dir), { withFileTypes: true })) {
    const name = `${dir}/${e.name}`;
    if (e.isDirectory()) all.push(...files(name));
    else if (e.isFile()) all.push(name);
  }
  return all.sort();
}

/** Hash of native/, bindings/, CMakeLists.txt and the package's version, for this platform. */
function stamp() {
  const hash = createHash("sha256");
  const field = (s) => { hash.update(`${s.length}:`); hash.update(s); };
  field(`${process.platform}-${process.arch}`);
  field(JSON.parse(readFileSync(path.join(ROOT, "package.json"), "utf8")).version);
  for (const f of [...files("native"), ...files("bindings"), "CMakeLists.txt"]) { field(f); field(readFileSync(path.join(ROOT, f))); }
  return hash.digest("hex");
}

const stampFile = path.join(ROOT, "build", "stamp");
const read = (file) => (existsSync(file) ? readFileSync(file, "utf8").trim() : undefined);
const builtStamp = () => read(stampFile);
const prebuiltStamp = () => read(path.join(ROOT, "prebuilds", `${process.platform}-${process.arch}`, "stamp"));

module.exports = { ROOT, builtStamp, prebuiltStamp, stamp, stampFile };
