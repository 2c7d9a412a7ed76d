/** State of desugaring one function: the statements written so far, what they change, its temporaries, and the loops around. */
import type * as t from "@babel/types";
import type { SourceLoc } from "../../base/errors.js";
import type { Expr, Stmt } from "../array/ast.js";
import { addEffect, disturbs, noEffect, type Effect } from "./effects.js";
import type { FunctionScope } from "./scope.js";
import type { Unit } from "./unit.js";

/** A statement that `break` or `continue` may name. `continueLabel`: the block to leave instead, where the loop has no room for its update. */
export interface Target { readonly label: string; readonly kind: "loop" | "switch" | "block"; readonly names: readonly string[]; continueLabel?: string }

export class Context {
  out: Stmt[] = [];
  effect: Effect = noEffect();
  readonly targets: Target[] = [];
  /** The block that a `throw` leaves: that of a `try` around it. */
  caught?: string | undefined;
  /** The variable that `this` is. */
  self?: string;
  /** In the constructor of a class that extends another: gives the fields their values after super(). */
  made?: (c: Context) => void;
  constructor(readonly unit: Unit, readonly fn: FunctionScope, readonly locals: Set<string>) {}

  emit(s: Stmt): void { this.out.push(s); }
  /** Runs `f` with a statement list of its own. */
  collect<T>(f: () => T): { value: T; stmts: Stmt[]; effect: Effect } {
    const out = this.out, effect = this.effect;
    this.out = [];
    this.effect = noEffect();
    try {
      const value = f();
      return { value, stmts: this.out, effect: this.effect };
    } finally {
      addEffect(effect, this.effect);
      this.out = out;
      this.effect = effect;
    }
  }
  temporary(base: string): string {
    const name = this.unit.temporary(base);
    this.locals.add(name);
    return name;
  }
  /** A new temporary that holds the value from here on. */
  save(value: Expr, loc: SourceLoc, base = "t"): Expr {
    const name = this.temporary(base);
    this.emit({ kind: "assign", targets: [{ kind: "name", name, loc }], value, declare: "const", loc });
    return { kind: "name", name, loc };
  }
  /** Evaluates operands in order; an operand that a later one's side effects would change is saved first. */
  sequence(parts: readonly (() => Expr)[]): Expr[] {
    const done: Expr[] = [];
    for (const part of parts) {
      const r = this.collect(part);
      if (r.stmts.length > 0 || r.effect.memory || r.effect.unknown || r.effect.names.size > 0) {
        for (let j = 0; j < done.length; j++) if (disturbs(r.effect, done[j]!, this.unit)) done[j] = this.save(done[j]!, done[j]!.loc);
      }
      this.out.push(...r.stmts);
      done.push(r.value);
    }
    return done;
  }
  label(base: string): string { return this.unit.label(base); }
  assigned(name: string): void { this.effect.names.add(name); }
  loc(n: t.Node): SourceLoc { return this.unit.loc(n); }
}
