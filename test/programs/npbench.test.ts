/** The programs of npbench.py on the JavaScript backend. */
import test from "ava";
import { register } from "./npbench.js";

register(test, "js");
