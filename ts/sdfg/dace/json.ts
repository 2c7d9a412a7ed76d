/** Pieces of DaCe's JSON, as `export.ts` puts them together. Key order follows DaCe's own files. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Piece { readonly begin: string; /** Inclusive. */ readonly end: string; readonly step?: string }

export function rangeJson(dims: readonly Piece[]): JsonObject { return { type: "Range", ranges: dims.map((d) => ({ start: d.begin, end: d.end, step: d.step ?? "1", tile: "1" })) }; }
export function codeJson(text: string): JsonObject { return { string_data: text, language: "Python" }; }
const CPP: JsonObject = { frame: { string_data: "", language: "CPP" } };

export interface MemletSpec { readonly data: string; readonly subset: readonly Piece[]; readonly source: boolean; readonly volume: string; readonly wcr?: string; readonly dynamic?: boolean }
export function memletJson(m: MemletSpec | undefined): JsonObject {
  if (!m) return { type: "Memlet", attributes: { volume: "0" } };
  const subset = rangeJson(m.subset);
  return {
    type: "Memlet",
    attributes: {
      volume: m.volume, ...(m.dynamic ? { dynamic: true } : {}), subset, data: m.data, ...(m.wcr !== undefined ? { wcr: m.wcr } : {}),
      src_subset: m.source ? subset : null, dst_subset: m.source ? null : subset, is_data_src: m.source, num_accesses: m.volume,
    },
  };
}

/** A state under construction. */
export class StateJson {
  readonly nodes: JsonObject[] = [];
  readonly edges: JsonObject[] = [];
  readonly scopes: Record<string, number[]> = { "-1": [] };
  constructor(readonly label: string) {}
  node(type: string, label: string, attributes: JsonObject, scope: { readonly entry: number; readonly exit: () => number } | undefined, more: JsonObject = {}): number {
    const id = this.nodes.length;
    this.nodes.push({ type, label, attributes, id, scope_entry: scope ? String(scope.entry) : null, scope_exit: null, ...more });
    (this.scopes[scope ? String(scope.entry) : "-1"] ??= []).push(id);
    return id;
  }
  access(data: string): number { return this.node("AccessNode", data, { data }, undefined); }
  edge(src: number, from: string | null, dst: number, to: string | null, memlet: MemletSpec | undefined): void {
    this.edges.push({ type: "MultiConnectorEdge", attributes: { data: memletJson(memlet) }, src: String(src), dst: String(dst), dst_connector: to, src_connector: from });
  }
  json(id: number): JsonObject { return { type: "SDFGState", label: this.label, id, collapsed: false, scope_dict: this.scopes, nodes: this.nodes, edges: this.edges, attributes: {} }; }
}

export function connectorsJson(names: Iterable<string>): JsonObject { return Object.fromEntries([...names].map((n) => [n, null])); }

export interface BlockJson { readonly make: (id: number) => JsonObject; /** Symbols assigned on the way in. */ readonly before: readonly { readonly symbol: string; readonly value: string }[] }

/** Blocks in sequence, with the edges between them. */
export function sequenceJson(blocks: readonly BlockJson[], label: string): { readonly nodes: JsonObject[]; readonly edges: JsonObject[] } {
  const list: BlockJson[] = blocks.length === 0 || blocks[0]!.before.length > 0 ? [{ make: (id) => new StateJson(`${label}_start`).json(id), before: [] }, ...blocks] : [...blocks];
  return {
    nodes: list.map((b, i) => b.make(i)),
    edges: list.slice(1).map((b, i): JsonObject => ({
      type: "Edge", src: String(i), dst: String(i + 1),
      attributes: { data: { type: "InterstateEdge", attributes: (b.before.length > 0 ? { assignments: Object.fromEntries(b.before.map((a) => [a.symbol, a.value])) } : {}) as JsonObject } },
    })),
  };
}
export function regionJson(blocks: readonly BlockJson[], label: string): JsonObject {
  const s = sequenceJson(blocks, label);
  return { type: "ControlFlowRegion", attributes: {}, nodes: s.nodes, edges: s.edges, collapsed: false, label, id: null, cfg_list_id: 0, start_block: 0 };
}
export function sdfgJson(name: string, arrays: JsonObject, symbols: JsonObject, blocks: readonly BlockJson[], argNames: readonly string[] | undefined): JsonObject {
  const s = sequenceJson(blocks, name);
  return {
    type: "SDFG",
    attributes: { name, ...(argNames ? { arg_names: argNames } : {}), _arrays: arrays, symbols, global_code: CPP, init_code: CPP, exit_code: CPP, using_explicit_control_flow: true },
    nodes: s.nodes, edges: s.edges, collapsed: false, label: name, id: null, cfg_list_id: 0, start_block: 0,
    // The version says how expressions are spelt.
    ...(argNames ? { dace_version: "2.0.0a6" } : {}),
  };
}
/** Numbers the control-flow graphs of an SDFG as DaCe does: depth first, nested SDFGs included. */
export function numberRegions(root: JsonObject): void {
  let next = 0;
  const visit = (x: Json): void => {
    if (Array.isArray(x)) { for (const y of x as readonly Json[]) visit(y); return; }
    if (typeof x !== "object" || x === null) return;
    const o = x as JsonObject;
    if (typeof o["cfg_list_id"] === "number") o["cfg_list_id"] = next++;
    for (const v of Object.values(o)) visit(v);
  };
  visit(root);
}
