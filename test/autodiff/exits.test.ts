/** Gradients through while loops, break, continue and early return: both languages, both devices, one and two threads, against extrapolated differences. */
import test from "ava";
import { checkTwin } from "../programs/twins.js";
import { EXITS } from "./exits-programs.js";

const DEVICES = [["js", { device: "js", cache: false }], ["cpu, one thread", { device: "cpu", threads: 1 }], ["cpu, two threads", { device: "cpu", threads: 2 }]] as const;

for (const [device, options] of DEVICES) for (const language of ["python", "javascript"] as const) for (const p of EXITS) {
  test(`${p.name} (${language}, ${device})`, (t) => {
    const r = checkTwin(p, language, options);
    t.true(r.value <= 1e-13, `values differ by ${r.value}`);
    t.true(r.gradient <= 1e-8, `gradients differ by ${r.gradient}`);
  });
}
