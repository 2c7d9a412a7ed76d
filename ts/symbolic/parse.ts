/** Reads symbolic integers from text: our own form (`Expr.key`) and the spellings in DaCe's files. */
import { add, floordiv, int, load, max, min, mod, mul, neg, sub, sym, type Expr } from "./expr.js";
import { DaceError } from "../base/errors.js";

/** Throws PARSE on anything that is not an integer expression. */
export function parseExpr(text: string): Expr { return new Parser(text).whole(); }

const TOKEN = /\s*(?:(\d+)|(\$?[A-Za-z_@][A-Za-z0-9_$@'.]*)|(\*\*|\/\/|[-+*/%(),[\]=]))/y;

class Parser {
  #at = 0;
  #token: string | undefined;
  #kind: "number" | "name" | "sign" | "end" = "end";
  constructor(readonly text: string) { this.#next(); }

  whole(): Expr { const e = this.#sum(); if (this.#kind !== "end") this.#fail(); return e; }

  #fail(): never { throw new DaceError("PARSE", `not an integer expression: ${this.text}`); }
  #next(): void {
    TOKEN.lastIndex = this.#at;
    const m = TOKEN.exec(this.text);
    if (!m) { if (this.text.slice(this.#at).trim() !== "") this.#fail(); this.#kind = "end"; this.#token = undefined; return; }
    this.#at = TOKEN.lastIndex;
    this.#kind = m[1] !== undefined ? "number" : m[2] !== undefined ? "name" : "sign";
    this.#token = m[1] ?? m[2] ?? m[3];
  }
  #is(sign: string): boolean { return this.#kind === "sign" && this.#token === sign; }
  #take(sign: string): boolean { if (!this.#is(sign)) return false; this.#next(); return true; }
  #need(sign: string): void { if (!this.#take(sign)) this.#fail(); }

  #sum(): Expr {
    let e = this.#product();
    for (;;) {
      if (this.#take("+")) e = add(e, this.#product());
      else if (this.#take("-")) e = sub(e, this.#product());
      else return e;
    }
  }
  #product(): Expr {
    let e = this.#unary();
    for (;;) {
      if (this.#take("*")) e = mul(e, this.#unary());
      else if (this.#take("//") || this.#take("/")) e = floordiv(e, this.#unary());
      else if (this.#take("%")) e = mod(e, this.#unary());
      else return e;
    }
  }
  #unary(): Expr {
    if (this.#take("-")) return neg(this.#unary());
    if (this.#take("+")) return this.#unary();
    const base = this.#primary();
    if (!this.#take("**")) return base;
    const k = this.#unary().constant;
    if (k === undefined || k < 0 || k > 16) this.#fail();
    let p: Expr = int(1);
    for (let i = 0; i < k; i++) p = mul(p, base);
    return p;
  }
  #list(close: string): Expr[] {
    const out: Expr[] = [];
    if (this.#take(close)) return out;
    do { out.push(this.#sum()); } while (this.#take(","));
    this.#need(close);
    return out;
  }
  #primary(): Expr {
    if (this.#kind === "number") { const n = Number(this.#token); this.#next(); return int(n); }
    if (this.#take("(")) { const e = this.#sum(); this.#need(")"); return e; }
    if (this.#kind !== "name") this.#fail();
    const name = this.#token!.replace(/^\$/, "");
    this.#next();
    if (this.#take("[")) return load(name, this.#list("]"));
    if (!this.#take("(")) return sym(name);
    if (name === "symbol") {
      // symbol($N, dtype=dace.int64)
      const inner = this.#sum();
      while (!this.#take(")")) { if (this.#token === undefined) this.#fail(); this.#next(); }
      return inner;
    }
    const args = this.#list(")");
    const [a, b] = args;
    switch (name) {
      case "floordiv": case "int_floor": case "__int_floor": if (a && b) return floordiv(a, b); break;
      case "int_ceil": case "__int_ceil": if (a && b) return neg(floordiv(neg(a), b)); break;
      case "ceiling": case "floor": if (a) return a; break;
      case "mod": case "Mod": if (a && b) return mod(a, b); break;
      case "min": case "Min": if (a) return min(...args); break;
      case "max": case "Max": if (a) return max(...args); break;
      case "int64": case "int": case "dace.int64": if (a) return a; break;
      default: break;
    }
    return this.#fail();
  }
}
