/** Building blocks of expansions and derivative rules: elements of operands, loops, assignments, numbers. */
import { isComplex, type DType } from "../base/dtypes.js";
import { InternalError } from "../base/errors.js";
import { constant, op, type ScalarExpr } from "../scalar/expr.js";
import { freshId } from "../sdfg/sdfg.js";
import type { LibraryNode, Loop, Memlet, Node, Operand, Tasklet, Wcr } from "../sdfg/nodes.js";
import { add, addInt, equals, floordiv, int, min, scale, sym, ZERO, type Expr } from "../symbolic/expr.js";

/** One element of an operand. */
export function at(o: Operand, ...v: readonly Expr[]): Memlet {
  const index = [...o.base];
  o.axes.forEach((axis, d) => { index[axis] = add(index[axis]!, v[d]!); });
  return { data: o.data, index, ...(o.saved ? { saved: o.saved } : {}) };
}

export type Variables = () => string;
export type Order = Loop["order"];

export function loop(variable: Variables, begin: Expr, end: Expr, order: Order, body: (v: Expr) => readonly Node[]): Loop {
  const name = variable();
  return { kind: "loop", id: freshId(), variable: name, begin, end, order, body: body(sym(name)) };
}
/** Over all indices of some sizes, in any order. */
export function over(variable: Variables, sizes: readonly Expr[], body: (index: readonly Expr[]) => readonly Node[]): readonly Node[] {
  const [first, ...rest] = sizes;
  return first ? [loop(variable, ZERO, first, "any", (i) => over(variable, rest, (index) => body([i, ...index])))] : body([]);
}
/** Columns of a right-hand side that are worked on together: a block of them stays in a core's cache, and no thread waits for another. */
const BLOCK = 32;
/** `body` for blocks of [0, m), which are independent; it gets loops over the columns of a block. */
export function byColumns(variable: Variables, m: Expr, body: (columns: (f: (j: Expr) => readonly Node[]) => readonly Node[]) => readonly Node[]): readonly Node[] {
  if (m.constant !== undefined && m.constant <= BLOCK) return body((f) => over(variable, [m], ([j]) => f(j!)));
  return [loop(variable, ZERO, floordiv(addInt(m, BLOCK - 1), int(BLOCK)), "any", (b) => {
    const begin = scale(b, BLOCK);
    return body((f) => [loop(variable, begin, min(addInt(begin, BLOCK), m), "any", f)]);
  })];
}
export function assign(node: LibraryNode, output: Memlet, code: ScalarExpr, inputs: readonly Memlet[], wcr?: Wcr): Tasklet {
  return { kind: "tasklet", id: freshId(), inputs, output, code, ...(wcr ? { wcr } : {}), ...(node.loc ? { loc: node.loc } : {}) };
}
export function when(code: ScalarExpr, inputs: readonly Memlet[], body: readonly Node[]): Node {
  return { kind: "conditional", id: freshId(), branches: [{ condition: { inputs, code }, body }] };
}

export const number = (value: number, dtype: DType): ScalarExpr => constant(value, dtype, isComplex(dtype) ? 0 : undefined);
export const conjugate = (e: ScalarExpr): ScalarExpr => (isComplex(e.dtype) ? op("conj", e.dtype, e) : e);
export const realType = (d: DType): DType => (d === "complex128" ? "float64" : d === "complex64" ? "float32" : d);
export const realPart = (e: ScalarExpr): ScalarExpr => (isComplex(e.dtype) ? op("real", realType(e.dtype), e) : e);
/** A real number in the dtype of a matrix. */
export const fromReal = (e: ScalarExpr, dtype: DType): ScalarExpr => (isComplex(dtype) ? op("complex", dtype, e, constant(0, realType(dtype))) : e);

/** A library node without attributes. */
export function libraryNode(op: string, inputs: readonly Operand[], outputs: readonly Operand[], attributes: LibraryNode["attributes"] = {}, loc?: LibraryNode["loc"]): LibraryNode {
  return { kind: "library", id: freshId(), op, inputs, outputs, accumulate: false, attributes, ...(loc ? { loc } : {}) };
}

/** The rule of operands' ranks and of which of their sizes are one size: "nn n nm" has three operands. Sizes named alike are equal. */
export function requireShapes(node: LibraryNode, inputs: string, outputs: string): void {
  const known = new Map<string, Expr>();
  if (node.accumulate) throw new InternalError(`${node.op} does not add to its results`);
  const check = (list: readonly Operand[], rule: string, what: string): void => {
    const ranks = rule === "" ? [] : rule.split(" ");
    if (list.length !== ranks.length) throw new InternalError(`${node.op} has ${list.length} ${what}, not ${ranks.length}`);
    list.forEach((o, k) => {
      const names = ranks[k]!.replace("-", "");
      if (o.axes.length !== names.length) throw new InternalError(`${node.op}: ${what} ${k} has ${o.axes.length} dimensions, not ${names.length}`);
      o.sizes.forEach((e, d) => {
        const before = known.get(names[d]!);
        if (!before) known.set(names[d]!, e);
        else if (!equals(before, e)) throw new InternalError(`${node.op}: ${what} ${k} is ${e.key} long where ${before.key} is needed`);
      });
    });
  };
  check(node.inputs, inputs, "inputs");
  check(node.outputs, outputs, "outputs");
}
