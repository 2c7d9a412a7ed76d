/** A hundred random programs on the JavaScript backend, ten compiled. The slow suite runs thousands. */
import test from "ava";
import { fuzz } from "./run.js";

test("random programs on the JavaScript backend", (t) => { fuzz(t, 100, { device: "js", cache: false }); });
test("random programs compiled", (t) => { fuzz(t, 10, { device: "cpu" }); });
