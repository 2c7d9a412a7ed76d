/** np.linalg on the JavaScript backend. */
import { register } from "./linalg.js";

register("js");
