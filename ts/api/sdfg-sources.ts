/** Where SDFGs come from: a builder, a frontend's graph, a DaCe file. Loaded when the first SDFG is made. */
import { rewriteNodes } from "../analysis/walk.js";
import { InternalError } from "../base/errors.js";
import { simplifyGraph } from "../compile/pipeline.js";
import type { Signature } from "../frontend/array/signature.js";
import { lowerDace } from "../frontend/dace/index.js";
import { argumentNames, instantiate } from "../frontend/dace/instantiate.js";
import { orderMaps } from "../frontend/dace/finish.js";
import { LIBRARY } from "../library/index.js";
import { exportGraph } from "../sdfg/dace/export.js";
import type { DaceSDFG } from "../sdfg/dace/model.js";
import { parseDaceText, readSDFG } from "../sdfg/dace/read.js";
import type { Graph } from "../sdfg/sdfg.js";
import { graphText } from "../sdfg/text.js";
import { Builder, Declared } from "./sdfg-builder.js";

export { argumentNames, graphText };

/** Where an SDFG comes from. */
export interface Source {
  /** The graph in its own symbols, where the named arguments are the same memory as others. */
  graph(aliases: ReadonlyMap<string, string>): Graph;
  /** The text of its file; throws UNSUPPORTED where the graph has none. */
  json(): string;
  /** Text that identifies it. */
  identity(): string;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** An empty program; `changed` is called when something is added. */
export function building(name: string, changed: () => void): { readonly declared: Declared; readonly root: Builder; readonly source: Source } {
  const declared = new Declared(name, changed), root = new Builder(declared);
  return { declared, root, source: new Built(declared, root) };
}
export function specialised(graph: Graph): Source { return new Specialised(graph); }
/** Throws PARSE or UNSUPPORTED. */
export function daceFile(text: string, path: string): Source { return new DaceFile(readSDFG(parseDaceText(text, path)), text); }
export function forSignature(graph: Graph, signature: Signature): Graph { return simplifyGraph(instantiate(graph, signature), signature.speculate); }

class Built implements Source {
  constructor(readonly declared: Declared, readonly root: Builder) {}
  graph(aliases: ReadonlyMap<string, string>): Graph { return lowerDace(this.declared.model(this.root.region()), aliases); }
  json(): string { return exportText(this.graph(NONE)); }
  identity(): string { return identityOf(this.graph(NONE)); }
}

/** A frontend's graph. */
class Specialised implements Source {
  constructor(readonly own: Graph) {}
  graph(aliases: ReadonlyMap<string, string>): Graph {
    if (aliases.size === 0) return this.own;
    const to = (name: string): string => {
      const p = this.own.parameters.find((x) => x.kind === "container" && x.container === name), first = p && aliases.get(p.name), other = first === undefined ? undefined : this.own.parameters.find((x) => x.name === first);
      return other?.kind === "container" ? other.container : name;
    };
    const containers = new Map([...this.own.containers].map(([n, c]) => [n, c.view ? { ...c, view: { ...c.view, base: to(c.view.base) } } : c]));
    return orderMaps(this.own.with({ containers, body: rewriteNodes(this.own.body, { name: to }), parameters: this.own.parameters.map((p) => (p.kind === "container" ? { ...p, container: to(p.container) } : p)) }));
  }
  json(): string { return exportText(this.own); }
  identity(): string { return identityOf(this.own); }
}

function identityOf(graph: Graph): string { return `${graphText(graph)}${graph.symbols.join()}\0${graph.assumptions.map((e) => e.key).join()}`; }
function exportText(graph: Graph): string {
  return `${JSON.stringify(exportGraph(graph, { expand: (n, dtypeOf, variable) => { const o = LIBRARY.get(n.op); if (!o) throw new InternalError(`no library operation ${n.op}`); return o.expand(n, dtypeOf, variable); } }))}\n`;
}

class DaceFile implements Source {
  constructor(readonly sdfg: DaceSDFG, readonly text: string) {}
  graph(aliases: ReadonlyMap<string, string>): Graph { return lowerDace(this.sdfg, aliases); }
  json(): string { return this.text; }
  identity(): string { return this.text; }
}
