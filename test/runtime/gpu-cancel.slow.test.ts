/** Endless rounds of one block, cancelled between two kernels. */
import test from "ava";
import { useProcessor } from "../native/processor.js";
import { registerCancelled } from "./gpu-cancel.js";

useProcessor({ PROCESSOR_QUIET: "1" });
registerCancelled(test, (name) => name === "rounds of one block", [1, 60, 150]);
