/**
 * Calls of a GPU's library for factorisations, made when a program is placed there (ts/schedule/gpu/solvers.ts); no frontend makes one and none is differentiated. Matrices are worked on in place, as
 * the library has them: column-major, which is an operand's transposed. The last output, a flag on the host, says whether it was done; where it was not, the other outputs hold anything.
 *
 * potrf: a triangle becomes its Cholesky factor. getrf: the factors, and the rows exchanged, counted from 1. trsm: one or two triangles are undone. syevd: the vectors, and real values.
 * gesvd: the matrix is lost; values, U, and V's transposed.
 */
import { InternalError } from "../base/errors.js";
import { floordiv, int, mul, scale, type Expr } from "../symbolic/expr.js";
import type { LibraryNode, Node } from "../sdfg/nodes.js";
import type { LibraryOp } from "./op.js";

const cube = (n: Expr, times: number): Expr => scale(mul(n, mul(n, n)), times);
const operation = (name: string, inputs: number, outputs: number, flops: (n: LibraryNode) => Expr): LibraryOp => ({
  name,
  validate(n): void { if (n.inputs.length !== inputs || n.outputs.length !== outputs || n.accumulate || n.outputs.at(-1)!.axes.length > 0) throw new InternalError(`${name} takes ${inputs} operands and gives ${outputs}`); },
  expand: (n) => [n],
  flops,
});
const size = (n: LibraryNode): Expr => n.inputs[0]!.sizes[0]!;

export const SOLVERS: readonly LibraryOp[] = [
  operation("potrf", 1, 2, (n) => floordiv(cube(size(n), 1), int(3))),
  operation("getrf", 1, 3, (n) => floordiv(cube(size(n), 2), int(3))),
  operation("trsm", 2, 2, (n) => scale(mul(mul(size(n), size(n)), n.inputs[1]!.sizes[1]!), n.attributes["both"] === true ? 2 : 1)),
  operation("syevd", 1, 3, (n) => cube(size(n), 10)),
  operation("gesvd", 1, 5, (n) => scale(mul(n.inputs[0]!.sizes[1]!, mul(size(n), size(n))), 20)),
];
const NAMES: ReadonlySet<string> = new Set(SOLVERS.map((o) => o.name));
type SolverNode = LibraryNode & { readonly op: "potrf" | "getrf" | "trsm" | "syevd" | "gesvd" };
export function isSolver(n: Node): n is SolverNode { return n.kind === "library" && NAMES.has(n.op); }
/** Says whether the call was done. */
export function doneFlag(n: LibraryNode): string { return n.outputs.at(-1)!.data; }
