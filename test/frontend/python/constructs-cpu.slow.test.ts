/** The functions of fixtures/constructs.py, compiled. */
import { register } from "../array/library/algorithms.js";

register("cpu", "frontend/python", "constructs");
