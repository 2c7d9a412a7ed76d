/** Names of containers that a piece of a DaCe SDFG writes, as its access nodes say. */
import type { Block } from "../../sdfg/dace/model.js";

export function writtenIn(b: Block, into: Set<string> = new Set()): Set<string> {
  switch (b.kind) {
    case "region": for (const x of b.blocks) writtenIn(x, into); break;
    case "loop": case "map": writtenIn(b.body, into); break;
    case "conditional": for (const x of b.branches) writtenIn(x.body, into); break;
    case "state": for (const e of b.edges) { const n = b.nodes.get(e.dst); if (n?.kind === "access") into.add(n.data); const s = b.nodes.get(e.src); if (s?.kind === "access" && e.from === "views") into.add(s.data); } break;
    default: break;
  }
  return into;
}
