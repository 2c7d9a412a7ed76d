/** Python classes → array program: ordinary ones, data classes and named tuples, as records of parameters and of state. */
import type { ClassDef, Expr, FunctionDef, Method, Param, Stmt } from "../array/ast.js";
import type { Converter } from "./statements.js";
import { node, nodes, text, walk, type PyNode } from "./tree.js";

/** What a class needs to know of its module. */
export interface ClassModule {
  /** Runs `f` as what is looked at when the module is complete: the bodies of methods. */
  readonly late: <T>(f: () => T) => T;
  /** The statement of a class. */
  readonly classNamed: (name: string) => PyNode | undefined;
  readonly body: readonly PyNode[];
}

const PLAIN_BASES = /^(object|abc\.ABC|typing\.(Generic|Protocol))$/;
const OWN_DECORATORS = /^(property|staticmethod|classmethod|(abc\.)?abstractmethod|functools\.cached_property|cached_property|override)$/;
const KINDS: Readonly<Record<string, Method["kind"]>> = { property: "property", cached_property: "property", "functools.cached_property": "property", staticmethod: "static", classmethod: "class" };

interface Field { readonly name: string; readonly default?: PyNode; readonly keywordOnly?: boolean; readonly init: boolean; readonly at: PyNode }

export function classDef(c: Converter, s: PyNode, module: ClassModule): ClassDef {
  const name = text(s["name"]), loc = c.loc(s), kind = kindOf(c, s, true), methods = new Map<string, Method>(), constants = new Map<string, Expr>();
  const fields = kind.data || kind.tuple ? fieldsOf(c, s, module) : [], base = baseOf(c, s, module);
  for (const x of nodes(s["body"])) {
    switch (x.nodeType) {
      case "FunctionDef": {
        const own = nodes(x["decorator_list"]).map((d) => c.source.slice(d.nodeType === "Call" ? node(d["func"]) : d));
        if (own.some((d) => /\.(setter|deleter)$/.test(d))) { c.problem("a property that is assigned to", x, "use a method"); break; }
        methods.set(text(x["name"]), { def: module.late(() => c.functionDef(x, OWN_DECORATORS)), kind: own.map((d) => KINDS[d]).find((k) => k !== undefined) ?? "method" });
        break;
      }
      case "AnnAssign": if (x["value"] && !fields.some((f) => f.at === x)) constants.set(text(node(x["target"])["id"]), c.moduleExpression(node(x["value"]))); break;
      case "Assign": for (const t of nodes(x["targets"])) {
        // A second name of a method: __radd__ = __add__.
        const method = t.nodeType === "Name" && node(x["value"]).nodeType === "Name" ? methods.get(text(node(x["value"])["id"])) : undefined;
        if (method) { methods.set(text(t["id"]), method); continue; }
        if (t.nodeType !== "Name") c.problem("this assignment in a class", x, "assign to a name"); else if (!/^__(slots|match_args)__$/.test(text(t["id"]))) constants.set(text(t["id"]), c.moduleExpression(node(x["value"]))); } break;
      case "Expr": case "Pass": break;
      default: c.problem(`${x.nodeType} in a class`, x, "define methods, fields and constants there");
    }
  }
  if (methods.has("__setattr__") || methods.has("__getattr__") || methods.has("__getattribute__") || (!kind.tuple && methods.has("__new__")) || nodes(s["keywords"]).length > 0) c.problem(`the class ${name}, which changes what attributes or instances are`, s, "use ordinary methods");
  if (kind.tuple) methods.set("__new__", { def: maker(c, fields, loc), kind: "static" });
  else if (kind.data && !methods.has("__init__")) methods.set("__init__", { def: initializer(c, fields, methods.has("__post_init__") || inherits(c, s, module, "__post_init__"), loc), kind: "method" });
  for (const f of fields) if (f.default && !methods.has(f.name) && isDefault(f.default)) constants.set(f.name, c.moduleExpression(f.default));
  const fixed = kind.tuple || kind.frozen || !changes(ownFields(s, fields), module.body, (x) => rootOf(c, x, module) === rootOf(c, s, module));
  return { name, fields: fields.map((f) => f.name), fixed, methods, constants, loc, ...(kind.tuple ? { tuple: true } : {}), ...(base ? { base } : {}) };
}

/** collections.namedtuple("P", ["x", "y"]), ("P", "x y"). */
export function namedTuple(c: Converter, call: PyNode): ClassDef {
  const [name, list] = nodes(call["args"]), defaults = nodes(call["keywords"]).find((k) => k["arg"] === "defaults"), loc = c.loc(call);
  const of = (n: PyNode | undefined): readonly string[] | undefined => (n?.nodeType === "Constant" && typeof n["value"] === "string" ? n["value"].split(/[\s,]+/).filter((x) => x !== "")
    : (n?.nodeType === "List" || n?.nodeType === "Tuple") && nodes(n["elts"]).every((e) => typeof e["value"] === "string") ? nodes(n["elts"]).map((e) => text(e["value"])) : undefined);
  const names = of(list), given = defaults && node(defaults["value"]), values = given && (given.nodeType === "Tuple" || given.nodeType === "List") ? nodes(given["elts"]) : [];
  if (!names || nodes(call["keywords"]).some((k) => k !== defaults)) c.problem("a named tuple whose fields are not written out", call, "write the fields' names as literals");
  const fields = (names ?? []).map((n, i, all): Field => { const d = values[i - (all.length - values.length)]; return { name: n, init: true, at: call, ...(d ? { default: d } : {}) }; });
  return { name: text(name?.["value"]), fields: fields.map((f) => f.name), tuple: true, fixed: true, methods: new Map([["__new__", { def: maker(c, fields, loc), kind: "static" as const }]]), constants: new Map(), loc };
}

/** What its decorators and bases make of a class. */
function kindOf(c: Converter, s: PyNode, report: boolean): { readonly data: boolean; readonly frozen: boolean; readonly tuple: boolean; readonly keywordOnly: boolean } {
  let data = false, frozen = false, keywordOnly = false;
  for (const d of nodes(s["decorator_list"])) {
    const callee = d.nodeType === "Call" ? node(d["func"]) : d;
    if (!/^dataclasses\.dataclass$/.test(c.importedAs(callee) ?? "")) { if (report) c.problem("a decorator that may change the class", d, "leave it out"); continue; }
    data = true;
    for (const k of d.nodeType === "Call" ? nodes(d["keywords"]) : []) {
      const on = node(k["value"])["value"] === true;
      if (k["arg"] === "frozen") frozen = on; else if (k["arg"] === "kw_only") keywordOnly = on; else if (report && k["arg"] === "init" && !on) c.problem("a data class without an initializer", d, "write an ordinary class");
    }
  }
  return { data, frozen, keywordOnly, tuple: nodes(s["bases"]).some((b) => c.importedAs(b) === "typing.NamedTuple") };
}
const nameOf = (c: Converter, b: PyNode): string => c.importedAs(b) ?? text(b["id"]);
function baseNode(c: Converter, s: PyNode, module: ClassModule): PyNode | undefined {
  return nodes(s["bases"]).find((b) => b.nodeType === "Name" && module.classNamed(text(b["id"])) !== undefined && c.importedAs(b) === undefined);
}
function baseOf(c: Converter, s: PyNode, module: ClassModule): Expr | undefined {
  const own = baseNode(c, s, module);
  for (const b of nodes(s["bases"])) {
    const plain = b.nodeType === "Subscript" ? node(b["value"]) : b;
    if (b !== own && !PLAIN_BASES.test(nameOf(c, plain)) && nameOf(c, plain) !== "typing.NamedTuple") c.problem(`a class that extends ${c.source.slice(b)}`, b, "extend one class of the same file");
  }
  return own && c.moduleExpression(own);
}
function inherits(c: Converter, s: PyNode, module: ClassModule, method: string): boolean {
  const b = baseNode(c, s, module), statement = b && module.classNamed(text(b["id"]));
  return statement !== undefined && (nodes(statement["body"]).some((x) => x.nodeType === "FunctionDef" && x["name"] === method) || inherits(c, statement, module, method));
}

/** The fields that a data class or a named tuple declares, its base's first. */
function fieldsOf(c: Converter, s: PyNode, module: ClassModule): readonly Field[] {
  const b = baseNode(c, s, module), statement = b && module.classNamed(text(b["id"])), kind = kindOf(c, s, false), out = new Map<string, Field>();
  if (statement && kindOf(c, statement, false).data) for (const f of fieldsOf(c, statement, module)) out.set(f.name, f);
  for (const x of nodes(s["body"])) {
    if (x.nodeType !== "AnnAssign" || /^(typing\.)?ClassVar\b/.test(c.source.slice(node(x["annotation"])))) continue;
    const name = text(node(x["target"])["id"]), value = x["value"] ? node(x["value"]) : undefined, call = value?.nodeType === "Call" && c.importedAs(node(value["func"])) === "dataclasses.field" ? value : undefined;
    const option = (k: string): PyNode | undefined => { const o = call && nodes(call["keywords"]).find((y) => y["arg"] === k); return o && node(o["value"]); };
    const factory = option("default_factory"), d = call ? option("default") ?? (factory && { nodeType: "Call", func: factory, args: [], keywords: [], lineno: factory.lineno, col_offset: factory.col_offset, end_lineno: factory.end_lineno, end_col_offset: factory.end_col_offset }) : value;
    out.set(name, { name, at: x, init: option("init")?.["value"] !== false, ...(d ? { default: d } : {}), ...(kind.keywordOnly || option("kw_only")?.["value"] === true ? { keywordOnly: true } : {}) });
  }
  return [...out.values()];
}
/** A default that is a value, not made anew for each instance. */
function isDefault(d: PyNode): boolean { return d.nodeType !== "Call"; }

function params(c: Converter, fields: readonly Field[]): Param[] {
  const own = fields.filter((f) => f.init), param = (f: Field): Param => ({ name: f.name, loc: c.loc(f.at), ...(f.default ? { default: c.moduleExpression(f.default) } : {}), ...(f.keywordOnly ? { keywordOnly: true } : {}) });
  return [...own.filter((f) => !f.keywordOnly), ...own.filter((f) => f.keywordOnly)].map(param);
}
function initializer(c: Converter, fields: readonly Field[], after: boolean, loc: FunctionDef["loc"]): FunctionDef {
  const self: Expr = { kind: "name", name: "self", loc };
  const body: Stmt[] = fields.flatMap((f): Stmt[] => {
    const value: Expr | undefined = f.init ? { kind: "name", name: f.name, loc } : f.default && c.moduleExpression(f.default);
    return value ? [{ kind: "assign", targets: [{ kind: "attribute", object: self, name: f.name, loc }], value, loc }] : [];
  });
  if (after) body.push({ kind: "expression", value: { kind: "call", callee: { kind: "attribute", object: self, name: "__post_init__", loc }, args: [], keywords: [], loc }, loc });
  const all: Param[] = [{ name: "self", loc }, ...params(c, fields)];
  return { name: "__init__", params: all, body, locals: new Set(all.map((p) => p.name)), loc };
}
function maker(c: Converter, fields: readonly Field[], loc: FunctionDef["loc"]): FunctionDef {
  const all = params(c, fields);
  return { name: "__new__", params: all, body: [{ kind: "return", value: { kind: "tuple", elements: fields.map((f): Expr => ({ kind: "name", name: f.name, loc })), loc }, loc }], locals: new Set(all.map((p) => p.name)), loc };
}

const INITIALIZERS = /^(__init__|__post_init__)$/;
/** Names of the instance's attributes: declared, and assigned where it is made. */
function ownFields(s: PyNode, fields: readonly Field[]): ReadonlySet<string> {
  const out = new Set(fields.map((f) => f.name));
  walk(s["body"], (n) => { if (n.nodeType === "Attribute" && node(n["value"])["id"] === "self") out.add(text(n["attr"])); });
  return out;
}
/** The class that extends nothing of the file, by way of bases. */
function rootOf(c: Converter, s: PyNode, module: ClassModule): PyNode { const b = baseNode(c, s, module), statement = b && module.classNamed(text(b["id"])); return statement && statement !== s ? rootOf(c, statement, module) : s; }
/** The module may assign one of the attributes to an instance that has been made. `related`: the methods of that class may be given such an instance. */
function changes(names: ReadonlySet<string>, body: readonly PyNode[], related: (cls: PyNode) => boolean): boolean {
  let found = false;
  const first = (f: PyNode): string => text(nodes(node(f["args"])["args"])[0]?.["arg"]);
  const target = (t: PyNode | undefined, self: string | undefined): void => {
    if (!t) return;
    if (t.nodeType === "Tuple" || t.nodeType === "List") for (const x of nodes(t["elts"])) target(x, self);
    else if (t.nodeType === "Starred") target(node(t["value"]), self);
    else if (t.nodeType === "Attribute" && names.has(text(t["attr"])) && !(self !== undefined && node(t["value"])["id"] === self)) found = true;
  };
  const visit = (x: unknown, self: string | undefined): void => {
    walk(x, (n) => {
      switch (n.nodeType) {
        case "ClassDef":
          for (const m of nodes(n["body"])) visit(m.nodeType === "FunctionDef" ? m["body"] : m, m.nodeType === "FunctionDef" && (INITIALIZERS.test(text(m["name"])) || !related(n)) ? first(m) : undefined);
          return false;
        case "Assign": for (const t of nodes(n["targets"])) target(t, self); return true;
        case "AugAssign": case "AnnAssign": case "For": target(n["target"] as PyNode, self); return true;
        case "Delete": for (const t of nodes(n["targets"])) target(t, self); return true;
        case "Call": if (/^(setattr|delattr|vars)$/.test(text(node(n["func"])["id"]))) found = true; return true;
        case "Attribute": if (n["attr"] === "__dict__") found = true; return true;
        default: return true;
      }
    });
  };
  visit(body, undefined);
  return found;
}
