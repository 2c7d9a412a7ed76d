/** Prints calls of a GPU's libraries for factorisations (ts/library/solvers.ts). Pointers and sizes are the device's own; what the library could not do leaves the flag false. */
import { InternalError } from "../base/errors.js";
import type { DType } from "../base/dtypes.js";
import { gemmOperand } from "../schedule/library.js";
import { doneFlag } from "../library/solvers.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { LibraryNode, Operand } from "../sdfg/nodes.js";
import type { Integers } from "./integers.js";
import type { Text } from "./language.js";

/** Types of matrices, as the table of abi.h numbers them. */
export const MATRIX_TYPES: readonly DType[] = ["float64", "float32", "complex128", "complex64"];
/** Of constants, symbols and loop variables of the host: a place that no mistake of a kernel moves. */
export const STEADY = /^(?:[\d\s*+()-]|\b[is]\d+\b)+$/;

/** `stops`: kernels may find mistakes, behind which an index may be anything, and a library does not look. */
export function solverCall(n: LibraryNode, graph: Graph, integers: Integers, place: (data: string) => Text, stops: boolean): readonly Text[] {
  const offset = (o: Operand): Text => integers.offset(integers.flat(graph.container(o.data), o.base));
  const at = (o: Operand): Text => { const x = offset(o); return x === "0" ? place(o.data) : `${place(o.data)} + ${x}`; };
  const ld = (o: Operand): Text => { const f = gemmOperand(graph, o); if (!f) throw new InternalError(`${o.data} is no matrix of a library`); return integers.print(f.ld); };
  const [a, b] = n.inputs, out = n.outputs, rows = integers.print(a!.sizes[0]!), type = MATRIX_TYPES.indexOf(graph.container(a!.data).dtype), flag = (name: string): number => Number(n.attributes[name] === true);
  const call = (f: Text, ...args: readonly (Text | number)[]): Text => `gpu->linear->${f}(gpu->linear->state, ${[type, ...args].join(", ")})`;
  /** The lower triangle of a row-major matrix is the upper one for the library. */
  const lower = 1;
  const triangle = (upper: number, unit: number): Text => {
    const x = b!, count = integers.print(x.sizes[1]!), right = flag("right");
    return call("trsm", right, upper, Number(n.attributes["op"]), unit, right ? count : rows, right ? rows : count, at(a!), ld(a!), at(x), ld(x));
  };
  const calls = ((): readonly Text[] => {
    switch (n.op) {
      case "potrf": return [call("cholesky", lower, rows, at(a!), ld(a!))];
      case "getrf": return [call("lu", rows, at(a!), ld(a!), `(i64*)(${at(out[1]!)})`)];
      case "trsm": {
        const upper = flag("upper"), unit = 1 - flag("adjoint");
        // Of L·U the one with the ones comes first, of its adjoint the other.
        return n.attributes["both"] === true ? [triangle(upper, unit), triangle(1 - upper, 1 - unit)] : [triangle(upper, 0)];
      }
      case "syevd": return [call("eigh", lower, rows, at(a!), ld(a!), at(out[1]!))];
      case "gesvd": return [call("svd", integers.print(a!.sizes[1]!), rows, at(a!), ld(a!), at(out[1]!), at(out[2]!), ld(out[2]!), at(out[3]!), ld(out[3]!))];
      default: throw new InternalError(`no library does ${n.op}`);
    }
  })();
  const steady = !stops || [...n.inputs, ...out].every((o) => STEADY.test(offset(o)));
  return [
    "{", "  i32 status = -1;", ...(steady ? calls.map((c, k) => `  if (${k === 0 ? `${rows} >= ${Number(n.attributes["least"])}` : "status == 0"}) status = ${c};`) : []),
    "  if (status > 0) return status;", `  ${place(doneFlag(n))} = status == 0;`, "}",
  ];
}
