/** Python expressions → array program. Keeps the order of evaluation: what must happen before the expression becomes statements. */
import type { SourceLoc } from "../../base/errors.js";
import type { Argument, BinaryOp, CompareOp, Expr, FunctionDef, IndexItem, Keyword, Stmt, Target } from "../array/ast.js";
import { BUILTINS, isWritingFunction, isWritingMethod, libraryName } from "./imports.js";
import { closest } from "../array/library/suggest.js";
import { targetNames, type Globals, type Scope } from "./scope.js";
import { node, nodes, text, walk, type Problems, type PyNode, type Source } from "./tree.js";

export const BINARY: Readonly<Record<string, BinaryOp>> = {
  Add: "+", Sub: "-", Mult: "*", Div: "/", FloorDiv: "//", Mod: "%", Pow: "**", MatMult: "@", BitAnd: "&", BitOr: "|", BitXor: "^", LShift: "<<", RShift: ">>",
};
const COMPARE: Readonly<Record<string, CompareOp>> = { Eq: "==", NotEq: "!=", Lt: "<", LtE: "<=", Gt: ">", GtE: ">=", Is: "is", IsNot: "isnot", In: "in", NotIn: "notin" };
/** Expressions that are refused, with what to write instead. */
const REFUSED: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  SetComp: ["a set comprehension", "use a list or an array"], Set: ["a set", "use a tuple or an array"],
  Await: ["await", "write it synchronously"], Yield: ["yield", "fill an array, or return a list"], YieldFrom: ["yield from", "fill an array, or return a list"], Starred: ["* in a tuple or list", "write the elements out"],
  Slice: ["a slice here", "slice an array"],
};

/** What of the statement being converted has been evaluated so far; an assignment inside an expression may move before the statement if that has not touched it. */
interface Evaluated { readonly hoisted: Stmt[]; read: Set<string>; /** Something was computed from memory, not only named. */ worked: boolean; /** A call that may write was made. */ wrote: boolean; /** Depth of arms that may not be evaluated. */ arms: number }

export abstract class Expressions {
  protected scope: Scope | undefined;
  protected evaluated: Evaluated | undefined;
  constructor(readonly source: Source, readonly problems: Problems, readonly globals: Globals) {}

  abstract functionDef(s: PyNode): FunctionDef;

  loc(n: PyNode): SourceLoc { return this.source.loc(n); }
  protected refuse(what: string, n: PyNode, hint: string): Expr { const loc = this.loc(n); this.problems.add(what, loc, hint); return { kind: "none", loc }; }

  // ---- names ----
  /** The name that a Python name has in the array program, if a function around binds it. */
  protected localName(name: string): string | undefined {
    for (let s = this.scope; s; s = s.parent) { const n = s.names.get(name); if (n !== undefined) return n; if (s.imports.has(name)) return undefined; }
    return undefined;
  }
  /** The dotted path of a name bound by an import, or of an attribute of one. */
  protected path(n: PyNode): string | undefined {
    if (n.nodeType === "Attribute") { const p = this.path(node(n["value"])); return p === undefined ? undefined : `${p}.${text(n["attr"])}`; }
    if (n.nodeType !== "Name") return undefined;
    const name = text(n["id"]);
    for (let s = this.scope; s; s = s.parent) { if (s.names.has(name)) return undefined; const p = s.imports.get(name); if (p !== undefined) return p; }
    return this.globals.importPath(name);
  }
  #imported(path: string, n: PyNode): Expr {
    const name = libraryName(path);
    if (name !== undefined) return { kind: "library", name, loc: this.loc(n) };
    return this.refuse(`${path}, which is of a module that is not supported`, n, "write it with NumPy, or pass what it gives as an argument");
  }
  #name(n: PyNode): Expr {
    const id = text(n["id"]), local = this.localName(id), loc = this.loc(n);
    if (local !== undefined) { this.evaluated?.read.add(local); return { kind: "name", name: local, loc }; }
    const path = this.path(n);
    if (path !== undefined) return this.#imported(path, n);
    const global = this.globals.resolve(id, n);
    if (global) return global;
    if (BUILTINS.has(id)) return { kind: "library", name: id, loc };
    return this.refuse(`the name ${id}, which the file does not define`, n, this.#alike(id) ?? "define it, or pass it as an argument");
  }

  /** A variable of the function with almost that name. */
  #alike(id: string): string | undefined {
    const names = new Set<string>();
    for (let s = this.scope; s; s = s.parent) for (const n of s.names.keys()) names.add(n);
    const near = id.length > 1 ? closest(id, names) : undefined;
    return near === undefined || near.length < 2 ? undefined : `did you mean ${near}? Else define it, or pass it as an argument`;
  }

  // ---- evaluation order ----
  /** Runs `f` with a fresh list for what it must do before; gives both. */
  protected hoisting<T>(f: () => T): { readonly before: Stmt[]; readonly value: T } {
    const old = this.evaluated, mine: Evaluated = { hoisted: [], read: new Set(), worked: false, wrote: false, arms: 0 };
    this.evaluated = mine;
    try { const value = f(); return { before: mine.hoisted, value }; } finally { this.evaluated = old; }
  }
  /** Runs `f` where nothing can be hoisted: defaults, lambdas, comprehensions. */
  protected fixed<T>(f: () => T): T {
    const old = this.evaluated;
    this.evaluated = undefined;
    try { return f(); } finally { this.evaluated = old; }
  }
  #arm<T>(f: () => T): T {
    const e = this.evaluated;
    if (e) e.arms++;
    try { return f(); } finally { if (e) e.arms--; }
  }
  #worked(e: Expr): Expr { if (this.evaluated) this.evaluated.worked = true; return e; }
  /** Assigns the value to a name before the statement, if nothing evaluated earlier could tell the difference. */
  #hoist(name: string, value: PyNode, n: PyNode, what: string): Expr {
    const e = this.evaluated, loc = this.loc(n), hint = "assign it in a statement of its own before";
    if (!e) return this.refuse(`${what} here`, n, hint);
    if (e.arms > 0) return this.refuse(`${what} in a part that may not be evaluated`, n, hint);
    if (e.read.has(name) || e.wrote) return this.refuse(`${what} after a use of what it may change`, n, hint);
    const { worked } = e, read = new Set(e.read);
    const v = this.expr(value);
    if (e.wrote && worked) return this.refuse(`${what} whose value calls a function, after other computations`, n, hint);
    e.hoisted.push({ kind: "assign", targets: [{ kind: "name", name, loc }], value: v, loc });
    Object.assign(e, { worked, read, wrote: false });
    e.read.add(name);
    return { kind: "name", name, loc };
  }
  /** A name that the program cannot have. */
  protected temporary(what: string): string {
    const { locals } = this.scope!;
    for (let k = 0; ; k++) { const name = `${what}$${k}`; if (!locals.has(name)) { locals.add(name); return name; } }
  }
  /** Whether evaluating a node may write to something: it calls a function of the program, or one that is known to write. */
  protected mayWrite(n: PyNode): boolean {
    let found = false;
    walk(n, (x) => {
      if (x.nodeType === "Lambda") return false;
      if (x.nodeType === "NamedExpr" || (x.nodeType === "Call" && this.#callWrites(x))) found = true;
      return !found;
    });
    return found;
  }
  #callWrites(call: PyNode): boolean {
    const func = node(call["func"]), path = this.path(func), library = path === undefined ? undefined : libraryName(path);
    if (nodes(call["keywords"]).some((k) => k["arg"] === "out")) return true;
    if (library !== undefined) return isWritingFunction(library) || this.#positionalOut(library, nodes(call["args"]).length);
    if (func.nodeType === "Attribute") return isWritingMethod(text(func["attr"]));
    if (func.nodeType === "Name") { const id = text(func["id"]); return this.localName(id) !== undefined || this.globals.has(id) || !BUILTINS.has(id); }
    return true;
  }
  /** Elementwise functions take `out` after their operands. */
  #positionalOut(name: string, count: number): boolean { return count >= 3 && /^np\.(add|subtract|multiply|divide|true_divide|floor_divide|mod|remainder|power|maximum|minimum|fmax|fmin|arctan2|hypot|logical_\w+|bitwise_\w+|less|less_equal|greater|greater_equal|equal|not_equal|matmul|dot|copysign)$/.test(name)
    || (count === 2 && /^np\.(negative|abs|absolute|sqrt|square|exp|log|sin|cos|tan|tanh|sinh|cosh|floor|ceil|sign|reciprocal|logical_not|invert|conj|conjugate|exp2|expm1|log2|log10|log1p|arcsin|arccos|arctan|rint|trunc|isnan|isfinite|isinf|fabs)$/.test(name)); }

  // ---- targets and subscripts ----
  target(t: PyNode): Target {
    const loc = this.loc(t);
    switch (t.nodeType) {
      case "Name": return { kind: "name", name: this.localName(text(t["id"])) ?? text(t["id"]), loc };
      case "Subscript": case "Attribute": {
        this.#ownMemory(t);
        const object = this.expr(node(t["value"]));
        return t.nodeType === "Subscript" ? { kind: "index", object, items: this.items(node(t["slice"])), loc } : { kind: "attribute", object, name: text(t["attr"]), loc };
      }
      case "Tuple": case "List": {
        const elements = nodes(t["elts"]), rest = elements.at(-1)?.nodeType === "Starred";
        if (elements.slice(0, -1).some((e) => e.nodeType === "Starred")) this.refuse("a starred target that is not the last", t, "name the elements");
        return { kind: "tuple", elements: elements.map((e) => this.target(e.nodeType === "Starred" ? node(e["value"]) : e)), loc, ...(rest ? { rest } : {}) };
      }
      default: this.refuse("this assignment target", t, "assign to a name, an element or a slice"); return { kind: "name", name: "_", loc };
    }
  }
  /** What a function does to a module-level array would last from call to call. */
  #ownMemory(t: PyNode): void {
    let base = t;
    while (base.nodeType === "Subscript" || base.nodeType === "Attribute") base = node(base["value"]);
    if (base.nodeType === "Name" && this.localName(text(base["id"])) === undefined && this.globals.has(text(base["id"]))) this.refuse(`assigning to a part of the module-level ${text(base["id"])}`, t, "make the array in the function, or pass it as an argument");
  }

  items(s: PyNode): IndexItem[] {
    const list = s.nodeType === "Tuple" ? nodes(s["elts"]) : [s];
    return list.map((x): IndexItem => {
      const loc = this.loc(x);
      if (x.nodeType === "Slice") {
        const part = (k: string): Expr | undefined => (x[k] ? this.expr(node(x[k])) : undefined);
        const start = part("lower"), stop = part("upper"), step = part("step");
        return { kind: "slice", loc, ...(start ? { start } : {}), ...(stop ? { stop } : {}), ...(step ? { step } : {}) };
      }
      if (x.nodeType === "Constant" && (x["value"] === null || x["value"] === undefined)) return { kind: "newaxis", loc };
      if (this.#isEllipsis(x)) return { kind: "ellipsis", loc };
      const value = this.expr(x);
      return value.kind === "library" && value.name === "np.newaxis" ? { kind: "newaxis", loc } : { kind: "expr", value };
    });
  }
  #isEllipsis(x: PyNode): boolean { return (x.nodeType === "Constant" && x["value"] === "..." && !x["quote_style"]) || (x.nodeType === "Name" && text(x["id"]) === "Ellipsis" && this.localName("Ellipsis") === undefined); }

  // ---- expressions ----
  expr(n: PyNode): Expr {
    const loc = this.loc(n);
    switch (n.nodeType) {
      case "Constant": return this.#constant(n, loc);
      case "Name": return this.#name(n);
      case "BinOp": {
        const op = BINARY[node(n["op"]).nodeType];
        if (!op) return this.refuse("this operator", n, "use an arithmetic operator");
        const left = this.expr(node(n["left"])), right = this.expr(node(n["right"]));
        return this.#worked({ kind: "binary", op, left, right, loc });
      }
      case "UnaryOp": {
        const op = ({ USub: "-", UAdd: "+", Not: "not", Invert: "~" } as const)[node(n["op"]).nodeType as "USub"];
        return this.#worked({ kind: "unary", op, operand: this.expr(node(n["operand"])), loc });
      }
      case "BoolOp": {
        const op = node(n["op"]).nodeType === "And" ? "and" : "or";
        const values = nodes(n["values"]).map((v, i) => (i === 0 ? this.expr(v) : this.#arm(() => this.expr(v))));
        return values.reduce((left, right): Expr => ({ kind: "logical", op, left, right, loc }));
      }
      case "Compare": return this.#worked(this.#compare(n, loc));
      case "IfExp": {
        const test = this.expr(node(n["test"])), then = this.#arm(() => this.expr(node(n["body"]))), otherwise = this.#arm(() => this.expr(node(n["orelse"])));
        return { kind: "conditional", test, then, otherwise, loc };
      }
      case "Attribute": {
        const path = this.path(n);
        if (path !== undefined) return this.#imported(path, n);
        return { kind: "attribute", object: this.expr(node(n["value"])), name: text(n["attr"]), loc };
      }
      case "Subscript": { const object = this.expr(node(n["value"])), items = this.items(node(n["slice"])); return this.#worked({ kind: "index", object, items, loc }); }
      case "Call": return this.#call(n, loc);
      case "Tuple": case "List": return { kind: n.nodeType === "Tuple" ? "tuple" : "list", elements: nodes(n["elts"]).map((e) => this.expr(e)), loc };
      case "Lambda": return { kind: "function", def: this.functionDef(n), loc };
      case "ListComp": return this.#comprehension(n, loc);
      // Pairs of keys and values, made a dictionary.
      case "DictComp": return { kind: "call", callee: { kind: "library", name: "dict", loc }, args: [{ value: this.#comprehension(n, loc) }], keywords: [], loc };
      case "GeneratorExp": return this.refuse("a generator that is not the argument of a function such as sum", n, "use a list comprehension");
      case "NamedExpr": { const id = text(node(n["target"])["id"]); return this.#hoist(this.localName(id) ?? id, node(n["value"]), n, "an assignment expression (:=)"); }
      case "Dict": {
        const keys = (n["keys"] ?? []) as readonly (PyNode | null)[], values = nodes(n["values"]);
        if (keys.some((k) => k?.nodeType !== "Constant" || typeof k["value"] !== "string")) return this.refuse("a dictionary whose keys are not string literals", n, "use variables or tuples");
        return { kind: "object", entries: keys.map((k, i) => ({ key: text(k!["value"]), value: this.expr(values[i]!) })), loc };
      }
      case "JoinedStr": return { kind: "string", value: this.message(n), loc };
      default: { const [what, hint] = REFUSED[n.nodeType] ?? [`the expression ${n.nodeType}`, "see the list of supported constructs"]; return this.refuse(what, n, hint); }
    }
  }

  /** a < b < c is (a < b) and (b < c), with b evaluated once: a middle operand that may write is stored first. */
  #compare(n: PyNode, loc: SourceLoc): Expr {
    const ops = nodes(n["ops"]), comparators = nodes(n["comparators"]), operands: Expr[] = [this.expr(node(n["left"]))];
    comparators.forEach((c, i) => {
      const middle = i < comparators.length - 1, convert = (): Expr => (middle && this.mayWrite(c) && c.nodeType !== "NamedExpr"
        ? (this.scope ? this.#hoist(this.temporary("chain"), c, c, "a call in the middle of a chained comparison") : this.refuse("a call in the middle of a chained comparison", c, "store its value first")) : this.expr(c));
      operands.push(i === 0 ? convert() : this.#arm(convert));
    });
    return ops.map((o, i): Expr => ({ kind: "compare", op: COMPARE[o.nodeType]!, left: operands[i]!, right: operands[i + 1]!, loc }))
      .reduce((left, right): Expr => ({ kind: "logical", op: "and", left, right, loc }));
  }

  #call(n: PyNode, loc: SourceLoc): Expr {
    const callee = this.expr(node(n["func"]));
    const argument = (a: PyNode): Expr => (a.nodeType === "GeneratorExp" && callee.kind === "library" ? this.#comprehension(a, this.loc(a)) : this.expr(a));
    const args = nodes(n["args"]).map((a): Argument => (a.nodeType === "Starred" ? { value: this.expr(node(a["value"])), spread: true } : { value: argument(a) }));
    const keywords: Keyword[] = [];
    for (const k of nodes(n["keywords"])) {
      if (!k["arg"]) keywords.push({ name: "**", value: this.expr(node(k["value"])), spread: true });
      else keywords.push({ name: text(k["arg"]), value: this.expr(node(k["value"])) });
    }
    if (this.evaluated && this.#callWrites(n)) this.evaluated.wrote = true;
    if (callee.kind === "library") this.problems.calls(callee.name, loc);
    return this.#worked({ kind: "call", callee, args, keywords, loc });
  }

  /** The comprehension's variables are its own: they are renamed where the function or the module has the name for something else. */
  #comprehension(n: PyNode, loc: SourceLoc): Expr {
    return this.#generators(n, nodes(n["generators"]), loc);
  }
  #generators(n: PyNode, [g, ...inner]: readonly PyNode[], loc: SourceLoc): Expr {
    if (!g) return n["elt"] ? this.expr(node(n["elt"])) : { kind: "tuple", elements: [this.expr(node(n["key"])), this.expr(node(n["value"]))], loc };
    if (g["is_async"]) return this.refuse("async code", n, "write it synchronously");
    const iterable = this.expr(node(g["iter"]));
    return this.fixed(() => {
      const old = this.scope, names = new Map<string, string>();
      for (const name of targetNames(node(g["target"]))) {
        const taken = this.localName(name) !== undefined || this.globals.has(name) || BUILTINS.has(name) || this.globals.importPath(name) !== undefined;
        const own = taken && old ? this.temporary(name) : name;
        names.set(name, own);
        old?.locals.add(own);
      }
      this.scope = { names, locals: old?.locals ?? new Set(), imports: new Map(), parent: old, labels: [] };
      const target = this.target(node(g["target"])), conditions = nodes(g["ifs"]).map((x) => this.expr(x)), element = this.#generators(n, inner, loc);
      this.scope = old;
      const condition = conditions.length > 0 ? conditions.reduce((left, right): Expr => ({ kind: "logical", op: "and", left, right, loc: left.loc })) : undefined;
      return { kind: "comprehension", element, target, iterable, loc, ...(condition ? { condition } : {}), ...(inner.length > 0 ? { flat: true } : {}) };
    });
  }

  #constant(n: PyNode, loc: SourceLoc): Expr {
    const v = n["value"];
    if (v === null || v === undefined) return { kind: "none", loc };
    if (typeof v === "boolean") return { kind: "boolean", value: v, loc };
    if (typeof v === "bigint") return { kind: "bigint", value: v, loc };
    if (typeof v === "number") {
      const t = this.source.slice(n), integer = /^0[xXoObB]/.test(t) || !/[.eE]/.test(t);
      return integer && !Number.isSafeInteger(v) ? { kind: "bigint", value: BigInt(t.replace(/_/g, "")), loc } : { kind: "number", value: v, integer, loc };
    }
    if (typeof v === "object" && "imag" in v) return { kind: "imaginary", value: Number(v.imag), loc };
    if (this.#isEllipsis(n)) return this.refuse("... here", n, "use ... in a subscript only");
    if (/b/i.test(text(n["quote_style"]))) return this.refuse("bytes", n, "use an array of uint8");
    return { kind: "string", value: v as string, loc };
  }

  /** The text of a message: literal parts as they are, computed parts as {source}. */
  protected message(n: PyNode): string {
    if (n.nodeType === "Constant" && typeof n["value"] === "string") return n["value"];
    if (n.nodeType === "JoinedStr") return nodes(n["values"]).map((v) => (v.nodeType === "FormattedValue" ? `{${this.source.slice(node(v["value"]))}}` : text(v["value"]))).join("");
    return this.source.slice(n);
  }
}
