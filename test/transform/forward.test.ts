import test from "ava";
import { forwardDefinitions } from "../../ts/transform/forward.js";
import { loopToMap } from "../../ts/transform/loop-to-map.js";
import { removeDeadCode } from "../../ts/transform/dead-code.js";
import { fuzzPass } from "./fuzz.js";

test("random graphs: dead code", (t) => { fuzzPass(t, removeDeadCode, { count: 80 }); });
test("random graphs: forwarding", (t) => { fuzzPass(t, (g) => forwardDefinitions(g), { count: 80 }); });
test("random graphs: forwarding between maps", (t) => { fuzzPass(t, (g) => forwardDefinitions(g), { count: 80, first: 1000, before: loopToMap }); });
