/** np.linalg, compiled. */
import { register } from "./linalg.js";

register("cpu");
