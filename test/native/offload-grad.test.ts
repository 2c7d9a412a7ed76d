/** Gradients with what leaves the device, some of them (more: offload-grad.slow.test.ts). */
import test from "ava";
import { registerOffloadedGradients } from "./offload-grad.js";

registerOffloadedGradients(test, 100);
