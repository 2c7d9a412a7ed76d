/** The functions of fixtures/algorithms.py, compiled. */
import { register } from "./algorithms.js";

register("cpu", "frontend/array/library", "algorithms");
