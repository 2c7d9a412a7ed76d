/** Lists that a planner gives with a call. */
import type { Container } from "../../sdfg/nodes.js";

export function isList(c: Container): boolean { return !c.transient && c.role === "workspace"; }
