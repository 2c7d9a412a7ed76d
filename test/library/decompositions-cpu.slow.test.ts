/** np.linalg's eigh, svd and what is made of them: the functions of fixtures/decompositions.py, compiled. */
import { register } from "../frontend/array/library/algorithms.js";

register("cpu", "library", "decompositions");
