// Every test file is a process of its own that compiles a few programs: most of the compiler runs a few times only, and V8's optimising compiler took half of the processor time. It begins later here.
"use strict";
require("node:v8").setFlagsFromString("--interrupt-budget=1000000");
