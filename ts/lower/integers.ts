/** Prints symbolic integers and element offsets. Inside an innermost loop, the parts of offsets that do not depend on its variable have names. */
import { InternalError } from "../base/errors.js";
import type { Graph } from "../sdfg/sdfg.js";
import type { Container } from "../sdfg/nodes.js";
import { add, addInt, affine, mul, visitAtoms, ZERO, type Atom, type Expr } from "../symbolic/expr.js";
import type { Language, Text } from "./language.js";
import type { Place } from "./scope.js";

export class Integers {
  readonly variables = new Map<string, Text>();
  /** Of the innermost loop being printed: its variable and the named parts of offsets. */
  #inner: { readonly variable: string; readonly offsets: Map<string, Text> } | undefined;

  constructor(readonly graph: Graph, readonly language: Language, readonly symbol: (name: string) => Text, readonly place: (data: string) => Place, readonly isIndex: (data: string) => boolean) {}

  print(e: Expr): Text {
    if (e.terms.length === 0) return this.language.int(0);
    const parts = e.terms.map((t): { text: Text; negative: boolean } => {
      const factors = t.atoms.map((a) => this.#atom(a));
      const k = Math.abs(t.coefficient);
      if (k !== 1 || factors.length === 0) factors.unshift(this.language.int(k));
      return { text: factors.join(" * "), negative: t.coefficient < 0 };
    });
    parts.sort((a, b) => Number(a.negative) - Number(b.negative));
    const text = parts.map((p, i) => (i === 0 ? `${p.negative ? "-" : ""}${p.text}` : `${p.negative ? " - " : " + "}${p.text}`)).join("");
    return e.terms.length === 1 && e.terms[0]!.coefficient > 0 && e.terms[0]!.atoms.length <= 1 && (e.terms[0]!.coefficient === 1 || e.terms[0]!.atoms.length === 0) ? text : `(${text})`;
  }
  #atom(a: Atom): Text {
    switch (a.kind) {
      case "symbol": return this.variables.get(a.name) ?? this.symbol(a.name);
      case "floordiv": return this.language.floordiv(this.print(a.a), this.print(a.b));
      case "mod": return this.language.mod(this.print(a.a), this.print(a.b));
      case "min": return this.language.minInt(a.args.map((x) => this.print(x)));
      case "max": return this.language.maxInt(a.args.map((x) => this.print(x)));
      case "load": {
        const c = this.graph.container(a.data), at = this.place(a.data);
        if (at.kind === "variable" && this.isIndex(a.data)) return at.text;
        return at.kind === "variable" ? this.language.toIndex(at.text, c.dtype) : this.language.readIndex(at.text, this.offset(this.flat(c, a.index)), c.dtype);
      }
    }
  }

  /** Row-major offset in elements from the base buffer's start. */
  flat(c: Container, index: readonly Expr[]): Expr {
    if (index.length !== c.shape.length) throw new InternalError(`${c.name} has ${c.shape.length} dimensions, not ${index.length}`);
    const e = index.reduce<Expr>((sum, x, d) => add(d === 0 ? ZERO : mul(sum, c.shape[d]!), x), ZERO);
    return c.view ? add(e, c.view.offset) : e;
  }

  offset(flat: Expr): Text {
    const part = this.#inner && split(flat, this.#inner.variable);
    if (!part) return this.print(flat);
    const parts: Text[] = [];
    if (part.base.terms.length > 0) parts.push(this.#inner!.offsets.get(part.base.key) ?? this.print(part.base));
    if (part.stride) {
      const v = this.variables.get(this.#inner!.variable)!;
      parts.push(part.stride.constant === 1 ? v : `${this.#inner!.offsets.get(part.stride.key) ?? this.print(part.stride)} * ${v}`);
    }
    if (parts.length === 0) return this.language.int(part.constant);
    return `${parts.join(" + ")}${part.constant > 0 ? ` + ${part.constant}` : part.constant < 0 ? ` - ${-part.constant}` : ""}`;
  }

  /** Runs `f` with names for what is fixed in the offsets; `declare` prints a name's definition, before `f`. */
  within(variable: string, flats: readonly Expr[], declare: (value: Text) => Text, f: () => void): void {
    const offsets = new Map<string, Text>(), outer = this.#inner;
    this.#inner = undefined;
    for (const e of flats) {
      const part = split(e, variable);
      for (const x of part ? [part.base, ...(part.stride ? [part.stride] : [])] : []) {
        if (isSimple(x) || offsets.has(x.key)) continue;
        offsets.set(x.key, declare(this.print(x)));
      }
    }
    this.#inner = { variable, offsets };
    f();
    this.#inner = outer;
  }
}

const isSimple = (e: Expr): boolean => e.terms.length === 0 || (e.terms.length === 1 && (e.terms[0]!.atoms.length === 0 || (e.terms[0]!.coefficient === 1 && e.terms[0]!.atoms.length === 1 && e.terms[0]!.atoms[0]!.kind === "symbol")));

/** flat = base + stride·variable + constant, base without constant term and without loads. */
function split(flat: Expr, variable: string): { readonly base: Expr; readonly stride: Expr | undefined; readonly constant: number } | undefined {
  const a = affine(flat, new Set([variable]));
  if (!a) return undefined;
  let loads = false;
  for (const e of [a.rest, ...a.coefficients.values()]) visitAtoms(e, (x) => { if (x.kind === "load") loads = true; });
  if (loads) return undefined;
  const constant = a.rest.terms.find((t) => t.atoms.length === 0)?.coefficient ?? 0;
  return { base: addInt(a.rest, -constant), stride: a.coefficients.get(variable), constant };
}
