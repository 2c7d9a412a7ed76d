/** The table of library operations. Adding one: a file, a test, and a line here. */
import { matmul } from "./matmul.js";
import type { LibraryOp } from "./op.js";

export const LIBRARY: ReadonlyMap<string, LibraryOp> = new Map([matmul].map((o) => [o.name, o]));
export type { LibraryOp } from "./op.js";
