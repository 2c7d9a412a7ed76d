/** Every program on the CUDA device made of the processor. */
import test from "ava";
import { asLaunches, registerNamed, registerNpbench, registerOthers, registerPeriodic } from "./cuda-shim.js";

process.env["DACE_AD_CUDA"] = "shim";
registerNamed(test, () => true);
registerNamed(asLaunches(test), () => true);
registerOthers(test, () => true);
registerNpbench(test);
registerPeriodic(test);
