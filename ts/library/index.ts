/** The table of library operations. Adding one: a file, a test, and a line here. */
import { cholesky } from "./cholesky.js";
import { det } from "./det.js";
import { eigh } from "./eigh.js";
import { grow } from "./grow.js";
import { inv } from "./inv.js";
import { lu } from "./lu.js";
import { matmul } from "./matmul.js";
import { fetch, offload, settle } from "./offload.js";
import type { LibraryOp } from "./op.js";
import { pinv } from "./pinv.js";
import { solve } from "./solve.js";
import { SOLVERS } from "./solvers.js";
import { svd } from "./svd.js";
import { triangular } from "./triangular.js";

export const LIBRARY: ReadonlyMap<string, LibraryOp> = new Map([matmul, lu, solve, inv, det, triangular, cholesky, eigh, svd, pinv, grow, offload, fetch, settle, ...SOLVERS].map((o) => [o.name, o]));
export type { LibraryOp } from "./op.js";
