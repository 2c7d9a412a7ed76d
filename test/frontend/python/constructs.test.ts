/** The functions of fixtures/constructs.py on the JavaScript backend. */
import { register } from "../array/library/algorithms.js";

register("js", "frontend/python", "constructs");
