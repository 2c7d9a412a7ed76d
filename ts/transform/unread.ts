/**
 * Operands of library operations that are there only for a derivative to come are replaced by ones that the operation reads anyway, so that nobody keeps or computes
 * them. Pre: no derivative is taken of this graph any more. Post: the same values; what only such operands wanted is dead. Safe because an operation's expansion
 * does not read them, by its own declaration.
 */
import { mapNodes } from "../analysis/walk.js";
import { LIBRARY } from "../library/index.js";
import type { Operand } from "../sdfg/nodes.js";
import type { Graph } from "../sdfg/sdfg.js";
import { equals } from "../symbolic/expr.js";

export function forgetUnread(graph: Graph): Graph {
  const body = mapNodes(graph.body, (n) => {
    const unread = n.kind === "library" ? LIBRARY.get(n.op)?.unread : undefined;
    if (n.kind !== "library" || !unread) return n;
    const fits = (a: Operand, b: Operand): boolean => a.sizes.length === b.sizes.length && a.sizes.every((e, d) => equals(e, b.sizes[d]!));
    const inputs = n.inputs.map((o, k) => (unread.includes(k) ? n.inputs.find((p, i) => !unread.includes(i) && fits(p, o)) ?? o : o));
    return inputs.every((o, k) => o === n.inputs[k]) ? n : { ...n, inputs };
  });
  return body === graph.body ? graph : graph.with({ body });
}
