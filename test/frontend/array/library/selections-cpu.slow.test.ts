/** The programs of fixtures/selections.py, compiled. */
import { register } from "./selections.js";

register("cpu");
