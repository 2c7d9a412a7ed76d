/** The program being made: functions and values that its entry reaches, each under one global name. */
import type { SourceFile, SourceLoc } from "../../base/errors.js";
import type { ArrayProgram, Expr, GlobalValue } from "../array/ast.js";
import { classDef } from "./classes.js";
import { functionDef } from "./functions.js";
import { Names } from "./names.js";
import { Problems } from "./problems.js";
import type { Binding } from "./scope.js";
import type { Host, Unit } from "./unit.js";

export class ProgramBuilder implements Host {
  readonly problems = new Problems();
  readonly globals = new Names();
  private readonly values = new Map<string, GlobalValue>();
  private readonly units: Unit[] = [];
  private readonly pending: { readonly unit: Unit; readonly name: string; readonly cls?: boolean }[] = [];
  private readonly functions = new Map<Unit, string>();
  private readonly captured = new Map<unknown, string>();
  /** The entry is called by what it reaches. */
  private entryCalled = false;
  private readonly expressions = new Map<string, string>();

  /** Every unit is made known as it is made: no global takes the name of one of its variables. */
  register(unit: Unit): void { this.units.push(unit); }
  localTaken(name: string): boolean { return this.units.some((u) => u.names.has(name) || boundNames(u).has(name)); }
  private global(base: string): string { return this.globals.fresh(base.replace(/[^\p{ID_Continue}$]/gu, "_") || "value", (n) => this.localTaken(n)); }

  nameFunction(unit: Unit): string {
    this.entryCalled ||= unit.entry;
    let name = this.functions.get(unit);
    if (name === undefined) {
      name = this.global(unit.name);
      this.functions.set(unit, name);
      this.pending.push({ unit, name });
    }
    return name;
  }
  nameClass(unit: Unit): string {
    let name = this.functions.get(unit);
    if (name === undefined) {
      name = this.global(unit.name);
      this.functions.set(unit, name);
      this.pending.push({ unit, name, cls: true });
    }
    return name;
  }
  nameValue(value: unknown, path: string, loc: SourceLoc): string {
    const key = typeof value === "object" && value !== null ? value : `${path}\0${typeof value}\0${Object.is(value, -0) ? "-0" : String(value)}`;
    let name = this.captured.get(key);
    if (name === undefined) {
      name = this.global(path);
      this.captured.set(key, name);
      this.values.set(name, { kind: "value", value, loc });
    }
    return name;
  }
  nameExpression(name: string, unit: Unit, loc: SourceLoc): Expr {
    let known = this.expressions.get(name);
    if (known === undefined) {
      known = this.global(name);
      this.expressions.set(name, known);
      const value = unit.environment.initialiser(name);
      if (value) this.values.set(known, { kind: "expression", value });
    }
    return { kind: "name", name: known, loc };
  }

  /** Converts the entry and all that it reaches; throws one error with all problems. */
  build(entry: Unit, source: SourceFile): ArrayProgram {
    entry.entry = true;
    this.functions.set(entry, entry.name);
    this.globals.reserve(entry.name);
    const def = functionDef(entry, entry.node, entry.name);
    for (let next = this.pending.shift(); next; next = this.pending.shift()) {
      if (next.cls) { const cls = classDef(next.unit, next.unit.name); if (cls) this.values.set(next.name, { kind: "class", def: cls }); continue; }
      const made = functionDef(next.unit, next.unit.node, next.name);
      if (made) this.values.set(next.name, { kind: "function", def: made });
    }
    if (this.entryCalled && def) this.values.set(entry.name, { kind: "function", def });
    this.problems.throwIfAny();
    return { language: "javascript", source, entry: def!, globals: this.values };
  }
}

const BOUND = new WeakMap<Unit, Set<string>>();
function boundNames(unit: Unit): Set<string> {
  let names = BOUND.get(unit);
  if (!names) {
    names = new Set();
    for (const f of unit.scopes.functions.values()) for (const b of f.bindings as readonly Binding[]) names.add(b.name);
    BOUND.set(unit, names);
  }
  return names;
}
