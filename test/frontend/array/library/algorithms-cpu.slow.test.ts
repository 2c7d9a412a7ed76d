/** The functions of fixtures/algorithms.py, compiled. */
import { register } from "./algorithms.js";

register("cpu", "array/library", "algorithms");
