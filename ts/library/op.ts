/** What the system knows of a library operation: its shape rule, its expansion to loops, its derivative and its cost. */
import type { LibraryNode, Node, Operand } from "../sdfg/nodes.js";
import type { DType } from "../base/dtypes.js";
import type { Expr } from "../symbolic/expr.js";

/** What a derivative rule works with. */
export interface Reverse {
  /** The same region of the operand's gradient container. */
  readonly gradient: (o: Operand) => Operand;
  readonly active: { readonly inputs: readonly boolean[]; readonly outputs: readonly boolean[] };
  /** The operand as a value of the forward program just before (after) the node ran. Only as an operand, or at an index without loop variables of the rule's own. */
  readonly saved: (o: Operand, when: "before" | "after") => Operand;
  /** A new array for the nodes of the rule alone. */
  readonly workspace: (label: string, dtype: DType, sizes: readonly Expr[]) => Operand;
  readonly dtypeOf: (data: string) => DType;
  /** An unused loop variable. */
  readonly variable: () => string;
}

export interface LibraryOp {
  readonly name: string;
  /** Throws an InternalError naming the broken rule. */
  validate(node: LibraryNode): void;
  /** Plain loops and tasklets that do the same. `variable` gives unused loop variables. */
  expand(node: LibraryNode, dtypeOf: (data: string) => DType, variable: () => string): readonly Node[];
  /**
   * Nodes that accumulate into the gradients of the active inputs. Undefined: the results carry no derivative of their own, since every operation that uses them
   * takes the input of this one as well and differentiates with respect to that (the factors of a matrix that is solved with).
   */
  readonly adjoint?: (node: LibraryNode, c: Reverse) => readonly Node[];
  /** Inputs that the expansion does not read: they are there for the derivative, and forgotten when there is none to come. */
  readonly unread?: readonly number[];
  /** Floating-point operations of one execution. */
  flops(node: LibraryNode): Expr;
}

/** The operand with its first two operand dimensions exchanged. */
export function transposed(o: Operand): Operand {
  return { ...o, axes: [o.axes[1]!, o.axes[0]!], sizes: [o.sizes[1]!, o.sizes[0]!] };
}
