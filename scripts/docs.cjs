// Writes docs/functions.md from the compiler's table (dist must be built).
"use strict";
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { functionsTable } = require("../dist/report/functions.js");

writeFileSync(join(__dirname, "..", "docs", "functions.md"), functionsTable());
