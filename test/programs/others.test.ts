/** Programs others get wrong: values and gradients in both languages against the plain JavaScript function and its differences. */
import test from "ava";
import { OTHERS } from "./others.js";
import { checkTwin } from "./twins.js";

for (const [device, options] of [["js", { device: "js", cache: false }], ["cpu", { device: "cpu" }]] as const) {
  for (const language of ["python", "javascript"] as const) {
    for (const p of OTHERS) {
      test(`${p.name} (${language}, ${device})`, (t) => {
        const r = checkTwin(p, language, options);
        t.true(r.value <= 1e-13, `values differ by ${r.value}`);
        t.true(r.gradient <= 1e-8, `gradients differ by ${r.gradient}`);
      });
    }
  }
}
