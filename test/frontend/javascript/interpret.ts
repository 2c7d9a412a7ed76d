/**
 * Runs an array program of JavaScript directly, as its contract (ts/frontend/array/ast.ts) says, to compare with the function itself. It is strict: operands are evaluated
 * from left to right or from right to left (expressions are pure, so both must agree), a counted loop checks that its bound and variable stay, and a variable whose value the
 * program declared dead cannot be read.
 */
import type { ArrayProgram, BinaryOp, CompareOp, Expr, FunctionDef, Stmt, Target } from "../../../ts/frontend/array/ast.js";

export interface InterpretOptions { readonly backwards?: boolean; readonly steps?: number }

export class Raised extends Error {}
export class OutOfSteps extends Error {}
/** The program breaks its contract. */
export class Broken extends Error {}

interface Frame { readonly def: FunctionDef; readonly vars: Map<string, unknown>; readonly parent: Frame | undefined }
type Fn = (...args: unknown[]) => unknown;
type Done = { readonly kind: "return"; readonly value: unknown } | { readonly kind: "break" | "continue"; readonly label: string } | undefined;

const DEAD = Symbol("dead");
const TYPED: Readonly<Record<string, new (...a: never[]) => unknown>> = { Float64Array, Float32Array, Int8Array, Int16Array, Int32Array, Uint8Array, Uint8ClampedArray, Uint16Array, Uint32Array, BigInt64Array, BigUint64Array, Array };

/** The program as a function. */
export function interpret(program: ArrayProgram, options: InterpretOptions = {}): (...args: unknown[]) => unknown {
  const run = new Run(program, options);
  return (...args) => run.start(args);
}

class Run {
  private left = 0;
  private readonly globals = new Map<string, unknown>();
  constructor(readonly program: ArrayProgram, readonly options: InterpretOptions) {}

  start(args: unknown[]): unknown {
    this.left = this.options.steps ?? 200_000;
    return this.call(this.program.entry, undefined, args);
  }

  private call(def: FunctionDef, parent: Frame | undefined, args: readonly unknown[]): unknown {
    const frame: Frame = { def, vars: new Map(), parent };
    def.params.forEach((p, i) => {
      let v = args[i];
      if (v === undefined && p.default) v = this.expr(p.default, frame);
      if (!def.locals.has(p.name)) throw new Broken(`parameter ${p.name} is no local`);
      frame.vars.set(p.name, v);
    });
    const done = this.list(def.body, frame);
    if (done && done.kind !== "return") throw new Broken(`${done.kind} ${done.label} leaves the function`);
    return done?.value;
  }
  private closure(def: FunctionDef, frame: Frame | undefined): Fn { return (...args) => this.call(def, frame, args); }

  private owner(name: string, frame: Frame): Frame | undefined {
    for (let f: Frame | undefined = frame; f; f = f.parent) if (f.def.locals.has(name)) return f;
    return undefined;
  }
  private read(name: string, frame: Frame): unknown {
    const f = this.owner(name, frame);
    if (f) {
      const v = f.vars.get(name);
      if (v === DEAD) throw new Broken(`${name} is read, but was said to be dead`);
      return v;
    }
    if (this.globals.has(name)) return this.globals.get(name);
    const g = this.program.globals.get(name);
    if (!g) throw new Broken(`no variable ${name}`);
    if (g.kind === "class") throw new Broken(`the class ${name}`);
    const v = g.kind === "function" ? this.closure(g.def, undefined) : g.kind === "value" ? g.value
      : this.expr(g.value, { def: { name: "", params: [], body: [], locals: new Set(), loc: g.value.loc }, vars: new Map(), parent: undefined });
    this.globals.set(name, v);
    return v;
  }
  private write(name: string, v: unknown, frame: Frame): void {
    const f = this.owner(name, frame);
    if (!f) throw new Broken(`assignment to ${name}, which is no local`);
    f.vars.set(name, v);
  }

  // ---- statements ----
  private list(stmts: readonly Stmt[], frame: Frame): Done {
    for (const s of stmts) {
      const done = this.stmt(s, frame);
      if (done) return done;
    }
    return undefined;
  }
  private tick(): void { if (this.left-- <= 0) throw new OutOfSteps("too many steps"); }

  private stmt(s: Stmt, frame: Frame): Done {
    this.tick();
    switch (s.kind) {
      case "assign": {
        // The place of a single element is not to depend on when it is evaluated.
        if (this.options.backwards && s.targets.length === 1 && s.targets[0]!.kind !== "tuple") {
          const place = this.place(s.targets[0]!, frame);
          place.set(this.expr(s.value, frame));
          return undefined;
        }
        const v = this.expr(s.value, frame);
        for (const t of s.targets) this.assign(t, v, frame);
        return undefined;
      }
      case "augmented": {
        const place = this.place(s.target, frame);
        if (this.options.backwards) {
          const right = this.expr(s.value, frame);
          place.set(binary(s.op, place.get(), right));
        } else {
          const old = place.get();
          place.set(binary(s.op, old, this.expr(s.value, frame)));
        }
        return undefined;
      }
      case "expression": this.expr(s.value, frame); return undefined;
      case "if": return this.list(this.expr(s.test, frame) ? s.then : s.otherwise, frame);
      case "for": {
        for (const v of this.expr(s.iterable, frame) as Iterable<unknown>) {
          this.tick();
          this.assign(s.target, v, frame);
          const done = this.list(s.body, frame);
          if (done && !("label" in done && done.label === s.label)) return done;
          if (done?.kind === "break") break;
        }
        return undefined;
      }
      case "count": return this.count(s, frame);
      case "while": {
        for (let first = true; ; first = false) {
          this.tick();
          if (!(first && s.testAfter) && !this.expr(s.test, frame)) return undefined;
          const done = this.list(s.body, frame);
          if (done && !("label" in done && done.label === s.label)) return done;
          if (done?.kind === "break") return undefined;
          const after = this.list(s.update, frame);
          if (after) throw new Broken("an update that jumps");
        }
      }
      case "block": {
        const done = this.list(s.body, frame);
        if (done?.kind === "continue" && done.label === s.label) throw new Broken("continue of a block");
        return done?.kind === "break" && done.label === s.label ? undefined : done;
      }
      case "break": case "continue": return { kind: s.kind, label: s.label };
      case "return": return { kind: "return", value: s.value ? this.expr(s.value, frame) : undefined };
      case "function": this.write(s.def.name, this.closure(s.def, frame), frame); return undefined;
      case "raise": throw new Raised(s.message);
      case "assert": if (!this.expr(s.test, frame)) throw new Raised(s.message); return undefined;
      case "pass": return undefined;
    }
  }

  private count(s: Stmt & { kind: "count" }, frame: Frame): Done {
    if (!Number.isInteger(s.step) || s.step === 0) throw new Broken("the step of a counted loop");
    const start = this.expr(s.start, frame) as number, stop = this.expr(s.stop, frame) as number;
    const end = (v: number): void => { this.write(s.variable, s.exitValue ? v : DEAD, frame); };
    for (let v = start; ; v += s.step) {
      this.tick();
      if (!(s.step > 0 ? v < stop : v > stop)) { end(v); return undefined; }
      this.write(s.variable, v, frame);
      const done = this.list(s.body, frame);
      if (!Object.is(this.read(s.variable, frame), v)) throw new Broken(`the body of a counted loop changes ${s.variable}`);
      if (done?.kind === "break" && done.label === s.label) { end(v); return undefined; }
      if (done && !("label" in done && done.label === s.label)) return done;
      const again = this.expr(s.stop, frame) as number;
      if (!Object.is(again, stop)) throw new Broken(`the bound of a counted loop changes from ${stop} to ${again}`);
    }
  }

  private place(t: Target, frame: Frame): { get(): unknown; set(v: unknown): void } {
    switch (t.kind) {
      case "name": return { get: () => this.read(t.name, frame), set: (v) => { this.write(t.name, v, frame); } };
      case "attribute": case "index": {
        const [object, key] = t.kind === "attribute" ? [this.expr(t.object, frame), t.name] : this.all([t.object, only(t)], frame);
        const o = object as Record<string, unknown>, k = key as string;
        return { get: () => o[k], set: (v) => { o[k] = v; } };
      }
      case "tuple": return { get: () => { throw new Broken("reading a pattern"); }, set: (v) => { this.assign(t, v, frame); } };
    }
  }
  private assign(t: Target, v: unknown, frame: Frame): void {
    if (t.kind !== "tuple") { this.place(t, frame).set(v); return; }
    const values = t.keys ? t.keys.map((k) => (v as Record<string, unknown>)[k]) : [...(v as Iterable<unknown>)];
    t.elements.forEach((e, i) => {
      if (t.rest && i === t.elements.length - 1) { if (e) this.assign(e, values.slice(i), frame); return; }
      let x = values[i];
      if (x === undefined && t.defaults?.[i]) x = this.expr(t.defaults[i], frame);
      if (e) this.assign(e, x, frame);
    });
  }

  // ---- expressions ----
  private all(list: readonly Expr[], frame: Frame): unknown[] {
    if (!this.options.backwards) return list.map((e) => this.expr(e, frame));
    const out: unknown[] = [];
    for (let i = list.length - 1; i >= 0; i--) out[i] = this.expr(list[i]!, frame);
    return out;
  }
  private expr(e: Expr, frame: Frame): unknown {
    switch (e.kind) {
      case "number":
        if (e.integer !== (Number.isSafeInteger(e.value) && !Object.is(e.value, -0))) throw new Broken(`${e.value} marked ${e.integer ? "integer" : "float"}`);
        return e.value;
      case "bigint": case "boolean": case "string": return e.value;
      case "none": return undefined;
      case "name": return this.read(e.name, frame);
      case "binary": { const [a, b] = this.all([e.left, e.right], frame); return binary(e.op, a, b); }
      case "unary": return unary(e.op, this.expr(e.operand, frame));
      case "compare": { const [a, b] = this.all([e.left, e.right], frame); return compare(e.op, a, b); }
      case "logical": {
        const a = this.expr(e.left, frame);
        if (e.op === "and") return a ? this.expr(e.right, frame) : a;
        if (e.op === "or") return a ? a : this.expr(e.right, frame);
        return a ?? this.expr(e.right, frame);
      }
      case "conditional": return this.expr(e.test, frame) ? this.expr(e.then, frame) : this.expr(e.otherwise, frame);
      case "attribute": return (this.expr(e.object, frame) as Record<string, unknown>)[e.name];
      case "index": { const [o, k] = this.all([e.object, only(e)], frame); return (o as Record<string, unknown>)[k as string]; }
      case "list": case "tuple": return this.all(e.elements, frame);
      case "object": { const values = this.all(e.entries.map((x) => x.value), frame); return Object.fromEntries(e.entries.map((x, i) => [x.key, values[i]])); }
      case "function": return this.closure(e.def, frame);
      case "library": return library(e.name);
      case "call": return this.invoke(e, frame);
      case "imaginary": case "comprehension": throw new Broken(`${e.kind} in JavaScript`);
    }
  }
  private invoke(e: Expr & { kind: "call" }, frame: Frame): unknown {
    if (e.keywords.length > 0) throw new Broken("keywords in JavaScript");
    const callee = e.callee;
    const [target, ...values] = this.all([callee.kind === "attribute" ? callee.object : callee, ...e.args.map((a) => a.value)], frame);
    const args = values.flatMap((v, i): unknown[] => (e.args[i]!.spread ? [...(v as Iterable<unknown>)] : [v]));
    if (callee.kind === "attribute") {
      const f = (target as Record<string, unknown>)[callee.name];
      if (typeof f !== "function") throw new TypeError(`${callee.name} is not a function`);
      return (f as Fn).apply(target, args);
    }
    if (callee.kind === "library" && TYPED[callee.name]) return new TYPED[callee.name]!(...args as never[]);
    if (typeof target !== "function") throw new TypeError("not a function");
    return (target as Fn)(...args);
  }
}

function only(t: { readonly items: readonly unknown[] }): Expr {
  const i = t.items[0] as { kind: string; value: Expr } | undefined;
  if (t.items.length !== 1 || i?.kind !== "expr") throw new Broken("an index that is not one expression");
  return i.value;
}

function library(name: string): unknown {
  if (name === "typeof") return (x: unknown) => typeof x;
  const v = name.split(".").reduce((o: unknown, k) => (o as Record<string, unknown>)[k], globalThis as unknown);
  if (v === undefined) throw new Broken(`no library function ${name}`);
  // `Float64Array.from` needs its constructor.
  const [space, member] = name.split(".");
  return member !== undefined && space !== "Math" && typeof v === "function" ? (v as Fn).bind((globalThis as Record<string, unknown>)[space!]) : v;
}

/* eslint-disable @typescript-eslint/no-explicit-any */
function binary(op: BinaryOp, a: any, b: any): unknown {
  switch (op) {
    case "+": return a + b;
    case "-": return a - b;
    case "*": return a * b;
    case "/": return a / b;
    case "%": return a % b;
    case "**": return a ** b;
    case "&": return a & b;
    case "|": return a | b;
    case "^": return a ^ b;
    case "<<": return a << b;
    case ">>": return a >> b;
    case ">>>": return a >>> b;
    case "//": case "@": throw new Broken(`${op} in JavaScript`);
  }
}
function unary(op: "-" | "+" | "not" | "~", a: any): unknown {
  switch (op) {
    case "-": return -a;
    case "+": return +a;
    case "not": return !a;
    case "~": return ~a;
  }
}
function compare(op: CompareOp, a: any, b: any): unknown {
  switch (op) {
    case "==": return a === b;
    case "!=": return a !== b;
    case "<": return a < b;
    case "<=": return a <= b;
    case ">": return a > b;
    case ">=": return a >= b;
    case "is": return a === b || (a ?? b ?? undefined) === undefined;
    case "isnot": return !(a === b || (a ?? b ?? undefined) === undefined);
    case "in": case "notin": throw new Broken(`${op} in JavaScript`);
  }
}
