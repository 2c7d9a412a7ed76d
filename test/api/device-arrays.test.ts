/** Device arrays where the device is made of the processor, in one shared object with the program. */
import test from "ava";
import { registerDeviceArrays } from "./device-arrays.js";

process.env["DACE_AD_CUDA"] = "shim";
registerDeviceArrays(test);
