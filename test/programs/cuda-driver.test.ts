/** Some of the named programs through the driver, on a libcuda made of the processor (all: cuda-driver.slow.test.ts): nothing that it watches is amiss. */
import test from "ava";
import { useProcessor } from "../native/processor.js";
import { asLaunches, registerNamed } from "./cuda-shim.js";

const control = useProcessor();
const SOME: ReadonlySet<string> = new Set(["jacobi_2d", "lu", "softmax"]);
registerNamed(test, (name) => SOME.has(name));
registerNamed(asLaunches(test), (name) => name === "lu");
test.after("memory was used as it should be", (t) => { t.is(control.get("mistakes"), 0); t.true(control.get("launches") > 10); });
