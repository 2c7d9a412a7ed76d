/** The programs of npbench.py, compiled. */
import test from "ava";
import { register } from "./npbench.js";

register(test, "cpu");
