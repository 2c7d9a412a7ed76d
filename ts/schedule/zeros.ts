/**
 * Shortens strong zeros, `g == 0 and e != e ? 0 : e`, whose e is a product with g or a quotient of it: e is then zero or NaN wherever g is zero, and
 * `g == 0 ? 0 : e` is the same value (a zero's sign aside) for half the comparisons, and a form that compilers vectorise. Not before scheduling: the
 * long form has the right derivative where g is zero, the short one has not. Pre and post: a valid graph.
 */
import { mapNodes } from "../analysis/walk.js";
import { selectS } from "../scalar/build.js";
import { mapScalar, type ScalarExpr } from "../scalar/expr.js";
import { hashCons } from "../scalar/hashcons.js";
import type { Graph } from "../sdfg/sdfg.js";

const isZero = (e: ScalarExpr): boolean => e.kind === "const" && Number(e.value) === 0 && !e.imag;

/** Is e zero or NaN wherever g is zero? */
function vanishes(e: ScalarExpr, g: ScalarExpr): boolean {
  if (e === g || isZero(e)) return true;
  if (e.kind !== "op") return false;
  const [a, b, c] = e.args;
  switch (e.op) {
    case "mul": return vanishes(a!, g) || vanishes(b!, g);
    case "div": case "neg": return vanishes(a!, g);
    case "add": case "sub": return vanishes(a!, g) && vanishes(b!, g);
    case "select": return vanishes(b!, g) && vanishes(c!, g);
    default: return false;
  }
}

function shorten(e: ScalarExpr): ScalarExpr {
  if (e.kind !== "op" || e.op !== "select") return e;
  const [when, zero, value] = e.args;
  if (when!.kind !== "op" || when!.op !== "and" || !isZero(zero!)) return e;
  const [isG, isNan] = when!.args;
  if (isG!.kind !== "op" || isG!.op !== "eq" || !isZero(isG!.args[1]!) || isNan!.kind !== "op" || isNan!.op !== "ne") return e;
  return isNan!.args[0] === value && isNan!.args[1] === value && vanishes(value!, isG!.args[0]!) ? selectS(isG!, zero!, value!) : e;
}

export function shortenZeros(graph: Graph): Graph {
  return graph.with({ body: mapNodes(graph.body, (n) => {
    if (n.kind !== "tasklet" || n.code.kind !== "op") return n;
    const code = mapScalar(hashCons(n.code), shorten);
    return code === n.code ? n : { ...n, code };
  }) });
}
