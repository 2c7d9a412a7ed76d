/**
 * `debug: { nan: true }`: after every store of a float, a check that raises at the user's line if the value is not a number.
 * Pre: a valid graph. Post: the same values, or an error where one is NaN. Before optimisation, which must not move anything across the checks.
 */
import { mapNodes } from "../analysis/walk.js";
import { isDifferentiable } from "../base/dtypes.js";
import { input, op } from "../scalar/expr.js";
import { freshId, type Graph } from "../sdfg/sdfg.js";
import type { Node } from "../sdfg/nodes.js";

export function trapNan(graph: Graph): Graph {
  return graph.with({ body: mapNodes(graph.body, (n): readonly Node[] | Node => {
    if (n.kind !== "tasklet") return n;
    const c = graph.container(n.output.data);
    if (!isDifferentiable(c.dtype)) return n;
    const value = input(0, c.dtype), name = c.label ?? c.name, loc = n.loc ? { loc: n.loc } : {};
    const what = c.role === "gradient" ? `the gradient with respect to ${name}` : name;
    return [n, { kind: "conditional", id: freshId(), branches: [{
      condition: { inputs: [n.output], code: op("ne", "bool", value, value) },
      body: [{ kind: "raise", id: freshId(), code: "NAN", message: `${what} is not a number`, ...loc }],
    }] }];
  }) });
}
