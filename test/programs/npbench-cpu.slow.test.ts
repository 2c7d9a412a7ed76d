/** The programs of npbench.py, compiled. */
import { register } from "./npbench.js";

register("cpu");
