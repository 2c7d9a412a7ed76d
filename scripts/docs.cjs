// Writes the parts of docs/ that are made from the code (dist must be built): the table of functions, and the traced program.
"use strict";
const { readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { functionsTable } = require("../dist/report/functions.js");
const { withTrace } = require("../dist/report/trace.js");

const docs = join(__dirname, "..", "docs"), architecture = join(docs, "architecture.md");
writeFileSync(join(docs, "functions.md"), functionsTable());
writeFileSync(architecture, withTrace(readFileSync(architecture, "utf8")));
