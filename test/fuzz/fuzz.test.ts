/** Random programs on the JavaScript backend, some compiled. The slow suite runs thousands. */
import test from "ava";
import { fuzz } from "./run.js";
import { effort } from "../support/effort.js";

test("random programs on the JavaScript backend", (t) => { fuzz(t, effort(50, 100), { device: "js", cache: false }); });
test("random programs compiled", (t) => { fuzz(t, effort(5, 10), { device: "cpu" }); });
