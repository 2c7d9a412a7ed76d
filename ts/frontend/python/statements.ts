/** Python functions and statements → array program. */
import type { ClassDef, Expr, FunctionDef, Param, Stmt } from "../array/ast.js";
import { classDef, namedTuple, type ClassModule } from "./classes.js";
import { BINARY, Expressions } from "./expressions.js";
import { isHarmlessDecorator, libraryName } from "./imports.js";
import { boundIn } from "./scope.js";
import { node, nodes, text, walk, type PyNode } from "./tree.js";

/** Statements that are refused, with what to write instead. */
const REFUSED: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  TryStar: ["try", "test the condition with if"], ClassDef: ["a class", "use arrays and functions"],
  AsyncFunctionDef: ["async code", "write it synchronously"], AsyncFor: ["async code", "write it synchronously"], AsyncWith: ["async code", "write it synchronously"], TypeAlias: ["a type alias in a function", "move it to the top of the file"],
};
/** Context managers that change only warnings and printing. */
const HARMLESS_CONTEXT = /^np\.(errstate|printoptions)$/;

function find(list: readonly PyNode[], f: (n: PyNode) => boolean): PyNode | undefined {
  let found: PyNode | undefined;
  walk(list, (n) => { if (/^(FunctionDef|Lambda|ClassDef)$/.test(n.nodeType)) return false; if (!found && f(n)) found = n; return !found; });
  return found;
}

export class Converter extends Expressions {
  classDef(s: PyNode, module: ClassModule): ClassDef { return classDef(this, s, module); }
  namedTuple(call: PyNode): ClassDef | undefined { return call.nodeType === "Call" && /^collections\.namedtuple$/.test(this.path(node(call["func"])) ?? "") ? namedTuple(this, call) : undefined; }
  /** The dotted path of an imported name. */
  importedAs(n: PyNode): string | undefined { return this.path(n); }
  /** A problem at a node. */
  problem(what: string, n: PyNode, hint: string): void { this.refuse(what, n, hint); }
  #labels = 0;

  /** `own`: decorators that its class sees to. */
  functionDef(s: PyNode, own?: RegExp): FunctionDef {
    const loc = this.loc(s), args = node(s["args"]), lambda = s.nodeType === "Lambda";
    let elementwise = false;
    for (const d of nodes(s["decorator_list"])) {
      const callee = d.nodeType === "Call" ? node(d["func"]) : d;
      if (/^np\.vectorize$/.test(libraryName(this.path(callee) ?? "") ?? "") && d.nodeType !== "Call") { elementwise = true; continue; }
      if (own?.test(this.source.slice(callee))) continue;
      if (!isHarmlessDecorator(this.path(callee) ?? this.source.slice(callee))) this.refuse("a decorator that may change the function", d, "name a function without it");
    }
    const params = this.fixed(() => this.#params(args));
    const body = lambda ? [] : nodes(s["body"]), bound = boundIn(body);
    const names = new Set([...params.map((p) => p.name), ...bound.names]);
    for (const [name, at] of bound.nonlocals) if (this.localName(name) === undefined) this.refuse(`nonlocal ${name}, which no function around binds`, at, "bind it in the function around");
    for (const [name, at] of bound.globals) if (bound.assigned.has(name)) this.refuse(`assigning to the module-level name ${name}`, at, "return the value instead");
    const outer = this.scope;
    // A name that is imported in the function is not looked up outside.
    this.scope = { names: new Map([...names].map((n) => [n, n])), locals: new Set(names), imports: bound.imports, parent: outer, labels: [] };
    const { locals } = this.scope;
    const converted: Stmt[] = lambda ? [{ kind: "return", value: this.fixed(() => this.expr(node(s["body"]))), loc }] : this.body(body);
    this.scope = outer;
    const def: FunctionDef = { name: lambda ? "<lambda>" : text(s["name"]), params, body: converted, locals, loc };
    return elementwise ? { ...def, elementwise: def } : def;
  }
  #params(args: PyNode): Param[] {
    const positional = [...nodes(args["posonlyargs"]), ...nodes(args["args"])], defaults = nodes(args["defaults"]);
    const param = (a: PyNode, d: PyNode | null | undefined): Param => ({ name: text(a["arg"]), loc: this.loc(a), ...(d ? { default: this.expr(d) } : {}) });
    const kwDefaults = (args["kw_defaults"] ?? []) as readonly (PyNode | null)[];
    return [
      ...positional.map((a, i) => param(a, defaults[i - (positional.length - defaults.length)])),
      ...(args["vararg"] ? [{ ...param(node(args["vararg"]), undefined), keywordOnly: true, rest: true }] : []),
      ...nodes(args["kwonlyargs"]).map((a, i): Param => ({ ...param(a, kwDefaults[i]), keywordOnly: true })),
      ...(args["kwarg"] ? [{ ...param(node(args["kwarg"]), undefined), keywordOnly: true, restKeywords: true }] : []),
    ];
  }

  /** An expression at module level, outside all functions. */
  moduleExpression(n: PyNode): Expr { this.scope = undefined; return this.fixed(() => this.expr(n)); }

  body(list: readonly PyNode[]): Stmt[] {
    return list.flatMap((s) => { const { before, value } = this.hoisting(() => this.#statement(s)); return [...before, ...value]; });
  }

  #statement(s: PyNode): Stmt[] {
    const loc = this.loc(s);
    switch (s.nodeType) {
      case "Expr": return this.#expressionStatement(node(s["value"]));
      case "Assign": { const value = this.expr(node(s["value"])); return [{ kind: "assign", targets: nodes(s["targets"]).map((t) => this.target(t)), value, loc }]; }
      case "AnnAssign": { if (!s["value"]) return []; const value = this.expr(node(s["value"])); return [{ kind: "assign", targets: [this.target(node(s["target"]))], value, loc }]; }
      case "AugAssign": {
        const op = BINARY[node(s["op"]).nodeType];
        if (!op) { this.refuse("this operator", s, "use an arithmetic operator"); return []; }
        const t = node(s["target"]);
        // The target's old value is read before the right-hand side is evaluated.
        if (t.nodeType === "Name") this.evaluated!.read.add(this.localName(text(t["id"])) ?? text(t["id"]));
        else this.evaluated!.worked = true;
        const target = this.target(t);
        return [{ kind: "augmented", op, target, value: this.expr(node(s["value"])), loc }];
      }
      case "If": {
        const test = this.expr(node(s["test"])), then = this.body(nodes(s["body"])), otherwise = this.body(nodes(s["orelse"]));
        return [{ kind: "if", test, then, otherwise, loc }];
      }
      case "For": {
        const iterable = this.expr(node(s["iter"])), target = this.fixed(() => this.target(node(s["target"]))), label = this.#label();
        const body = this.#inLoop(label, nodes(s["body"])), otherwise = nodes(s["orelse"]);
        return [{ kind: "for", target, iterable, body, label, loc, ...(otherwise.length > 0 ? { otherwise: this.body(otherwise) } : {}) }];
      }
      case "While": return [this.#while(s)];
      case "Break": case "Continue": return [{ kind: s.nodeType === "Break" ? "break" : "continue", label: this.scope!.labels.at(-1)!, loc }];
      case "Return": return [{ kind: "return", loc, ...(s["value"] ? { value: this.expr(node(s["value"])) } : {}) }];
      case "FunctionDef": return [{ kind: "function", def: this.functionDef(s), loc }];
      case "Pass": case "Nonlocal": case "Global": case "Import": case "ImportFrom": return [];
      case "Delete":
        // A name that is deleted is not used again by a program that runs; its memory is reused anyway.
        return nodes(s["targets"]).flatMap((t): Stmt[] => {
          if (t.nodeType === "Name") return [];
          const at = t.nodeType === "Subscript" ? node(t["slice"]) : undefined;
          if (!at || at.nodeType === "Slice" || at.nodeType === "Tuple") { this.refuse("del of a part", t, "make a new array without it"); return []; }
          const object = this.expr(node(t["value"]));
          return [{ kind: "expression", value: { kind: "call", callee: { kind: "attribute", object, name: "pop", loc: this.loc(t) }, args: [{ value: this.expr(at) }], keywords: [], loc: this.loc(t) }, loc }];
        });
      case "Raise": return [{ kind: "raise", message: this.#raised(s), loc }];
      case "Assert": {
        const test = this.expr(node(s["test"])), message = s["msg"] ? this.message(node(s["msg"])) : `assertion failed: ${this.source.slice(node(s["test"]))}`;
        return [{ kind: "assert", test, message, loc }];
      }
      case "With": return this.#with(s);
      case "Try": return this.#try(s);
      case "Match": return this.#match(s);
      default: { const [what, hint] = REFUSED[s.nodeType] ?? [`the statement ${s.nodeType}`, "see the list of supported constructs"]; this.refuse(what, s, hint); return []; }
    }
  }

  #expressionStatement(v: PyNode): Stmt[] {
    if (v.nodeType === "Constant" || v.nodeType === "JoinedStr") return [];
    const callee = v.nodeType === "Call" ? node(v["func"]) : undefined;
    // What is printed is not seen; what computing it changes is.
    if (callee?.nodeType === "Name" && callee["id"] === "print" && this.localName("print") === undefined && !this.globals.has("print")) {
      return nodes(v["args"]).filter((a) => this.mayWrite(a)).map((a): Stmt => ({ kind: "expression", value: this.expr(a), loc: this.loc(a) }));
    }
    return [{ kind: "expression", value: this.expr(v), loc: this.loc(v) }];
  }

  /** `while test`, where evaluating the test may need statements: then they open the body. */
  #while(s: PyNode): Stmt {
    const loc = this.loc(s), label = this.#label(), { before, value: test } = this.hoisting(() => this.expr(node(s["test"])));
    const body = this.#inLoop(label, nodes(s["body"])), otherwise = nodes(s["orelse"]);
    const after = otherwise.length > 0 ? this.body(otherwise) : undefined;
    if (before.length === 0) return { kind: "while", test, body, update: [], testAfter: false, label, loc, ...(after ? { otherwise: after } : {}) };
    const leave: Stmt[] = [...(after ?? []), { kind: "break", label, loc }];
    return { kind: "while", test: { kind: "boolean", value: true, loc }, body: [...before, { kind: "if", test, then: [], otherwise: leave, loc }, ...body], update: [], testAfter: false, label, loc };
  }
  #label(): string { return `loop${this.#labels++}`; }
  #inLoop(label: string, body: readonly PyNode[]): Stmt[] {
    this.scope!.labels.push(label);
    const out = this.body(body);
    this.scope!.labels.pop();
    return out;
  }

  /** What cannot raise needs no handlers, and handlers that raise themselves leave an error an error. */
  #try(s: PyNode): Stmt[] {
    const tried = nodes(s["body"]), last = nodes(s["finalbody"]), handlers = nodes(s["handlers"]);
    const leaving = last.length > 0 ? find([...tried, ...handlers, ...nodes(s["orelse"])], (n) => /^(Return|Break|Continue)$/.test(n.nodeType)) : undefined;
    if (leaving) { this.refuse("leaving a block that has a finally", leaving, "keep what is returned in a variable"); return []; }
    const raising = handlers.length > 0 && !handlers.every((h) => nodes(h["body"]).at(-1)?.nodeType === "Raise") ? find(tried, (n) => this.#mayRaise(n)) : undefined;
    if (raising) { this.refuse("try around what may raise an exception", raising, "test the condition with if"); return []; }
    return this.body([...tried, ...nodes(s["orelse"]), ...last]);
  }
  /** Python raises here for some values, where the program goes on with what is not a number. Indices out of range stop the program in any case. */
  #mayRaise(n: PyNode): boolean {
    switch (n.nodeType) {
      case "Raise": case "Assert": case "With": case "For": case "While": return n.nodeType === "Raise" || n.nodeType === "Assert";
      case "BinOp": case "AugAssign": return !/^(Add|Sub|Mult|MatMult|BitAnd|BitOr|BitXor)$/.test(node(n["op"]).nodeType);
      case "Call": {
        const func = node(n["func"]), library = this.path(func) === undefined ? undefined : libraryName(this.path(func)!);
        if (library !== undefined) return !/^np\.[a-z0-9_]+$/.test(library);
        return !(func.nodeType === "Name" && this.localName(text(func["id"])) === undefined && !this.globals.has(text(func["id"])) && /^(len|range|enumerate|zip|abs|min|max|sum)$/.test(text(func["id"]))) && !(func.nodeType === "Attribute" && /^(sum|mean|max|min|copy|reshape|ravel|dot|astype|transpose|append)$/.test(text(func["attr"])));
      }
      default: return false;
    }
  }

  #with(s: PyNode): Stmt[] {
    for (const i of nodes(s["items"])) {
      const e = node(i["context_expr"]), path = e.nodeType === "Call" ? this.path(node(e["func"])) : undefined;
      if (i["optional_vars"] || path === undefined || !HARMLESS_CONTEXT.test(libraryName(path) ?? "")) { this.refuse("with", s, "call what the block needs directly"); return []; }
    }
    return this.body(nodes(s["body"]));
  }

  /** One `if` after the other over the subject's value, which has a name. */
  #match(s: PyNode): Stmt[] {
    const loc = this.loc(s), name = this.temporary("subject"), subject: Expr = { kind: "name", name, loc };
    const from = (cases: readonly PyNode[]): Stmt[] => {
      const [c, ...rest] = cases;
      if (!c) return [];
      const pattern = node(c["pattern"]), at = this.loc(pattern), captured = pattern.nodeType === "MatchAs" && typeof pattern["name"] === "string" ? pattern["name"] : undefined;
      const test = this.#matches(pattern, subject), bind: Stmt[] = captured === undefined ? [] : [{ kind: "assign", targets: [{ kind: "name", name: this.localName(captured) ?? captured, loc: at }], value: subject, loc: at }];
      const guard = c["guard"] ? this.fixed(() => this.expr(node(c["guard"]))) : undefined, then = this.body(nodes(c["body"])), otherwise = from(rest);
      // A name is bound before the guard is looked at, if the pattern fits.
      if (guard && captured !== undefined && pattern["pattern"]) { this.refuse("a pattern with a name and a guard", pattern, "use if and elif"); return []; }
      const both = test && guard ? { kind: "logical", op: "and", left: test, right: guard, loc: at } as const : test ?? guard;
      if (!both) return [...bind, ...then];
      return test ? [{ kind: "if", test: both, then: [...bind, ...then], otherwise, loc: at }] : [...bind, { kind: "if", test: both, then, otherwise, loc: at }];
    };
    const value = this.expr(node(s["subject"]));
    return [{ kind: "assign", targets: [{ kind: "name", name, loc }], value, loc }, ...from(nodes(s["cases"]))];
  }
  /** What must hold for a pattern to fit; undefined: it always does. */
  #matches(p: PyNode, subject: Expr): Expr | undefined {
    const loc = this.loc(p);
    switch (p.nodeType) {
      case "MatchValue": return { kind: "compare", op: "==", left: subject, right: this.fixed(() => this.expr(node(p["value"]))), loc };
      case "MatchSingleton": return { kind: "compare", op: "is", left: subject, right: p["value"] === null ? { kind: "none", loc } : { kind: "boolean", value: p["value"] === true, loc }, loc };
      case "MatchAs": return p["pattern"] ? this.#matches(node(p["pattern"]), subject) : undefined;
      case "MatchOr": {
        const tests = nodes(p["patterns"]).map((x) => (x.nodeType === "MatchAs" && x["name"] ? this.refuse("a name in an alternative", x, "use if and elif") : this.#matches(x, subject)));
        return tests.some((t) => !t) ? undefined : (tests as Expr[]).reduce((left, right): Expr => ({ kind: "logical", op: "or", left, right, loc }));
      }
      default: return this.refuse("a pattern other than literals, names and alternatives", p, "use if and elif");
    }
  }

  #raised(s: PyNode): string {
    const e = s["exc"] ? node(s["exc"]) : undefined;
    if (!e) { this.refuse("raise without an exception", s, "name the exception"); return ""; }
    if (e.nodeType !== "Call") return this.source.slice(e);
    const args = nodes(e["args"]), kind = this.source.slice(node(e["func"]));
    return args.length > 0 ? `${kind}: ${args.map((a) => this.message(a)).join(", ")}` : kind;
  }
}
