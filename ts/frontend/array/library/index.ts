/** Importing this registers every library function, method and attribute. */
import "./ufuncs.js";
import "./reductions.js";
import "./scans.js";
import "./arrays.js";
import "./shaping.js";
import "./joining.js";
import "./products.js";
import "./linalg.js";
import "./grids.js";
import "./statistics.js";
import "./histogram.js";
import "./attributes.js";
import "./builtins.js";
import "./math.js";
import "./javascript-math.js";
import "./javascript-arrays.js";
import "./javascript-callbacks.js";
