/** Under `precision: "strict"` both backends give the same bits. */
import test from "ava";
import { checkProgram, PROGRAMS } from "./check.js";

for (const p of PROGRAMS) {
  test(p.name, (t) => {
    const cpu = checkProgram(t, p, { device: "cpu", precision: "strict" }), js = checkProgram(t, p, { device: "js", precision: "strict" });
    t.deepEqual(cpu.jsGrads, js.jsGrads);
    t.deepEqual(cpu.pyGrads, js.pyGrads);
  });
}
