/** Converts Python functions, statements and expressions into the array program. */
import type { SourceLoc } from "../../base/errors.js";
import type { Argument, BinaryOp, CompareOp, Expr, FunctionDef, IndexItem, Keyword, Param, Stmt, Target } from "../array/ast.js";
import { BUILTINS, targetNames } from "./imports.js";
import { node, nodes, text, type Problems, type PyNode, type Source } from "./tree.js";

const BINARY: Readonly<Record<string, BinaryOp>> = {
  Add: "+", Sub: "-", Mult: "*", Div: "/", FloorDiv: "//", Mod: "%", Pow: "**", MatMult: "@", BitAnd: "&", BitOr: "|", BitXor: "^", LShift: "<<", RShift: ">>",
};
const COMPARE: Readonly<Record<string, CompareOp>> = { Eq: "==", NotEq: "!=", Lt: "<", LtE: "<=", Gt: ">", GtE: ">=", Is: "is", IsNot: "isnot", In: "in", NotIn: "notin" };
const HARMLESS_DECORATORS = /^(numba\.|nb\.)?(njit|jit)\b|^(functools\.)?(lru_cache|cache|wraps)\b|^(typing\.)?(no_type_check|final)\b|^dace?\.program\b|^staticmethod\b/;

interface Scope { readonly locals: ReadonlySet<string>; readonly parent: Scope | undefined; readonly labels: string[] }

export class Converter {
  #scope: Scope | undefined;
  #labels = 0;
  /** `isGlobal` is asked for every free name and notes that it is needed. */
  constructor(readonly source: Source, readonly problems: Problems, readonly imports: ReadonlyMap<string, string>, readonly isGlobal: (name: string) => boolean) {}

  loc(n: PyNode): SourceLoc { return this.source.loc(n); }

  functionDef(s: PyNode, outer: Scope | undefined): FunctionDef {
    const loc = this.loc(s), args = node(s["args"]);
    for (const d of nodes(s["decorator_list"])) if (!HARMLESS_DECORATORS.test(this.source.slice(d))) this.problems.add("a decorator that may change the function", this.loc(d), "name the undecorated function");
    if (args["vararg"] || args["kwarg"]) this.problems.add("a function with * or ** parameters", loc, "name the parameters");
    const old = this.#scope;
    this.#scope = outer;
    const positional = [...nodes(args["posonlyargs"]), ...nodes(args["args"])], defaults = nodes(args["defaults"]);
    const params: Param[] = positional.map((a, i) => {
      const d = defaults[i - (positional.length - defaults.length)];
      return { name: text(a["arg"]), loc: this.loc(a), ...(d ? { default: this.expr(d) } : {}) };
    });
    const kwDefaults = Array.isArray(args["kw_defaults"]) ? (args["kw_defaults"] as (PyNode | null)[]) : [];
    nodes(args["kwonlyargs"]).forEach((a, i) => { const d = kwDefaults[i]; params.push({ name: text(a["arg"]), keywordOnly: true, loc: this.loc(a), ...(d ? { default: this.expr(d) } : {}) }); });
    const seen = new Set<string>();
    for (const p of params) { if (seen.has(p.name)) this.problems.add(`two parameters named ${p.name}`, p.loc); seen.add(p.name); }
    const body = s.nodeType === "Lambda" ? [] : nodes(s["body"]);
    const locals = new Set(params.map((p) => p.name));
    const nonlocal = new Set<string>();
    this.#bind(body, locals, nonlocal);
    for (const n of nonlocal) locals.delete(n);
    this.#scope = { locals, parent: outer, labels: [] };
    const statements: Stmt[] = s.nodeType === "Lambda" ? [{ kind: "return", value: this.expr(node(s["body"])), loc }] : this.body(body);
    this.#scope = old;
    return { name: s.nodeType === "Lambda" ? "<lambda>" : text(s["name"]), params, body: statements, locals, loc };
  }

  /** Names that a function body binds. */
  #bind(body: readonly PyNode[], into: Set<string>, nonlocal: Set<string>): void {
    const walrus = (x: unknown): void => {
      if (Array.isArray(x)) { for (const y of x) walrus(y); return; }
      if (!x || typeof x !== "object") return;
      const n = x as PyNode;
      if (n.nodeType === "NamedExpr") for (const t of targetNames(node(n["target"]))) into.add(t);
      if (n.nodeType === "Lambda" || n.nodeType === "FunctionDef") return;
      for (const v of Object.values(n)) walrus(v);
    };
    for (const s of body) {
      switch (s.nodeType) {
        case "Assign": for (const t of nodes(s["targets"])) for (const n of targetNames(t)) into.add(n); break;
        case "AugAssign": case "AnnAssign": for (const n of targetNames(node(s["target"]))) into.add(n); break;
        case "For": for (const n of targetNames(node(s["target"]))) into.add(n); break;
        case "FunctionDef": into.add(text(s["name"])); continue;
        case "Nonlocal": for (const n of s["names"] as string[]) nonlocal.add(n); break;
        default: break;
      }
      if (s.nodeType !== "FunctionDef") walrus(s);
      for (const k of ["body", "orelse", "finalbody"]) if (Array.isArray(s[k])) this.#bind(nodes(s[k]), into, nonlocal);
    }
  }

  body(list: readonly PyNode[]): Stmt[] { return list.flatMap((s) => this.#statement(s)); }

  #refuse(what: string, n: PyNode, hint: string): Stmt[] { this.problems.add(what, this.loc(n), hint); return []; }

  #statement(s: PyNode): Stmt[] {
    const loc = this.loc(s);
    switch (s.nodeType) {
      case "Expr": {
        const v = node(s["value"]);
        if (v.nodeType === "Constant") return [];
        if (v.nodeType === "Call" && node(v["func"]).nodeType === "Name" && text(node(v["func"])["id"]) === "print" && !this.#isLocal("print")) return [];
        return [...this.#walrus(v), { kind: "expression", value: this.expr(v), loc }];
      }
      case "Assign": return [...this.#walrus(node(s["value"])), { kind: "assign", targets: nodes(s["targets"]).map((t) => this.target(t)), value: this.expr(node(s["value"])), loc }];
      case "AnnAssign": return s["value"] ? [{ kind: "assign", targets: [this.target(node(s["target"]))], value: this.expr(node(s["value"])), loc }] : [];
      case "AugAssign": {
        const op = BINARY[node(s["op"]).nodeType];
        if (!op) return this.#refuse("this operator", s, "use an arithmetic operator");
        return [{ kind: "augmented", op, target: this.target(node(s["target"])), value: this.expr(node(s["value"])), loc }];
      }
      case "If": return [...this.#walrus(node(s["test"])), { kind: "if", test: this.expr(node(s["test"])), then: this.body(nodes(s["body"])), otherwise: this.body(nodes(s["orelse"])), loc }];
      case "For": {
        const label = this.#openLoop();
        const iterable = this.expr(node(s["iter"])), target = this.target(node(s["target"]));
        const body = this.body(nodes(s["body"]));
        this.#scope!.labels.pop();
        const otherwise = nodes(s["orelse"]);
        return [{ kind: "for", target, iterable, body, label, loc, ...(otherwise.length > 0 ? { otherwise: this.body(otherwise) } : {}) }];
      }
      case "While": {
        const label = this.#openLoop();
        const test = this.expr(node(s["test"])), body = this.body(nodes(s["body"]));
        this.#scope!.labels.pop();
        const otherwise = nodes(s["orelse"]);
        return [{ kind: "while", test, body, update: [], testAfter: false, label, loc, ...(otherwise.length > 0 ? { otherwise: this.body(otherwise) } : {}) }];
      }
      case "Break": case "Continue": return [{ kind: s.nodeType === "Break" ? "break" : "continue", label: this.#scope?.labels.at(-1) ?? "", loc }];
      case "Return": return [...(s["value"] ? this.#walrus(node(s["value"])) : []), { kind: "return", loc, ...(s["value"] ? { value: this.expr(node(s["value"])) } : {}) }];
      case "FunctionDef": return [{ kind: "function", def: this.functionDef(s, this.#scope), loc }];
      case "Pass": return [];
      case "Raise": return [{ kind: "raise", message: this.#message(s["exc"]), loc }];
      case "Assert": return [{ kind: "assert", test: this.expr(node(s["test"])), message: s["msg"] ? this.#message(s["msg"]) : `assertion failed: ${this.source.slice(node(s["test"]))}`, loc }];
      case "Nonlocal": return [];
      case "Global": return this.#refuse("assigning to module-level names", s, "return the value instead");
      case "Import": case "ImportFrom": return this.#refuse("an import inside a function", s, "import at the top of the file");
      case "Try": case "TryStar": return this.#refuse("try", s, "test the condition with if");
      case "With": return this.#refuse("with", s, "call the function that the block needs directly");
      case "Delete": return this.#refuse("del", s, "leave the name alone: its memory is reused");
      case "ClassDef": return this.#refuse("a class", s, "use arrays and functions");
      case "Match": return this.#refuse("match", s, "use if and elif");
      case "AsyncFunctionDef": case "AsyncFor": case "AsyncWith": return this.#refuse("async code", s, "write it synchronously");
      default: return this.#refuse(`the statement ${s.nodeType}`, s, "see the list of supported constructs");
    }
  }

  #openLoop(): string {
    const label = `loop${this.#labels++}`;
    this.#scope!.labels.push(label);
    return label;
  }
  #message(x: unknown): string {
    if (!x) return "raised";
    const n = node(x), call = n.nodeType === "Call" ? nodes(n["args"])[0] : n;
    if (call?.nodeType === "Constant" && typeof call["value"] === "string") return call["value"];
    return this.source.slice(call ?? n) || "raised";
  }

  /** Assignments by := in an expression, made before it; refused where that changes the order of evaluation. */
  #walrus(e: PyNode): Stmt[] {
    const out: Stmt[] = [];
    const visit = (x: unknown, safe: boolean): void => {
      if (Array.isArray(x)) { for (const y of x) visit(y, safe); return; }
      if (!x || typeof x !== "object") return;
      const n = x as PyNode;
      if (n.nodeType === "Lambda") return;
      if (n.nodeType === "NamedExpr") {
        if (!safe) this.problems.add(":= in an arm that may not be evaluated", this.loc(n), "assign in a statement before");
        out.push({ kind: "assign", targets: [this.target(node(n["target"]))], value: this.expr(node(n["value"])), loc: this.loc(n) });
        return;
      }
      if (n.nodeType === "BoolOp") { nodes(n["values"]).forEach((v, i) => { visit(v, safe && i === 0); }); return; }
      if (n.nodeType === "IfExp") { visit(n["test"], safe); visit(n["body"], false); visit(n["orelse"], false); return; }
      for (const v of Object.values(n)) visit(v, safe);
    };
    visit(e, true);
    return out;
  }

  target(t: PyNode): Target {
    const loc = this.loc(t);
    switch (t.nodeType) {
      case "Name": return { kind: "name", name: text(t["id"]), loc };
      case "Subscript": return { kind: "index", object: this.expr(node(t["value"])), items: this.#items(node(t["slice"])), loc };
      case "Attribute": return { kind: "attribute", object: this.expr(node(t["value"])), name: text(t["attr"]), loc };
      case "Tuple": case "List": {
        const elements = nodes(t["elts"]);
        const rest = elements.at(-1)?.nodeType === "Starred";
        if (elements.slice(0, -1).some((e) => e.nodeType === "Starred")) this.problems.add("a starred target that is not the last", loc, "name the elements");
        return { kind: "tuple", elements: elements.map((e) => this.target(e.nodeType === "Starred" ? node(e["value"]) : e)), loc, ...(rest ? { rest } : {}) };
      }
      default: this.problems.add("this assignment target", loc, "assign to a name, an element or a slice"); return { kind: "name", name: "_", loc };
    }
  }

  #items(s: PyNode): IndexItem[] {
    const list = s.nodeType === "Tuple" ? nodes(s["elts"]) : [s];
    return list.map((x): IndexItem => {
      const loc = this.loc(x);
      if (x.nodeType === "Slice") {
        const part = (k: string): Expr | undefined => (x[k] ? this.expr(node(x[k])) : undefined);
        const start = part("lower"), stop = part("upper"), step = part("step");
        return { kind: "slice", loc, ...(start ? { start } : {}), ...(stop ? { stop } : {}), ...(step ? { step } : {}) };
      }
      if (x.nodeType === "Constant" && x["value"] === null) return { kind: "newaxis", loc };
      if (this.#isEllipsis(x)) return { kind: "ellipsis", loc };
      const value = this.expr(x);
      if (value.kind === "library" && value.name === "np.newaxis") return { kind: "newaxis", loc };
      return { kind: "expr", value };
    });
  }
  #isEllipsis(x: PyNode): boolean { return (x.nodeType === "Constant" && x["value"] === "..." && !x["quote_style"]) || (x.nodeType === "Name" && text(x["id"]) === "Ellipsis"); }
  #isLocal(name: string): boolean { for (let s = this.#scope; s; s = s.parent) if (s.locals.has(name)) return true; return false; }

  #name(name: string, loc: SourceLoc): Expr {
    if (this.#isLocal(name)) return { kind: "name", name, loc };
    const library = this.imports.get(name);
    if (library) return { kind: "library", name: library, loc };
    if (this.isGlobal(name)) return { kind: "name", name, loc };
    if (BUILTINS.has(name)) return { kind: "library", name, loc };
    this.problems.add(`the name ${name}, which is not defined in the file`, loc, "define it, or pass it as an argument");
    return { kind: "none", loc };
  }

  expr(n: PyNode): Expr {
    const loc = this.loc(n);
    switch (n.nodeType) {
      case "Constant": return this.#constant(n, loc);
      case "Name": return this.#name(text(n["id"]), loc);
      case "BinOp": {
        const op = BINARY[node(n["op"]).nodeType];
        if (!op) { this.problems.add("this operator", loc); return { kind: "none", loc }; }
        return { kind: "binary", op, left: this.expr(node(n["left"])), right: this.expr(node(n["right"])), loc };
      }
      case "UnaryOp": {
        const op = ({ USub: "-", UAdd: "+", Not: "not", Invert: "~" } as const)[node(n["op"]).nodeType as "USub"];
        return { kind: "unary", op, operand: this.expr(node(n["operand"])), loc };
      }
      case "BoolOp": {
        const op = node(n["op"]).nodeType === "And" ? "and" : "or";
        return nodes(n["values"]).map((v) => this.expr(v)).reduce((left, right): Expr => ({ kind: "logical", op, left, right, loc }));
      }
      case "Compare": {
        const operands = [this.expr(node(n["left"])), ...nodes(n["comparators"]).map((c) => this.expr(c))];
        const pairs = nodes(n["ops"]).map((o, i): Expr => ({ kind: "compare", op: COMPARE[o.nodeType]!, left: operands[i]!, right: operands[i + 1]!, loc }));
        if (pairs.length > 1 && operands.slice(1, -1).some((e) => e.kind === "call")) this.problems.add("a chained comparison with a call in the middle", loc, "store the value in a variable first");
        return pairs.reduce((left, right): Expr => ({ kind: "logical", op: "and", left, right, loc }));
      }
      case "IfExp": return { kind: "conditional", test: this.expr(node(n["test"])), then: this.expr(node(n["body"])), otherwise: this.expr(node(n["orelse"])), loc };
      case "Attribute": {
        const object = this.expr(node(n["value"])), name = text(n["attr"]);
        if (object.kind === "library" && /^(np|math|cmath|scipy)/.test(object.name)) return { kind: "library", name: `${object.name}.${name}`, loc };
        return { kind: "attribute", object, name, loc };
      }
      case "Subscript": return { kind: "index", object: this.expr(node(n["value"])), items: this.#items(node(n["slice"])), loc };
      case "Call": {
        const args = nodes(n["args"]).map((a): Argument => (a.nodeType === "Starred" ? { value: this.expr(node(a["value"])), spread: true } : { value: this.expr(a) }));
        const keywords: Keyword[] = [];
        for (const k of nodes(n["keywords"])) {
          if (!k["arg"]) this.problems.add("** in a call", loc, "name the arguments");
          else keywords.push({ name: text(k["arg"]), value: this.expr(node(k["value"])) });
        }
        return { kind: "call", callee: this.expr(node(n["func"])), args, keywords, loc };
      }
      case "Tuple": case "List": {
        if (nodes(n["elts"]).some((e) => e.nodeType === "Starred")) this.problems.add("* in a tuple or list", loc, "write the elements out");
        return { kind: n.nodeType === "Tuple" ? "tuple" : "list", elements: nodes(n["elts"]).map((e) => this.expr(e)), loc };
      }
      case "Lambda": return { kind: "function", def: this.functionDef(n, this.#scope), loc };
      case "ListComp": case "GeneratorExp": return this.#comprehension(n, loc);
      case "NamedExpr": return { kind: "name", name: text(node(n["target"])["id"]), loc };
      case "Dict": {
        const keys = nodes(n["keys"]), values = nodes(n["values"]);
        if (keys.some((k) => !k || k.nodeType !== "Constant" || typeof k["value"] !== "string")) { this.problems.add("a dictionary whose keys are not string literals", loc, "use variables or tuples"); return { kind: "none", loc }; }
        return { kind: "object", entries: keys.map((k, i) => ({ key: text(k["value"]), value: this.expr(values[i]!) })), loc };
      }
      case "JoinedStr": return { kind: "string", value: this.source.slice(n), loc };
      default: {
        const what: Record<string, string> = { SetComp: "a set comprehension", DictComp: "a dictionary comprehension", Await: "await", Yield: "yield", YieldFrom: "yield", Set: "a set", Starred: "* here" };
        this.problems.add(what[n.nodeType] ?? `the expression ${n.nodeType}`, loc, "see the list of supported constructs");
        return { kind: "none", loc };
      }
    }
  }

  #comprehension(n: PyNode, loc: SourceLoc): Expr {
    const generators = nodes(n["generators"]);
    const g = generators[0]!;
    if (generators.length !== 1 || nodes(g["ifs"]).length > 1) { this.problems.add("a comprehension with several loops or conditions", loc, "write the loops out"); return { kind: "none", loc }; }
    const iterable = this.expr(node(g["iter"]));
    // The variables are the comprehension's own: renamed apart so that they do not clash with the function's.
    const names = targetNames(node(g["target"]));
    const inner = new Set(names);
    const old = this.#scope;
    this.#scope = { locals: inner, parent: old, labels: old?.labels ?? [] };
    const target = this.target(node(g["target"])), element = this.expr(node(n["elt"])), ifs = nodes(g["ifs"]).map((x) => this.expr(x));
    this.#scope = old;
    return { kind: "comprehension", element, target, iterable, loc, ...(ifs[0] ? { condition: ifs[0] } : {}) };
  }

  #constant(n: PyNode, loc: SourceLoc): Expr {
    const v = n["value"];
    if (v === null || v === undefined) return { kind: "none", loc };
    if (typeof v === "boolean") return { kind: "boolean", value: v, loc };
    if (typeof v === "bigint") return { kind: "bigint", value: v, loc };
    if (typeof v === "number") {
      const t = this.source.slice(n);
      return { kind: "number", value: v, integer: Number.isInteger(v) && (/^0[xXoObB]/.test(t) || !/[.eE]/.test(t)), loc };
    }
    if (typeof v === "object" && "imag" in v) return { kind: "imaginary", value: Number((v as { imag: unknown }).imag), loc };
    if (this.#isEllipsis(n)) { this.problems.add("... here", loc); return { kind: "none", loc }; }
    return { kind: "string", value: String(v), loc };
  }
}
