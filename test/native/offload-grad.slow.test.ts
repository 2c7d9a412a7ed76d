/** Ten thousand gradients with what leaves the device. */
import test from "ava";
import { registerOffloadedGradients } from "./offload-grad.js";

registerOffloadedGradients(test, 10_000);
