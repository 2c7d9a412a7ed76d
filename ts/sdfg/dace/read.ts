/**
 * DaCe's JSON → model. What the file says and we do not know is an error that names it: PARSE where the text is no SDFG, UNSUPPORTED where it is one with a
 * descriptor, block, node, dtype or language outside the supported set. Properties equal to their default are absent in the files.
 */
import { isDType, type DType } from "../../base/dtypes.js";
import { DaceError } from "../../base/errors.js";
import type { Block, Connector, Constant, DaceMemlet, DaceSDFG, DataflowNode, Descriptor, Dimension, Edge, InterstateEdge, Region, State } from "./model.js";

type Obj = Readonly<Record<string, unknown>>;
const malformed = (what: string): never => { throw new DaceError("PARSE", `not a DaCe SDFG: ${what}`, { hint: "save it with sdfg.save(path) in DaCe 1.0 or later" }); };
const unsupported = (what: string): never => { throw new DaceError("UNSUPPORTED", what); };
const isObj = (x: unknown): x is Obj => typeof x === "object" && x !== null && !Array.isArray(x);
const obj = (x: unknown, what: string): Obj => (isObj(x) ? x : malformed(`${what} is missing`));
const list = (x: unknown, what: string): readonly unknown[] => (Array.isArray(x) ? x : malformed(`${what} is not a list`));
const str = (x: unknown, what: string): string => (typeof x === "string" ? x : typeof x === "number" || typeof x === "boolean" ? String(x) : malformed(`${what} is not a text`));
const absent = (x: unknown): boolean => x === null || x === undefined;
const attributes = (o: Obj): Obj => (isObj(o["attributes"]) ? o["attributes"] : {});

/** Parses the text of a file; throws PARSE where it is not an SDFG. */
export function parseDaceText(text: string, file: string): Obj {
  let json: unknown;
  try { json = JSON.parse(text); } catch (e) { throw new DaceError("PARSE", `${file} is not JSON`, { cause: e, hint: "compressed files (.sdfgz) must be unpacked first" }); }
  if (!isObj(json) || json["type"] !== "SDFG") malformed(`${file} has no SDFG at its root`);
  return json as Obj;
}

export function readSDFG(root: unknown): DaceSDFG {
  const o = obj(root, "an SDFG");
  if (o["type"] !== "SDFG") malformed("its root is not an SDFG");
  const a = attributes(o), name = str(a["name"] ?? o["label"], "the SDFG's name");
  for (const key of ["global_code", "init_code", "exit_code"]) {
    for (const [place, code] of Object.entries(isObj(a[key]) ? a[key] : {})) if (textOf(code).trim() !== "") unsupported(`${key} (${place}) of the SDFG ${name}: code in another language`);
  }
  if (isObj(a["callback_mapping"]) && Object.keys(a["callback_mapping"]).length > 0) unsupported(`callbacks to Python in the SDFG ${name}`);
  const arrays = new Map(Object.entries(obj(a["_arrays"], "_arrays")).map(([k, d]) => [k, descriptor(k, d, name)]));
  const symbols = new Map(Object.entries(isObj(a["symbols"]) ? a["symbols"] : {}).map(([k, d]) => [k, typeof d === "string" ? d : JSON.stringify(d)]));
  const constants = new Map(Object.entries(isObj(a["constants_prop"]) ? a["constants_prop"] : {}).map(([k, d]) => [k, constantOf(k, d)]));
  return { name, argNames: Array.isArray(a["arg_names"]) ? a["arg_names"].map((x) => str(x, "an argument's name")) : [], arrays, symbols, constants, region: region(o, name, name) };
}

// ---- descriptors ----

/** A dtype as written: a name, or an object for pointers, vectors, structures. Undefined: no dtype of ours. */
function dtypeOf(x: unknown, fallback: DType): DType | undefined {
  if (x === undefined || x === null) return fallback;
  if (typeof x !== "string") return undefined;
  return x === "bool_" ? "bool" : isDType(x) ? x : undefined;
}
function dtypeText(x: unknown): string { return typeof x === "string" ? x : isObj(x) && typeof x["type"] === "string" ? `${x["type"]} of ${dtypeText(x["dtype"])}` : JSON.stringify(x); }

const ARRAYS: Readonly<Record<string, Descriptor["kind"]>> = { Array: "array", Scalar: "scalar", ArrayView: "view", View: "view", ParameterArray: "array" };

function descriptor(name: string, x: unknown, sdfg: string): Descriptor {
  const o = obj(x, `the descriptor of ${name}`), a = attributes(o), type = str(o["type"], `the descriptor of ${name}`);
  const kind = ARRAYS[type] ?? unsupported(`the data descriptor ${type} (${name} in the SDFG ${sdfg})`);
  const dtype = dtypeOf(a["dtype"], "int32") ?? unsupported(`the dtype ${dtypeText(a["dtype"])} (${name} in the SDFG ${sdfg})`);
  const texts = (key: string): string[] => (a[key] === undefined ? [] : list(a[key], `${key} of ${name}`).map((e) => str(e, `${key} of ${name}`)));
  const shape = kind === "scalar" ? [] : texts("shape");
  if (kind !== "scalar" && shape.length === 0) malformed(`${name} has no shape`);
  if (texts("offset").some((e) => e !== "0")) unsupported(`the index offset of ${name} in the SDFG ${sdfg}`);
  const strides = kind === "scalar" ? [] : texts("strides");
  return { kind, name, dtype, shape, strides: strides.length === shape.length ? strides : [], transient: a["transient"] === true, persistent: a["lifetime"] === "Persistent" || a["lifetime"] === "External" };
}

function constantOf(name: string, x: unknown): Constant {
  const pair = Array.isArray(x) ? x : [undefined, x];
  const desc = isObj(pair[0]) ? attributes(pair[0]) : {};
  const value: unknown = pair[1];
  const dtype = dtypeOf(desc["dtype"], Number.isInteger(value) ? "int64" : "float64") ?? unsupported(`the dtype ${dtypeText(desc["dtype"])} (constant ${name})`);
  const shape: number[] = [], values: (number | boolean)[] = [];
  const walk = (v: unknown, depth: number): void => {
    if (isObj(v) && v["type"] === "ndarray") { walk(v["data"], depth); return; }
    if (Array.isArray(v)) { if (shape.length === depth) shape.push(v.length); if (shape[depth] !== v.length) malformed(`constant ${name} is ragged`); for (const y of v) walk(y, depth + 1); }
    else if (typeof v === "number" || typeof v === "boolean") values.push(v);
    else unsupported(`the value of the constant ${name}`);
  };
  walk(value, 0);
  return { dtype, shape, values };
}

// ---- control flow ----

function textOf(x: unknown): string {
  if (x === null || x === undefined) return "";
  if (typeof x === "string") return x;
  return isObj(x) ? str(x["string_data"] ?? "", "code") : malformed("code that is not a text");
}
/** Python code, or an error that names the other language. */
function python(x: unknown, what: string): string {
  const text = textOf(x);
  if (isObj(x) && x["language"] !== undefined && x["language"] !== "Python" && text.trim() !== "") unsupported(`${what}: code in ${str(x["language"], "a language")}`);
  return text;
}

function region(o: Obj, sdfg: string, where: string): Region {
  const label = str(o["label"] ?? sdfg, "a label");
  const raw = list(o["nodes"], `the blocks of ${label}`);
  const blocks = raw.map((b) => block(obj(b, "a block"), sdfg));
  // Ids are usually positions; edges refer to ids.
  const place = new Map(raw.map((b, i) => { const id = (b as Obj)["id"]; return [typeof id === "number" ? id : i, i]; }));
  const at = (x: unknown): number => place.get(Number(x)) ?? malformed(`an edge of ${where} to a block that does not exist`);
  const edges = list(o["edges"], `the edges of ${label}`).map((e): InterstateEdge => {
    const edge = obj(e, "an edge"), data = obj(attributes(edge)["data"], "an interstate edge"), a = attributes(data);
    const condition = python(a["condition"], `the condition of an edge in ${where}`).trim();
    return {
      src: at(edge["src"]), dst: at(edge["dst"]), condition: condition === "" || condition === "1" || condition === "True" ? undefined : condition,
      assignments: Object.entries(isObj(a["assignments"]) ? a["assignments"] : {}).map(([symbol, v]) => ({ symbol, value: str(v, "an assignment") })),
    };
  });
  const hasPredecessor = new Set(edges.map((e) => e.dst));
  const start = typeof o["start_block"] === "number" ? place.get(o["start_block"]) ?? 0 : Math.max(0, blocks.findIndex((_, i) => !hasPredecessor.has(i)));
  return { kind: "region", label, blocks, edges, start };
}

function block(o: Obj, sdfg: string): Block {
  const type = str(o["type"], "a block's type"), label = str(o["label"] ?? "", "a label"), a = attributes(o);
  switch (type) {
    case "SDFGState": return state(o, label, sdfg);
    case "LoopRegion": return {
      kind: "loop", label, variable: str(a["loop_variable"] ?? "", "a loop variable"),
      init: absent(a["init_statement"]) ? undefined : python(a["init_statement"], `loop ${label}`), condition: absent(a["loop_condition"]) ? "True" : python(a["loop_condition"], `loop ${label}`),
      update: absent(a["update_statement"]) ? undefined : python(a["update_statement"], `loop ${label}`),
      inverted: a["inverted"] === true, updateBeforeCondition: a["update_before_condition"] !== false, body: region(o, sdfg, `loop ${label}`),
    };
    case "ConditionalBlock": return {
      kind: "conditional", label,
      branches: list(o["branches"], `the branches of ${label}`).map((b) => {
        const [code, body] = list(b, `a branch of ${label}`);
        return { condition: code === null || code === undefined ? undefined : python(code, `a condition of ${label}`), body: region(obj(body, `a branch of ${label}`), sdfg, `a branch of ${label}`) };
      }),
    };
    case "BreakBlock": return { kind: "break", label };
    case "ContinueBlock": return { kind: "continue", label };
    case "ReturnBlock": return { kind: "return", label };
    case "ControlFlowRegion": case "NamedRegion": case "FunctionCallRegion": case "UnstructuredControlFlow": return region(o, sdfg, label);
    default: return unsupported(`the control-flow block ${type} (${label} in the SDFG ${sdfg})`);
  }
}

// ---- dataflow ----

function state(o: Obj, label: string, sdfg: string): State {
  const nodes = new Map<number, DataflowNode>();
  const raw = list(o["nodes"], `the nodes of state ${label}`).map((n) => obj(n, "a node"));
  for (const n of raw) { const x = dataflow(n, label, sdfg); nodes.set(x.id, x); }
  const at = (x: unknown): number => (nodes.has(Number(x)) ? Number(x) : malformed(`an edge of state ${label} to a node that does not exist`));
  const edges = list(o["edges"], `the edges of state ${label}`).map((e): Edge => {
    const edge = obj(e, "an edge"), memlet = memletOf(attributes(edge)["data"], label);
    const connector = (k: string): string | undefined => (typeof edge[k] === "string" ? edge[k] : undefined);
    return { src: at(edge["src"]), dst: at(edge["dst"]), from: connector("src_connector"), to: connector("dst_connector"), ...(memlet ? { memlet } : {}) };
  });
  return { kind: "state", label, nodes, edges };
}

function memletOf(x: unknown, state: string): DaceMemlet | undefined {
  if (x === null || x === undefined) return undefined;
  const o = obj(x, "a memlet"), a = attributes(o), data = a["data"];
  if (data === null || data === undefined) return undefined;
  const subset = rangesOf(a["subset"], state), other = rangesOf(a["other_subset"], state), wcr = a["wcr"];
  return { data: str(data, "a memlet's data"), ...(subset ? { subset } : {}), ...(other ? { other } : {}), ...(!absent(wcr) ? { wcr: textOf(wcr) } : {}), dynamic: a["dynamic"] === true };
}
function rangesOf(x: unknown, state: string): readonly Dimension[] | undefined {
  if (x === null || x === undefined) return undefined;
  const o = obj(x, "a subset");
  switch (o["type"]) {
    case "Range": return list(o["ranges"], "a range").map((r): Dimension => {
      const d = obj(r, "a range"), tile = str(d["tile"] ?? "1", "a tile");
      if (tile !== "1") unsupported(`a tiled range (tile ${tile}) in state ${state}`);
      return { begin: str(d["start"], "a range"), end: str(d["end"], "a range"), step: str(d["step"] ?? "1", "a range") };
    });
    case "Indices": return list(o["indices"], "indices").map((i): Dimension => ({ begin: str(i, "an index"), end: str(i, "an index"), step: "1" }));
    default: return unsupported(`the subset ${str(o["type"], "a subset")} in state ${state}`);
  }
}

function connectors(x: unknown): Map<string, Connector> {
  const out = new Map<string, Connector>();
  for (const [k, d] of Object.entries(isObj(x) ? x : {})) {
    const pointer = isObj(d) && d["type"] === "pointer";
    const dtype = typeof d === "string" ? dtypeOf(d, "float64") : undefined;
    if (d !== null && !pointer && !dtype) unsupported(`the connector ${k} of type ${dtypeText(d)}`);
    out.set(k, { pointer, ...(dtype ? { dtype } : {}) });
  }
  return out;
}

function dataflow(o: Obj, stateLabel: string, sdfg: string): DataflowNode {
  const type = str(o["type"], "a node's type"), a = attributes(o), label = str(a["label"] ?? o["label"] ?? "", "a label"), id = Number(o["id"]);
  if (!Number.isInteger(id)) malformed(`a node of state ${stateLabel} without an id`);
  const info = isObj(a["debuginfo"]) ? a["debuginfo"] : undefined, line = info && Number(info["start_line"]), file = info && (typeof info["filename"] === "string" ? info["filename"] : `${sdfg}.py`);
  const where = `${type} ${label} in state ${stateLabel} of the SDFG ${sdfg}${line ? ` (line ${line})` : ""}`;
  const base = {
    id, label, where, scope: o["scope_entry"] === null || o["scope_entry"] === undefined ? undefined : Number(o["scope_entry"]),
    ...(line && file !== undefined ? { line: { file, line, column: Number(info["start_column"] ?? 0) + 1 } } : {}),
  };
  const instances = (what: string): string => unsupported(`${what} (${where})`);
  switch (type) {
    case "AccessNode": return { ...base, kind: "access", data: str(a["data"], "an access node's data"), setzero: a["setzero"] === true };
    case "Tasklet": {
      for (const key of ["code_global", "code_init", "code_exit", "state_fields"]) if (textOf(Array.isArray(a[key]) ? "" : a[key]).trim() !== "" || (Array.isArray(a[key]) && a[key].length > 0)) instances(`${key} of a tasklet`);
      return { ...base, kind: "tasklet", code: python(a["code"], where), inputs: connectors(a["in_connectors"]), outputs: connectors(a["out_connectors"]) };
    }
    case "MapEntry": {
      const ranges = rangesOf(a["range"], stateLabel) ?? [], params = list(a["params"], "a map's parameters").map((p) => str(p, "a parameter"));
      if (ranges.length !== params.length) malformed(`${where} has ${params.length} parameters and ${ranges.length} ranges`);
      return { ...base, kind: "entry", params, ranges, exit: Number(o["scope_exit"]) };
    }
    case "MapExit": return { ...base, kind: "exit" };
    case "NestedSDFG": {
      if (a["sdfg"] === null || a["sdfg"] === undefined) instances("a nested SDFG that stands in another file");
      return {
        ...base, kind: "nested", sdfg: readSDFG(a["sdfg"]), mapping: new Map(Object.entries(isObj(a["symbol_mapping"]) ? a["symbol_mapping"] : {}).map(([k, v]) => [k, str(v, "a symbol mapping")])),
        inputs: new Set(Object.keys(isObj(a["in_connectors"]) ? a["in_connectors"] : {})), outputs: new Set(Object.keys(isObj(a["out_connectors"]) ? a["out_connectors"] : {})),
      };
    }
    case "LibraryNode": { const path = str(o["classpath"], "a library node's class"); return { ...base, kind: "library", className: path.split(".").at(-1)!, attributes: a, where: `${path.split(".").at(-1)!} ${where}` }; }
    default: return instances(`the node ${type}`) as never;
  }
}
