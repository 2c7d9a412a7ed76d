/** Every program through the driver, on a libcuda made of the processor. */
import test from "ava";
import { useProcessor } from "../native/processor.js";
import { asLaunches, registerNamed, registerNpbench, registerOthers, registerPeriodic } from "./cuda-shim.js";

const control = useProcessor();
registerNamed(test, () => true);
registerNamed(asLaunches(test), () => true);
registerOthers(test, () => true);
registerNpbench(test);
registerPeriodic(test);
test.after("memory was used as it should be", (t) => { t.is(control.get("mistakes"), 0); t.true(control.get("launches") > 1000); });
