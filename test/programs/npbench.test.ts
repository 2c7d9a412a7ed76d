/** The programs of npbench.py on the JavaScript backend. */
import { register } from "./npbench.js";

register("js");
