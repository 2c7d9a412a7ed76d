/** Every program on the CUDA device made of the processor. */
import test from "ava";
import { registerNamed, registerOthers } from "./cuda-shim.js";
import { register } from "./npbench.js";

process.env["DACE_AD_CUDA"] = "shim";
registerNamed(test, () => true);
registerOthers(test, () => true);
register("cuda");
