/** What the system knows of a library operation: its shape rule, its expansion to loops, its derivative and its cost. */
import type { LibraryNode, Node, Operand } from "../sdfg/nodes.js";
import type { DType } from "../base/dtypes.js";
import type { Expr } from "../symbolic/expr.js";

export interface LibraryOp {
  readonly name: string;
  /** Throws an InternalError naming the broken rule. */
  validate(node: LibraryNode): void;
  /** Plain loops and tasklets that do the same. `variable` gives unused loop variables. */
  expand(node: LibraryNode, dtypeOf: (data: string) => DType, variable: () => string): readonly Node[];
  /**
   * Nodes that accumulate into the gradients of the active inputs. `gradient` maps an operand to the same region of its gradient container; `saved`
   * marks an operand as a value of the forward program just before (after) the node ran.
   */
  adjoint(node: LibraryNode, gradient: (o: Operand) => Operand, active: { readonly inputs: readonly boolean[] }, saved: (o: Operand, when: "before" | "after") => Operand): readonly LibraryNode[];
  /** Floating-point operations of one execution. */
  flops(node: LibraryNode): Expr;
}

/** The operand with its first two operand dimensions exchanged. */
export function transposed(o: Operand): Operand {
  return { ...o, axes: [o.axes[1]!, o.axes[0]!], sizes: [o.sizes[1]!, o.sizes[0]!] };
}
