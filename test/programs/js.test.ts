/** The named programs on the JavaScript backend. */
import test from "ava";
import { checkProgram, PROGRAMS } from "./check.js";

for (const p of PROGRAMS) test(p.name, (t) => { checkProgram(t, p, { device: "js", cache: false }); });
