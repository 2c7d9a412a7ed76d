/**
 * Which parameters a program uses as integers (an index, a bound, a size, a bit operand), through assignments and calls of its own functions. Only those are
 * passed as symbolic integers; any other number is a float.
 */
import type { ArrayProgram, ClassDef, Expr, FunctionDef, GlobalValue, Method, Stmt, Target } from "./ast.js";

/** Library functions all of whose numeric arguments are sizes or bounds. */
const SIZED = /^(range|np\.(zeros|ones|empty|full|ndarray|eye|identity|arange|tri|roll|repeat|tile|reshape|broadcast_to|linspace|fromfunction|indices|hanning|hamming|blackman|triu_indices|tril_indices|diag_indices|vander|split|array_split|hsplit|vsplit|dsplit|diag|triu|tril|histogram|linalg\.matrix_power|rot90|logspace)|slice|(Big)?(Float|Int|Uint)\d+(Clamped)?Array|Array)$/;
/** Which arguments of such a function are: some take an array, a value or the ends of a range beside. */
function sizesAmong(name: string): (position: number) => boolean {
  switch (name) {
    case "np.linspace": case "np.logspace": return (i) => i === 2;
    case "np.full": return (i) => i === 0;
    case "np.roll": case "np.repeat": case "np.tile": case "np.reshape": case "np.broadcast_to": case "np.fromfunction": case "np.vander": case "np.split": case "np.array_split": case "np.hsplit": case "np.vsplit": case "np.dsplit": case "np.diag": case "np.triu": case "np.tril": case "np.linalg.matrix_power": case "np.rot90": return (i) => i > 0;
    case "np.histogram": return (i) => i === 1;
    default: return () => true;
  }
}
const SIZED_METHODS = new Set(["reshape", "repeat", "slice", "subarray", "fill", "copyWithin", "at", "set"]);

export function integerParameters(program: ArrayProgram): ReadonlySet<string> {
  return new Usage(program).of(program.entry);
}
/** Those of them that may be fractions as well: nothing but np.arange takes them. */
export function flexibleParameters(program: ArrayProgram): ReadonlySet<string> {
  const firm = new Usage(program, false).of(program.entry);
  return new Set([...integerParameters(program)].filter((n) => !firm.has(n)));
}

/**
 * Parameters that go into a power with an exponent of names (`r**k`) which is a size, an index or a bound: such a size is a polynomial only for known numbers, so
 * the program is specialised to their values.
 */
export function powerParameters(program: ArrayProgram): ReadonlySet<string> {
  const usage = new Usage(program);
  usage.of(program.entry);
  return usage.powers(program.entry);
}
/** The same for all variables of any function: a loop over such a variable is unrolled. */
export function powerNames(program: ArrayProgram): (def: FunctionDef) => ReadonlySet<string> {
  const usage = new Usage(program);
  return (def) => { usage.of(def); return usage.powers(def); };
}

/** The same for all variables of any function of the program. */
export function integerNames(program: ArrayProgram): (def: FunctionDef) => ReadonlySet<string> {
  const usage = new Usage(program);
  return (def) => usage.of(def);
}

class Usage {
  readonly #done = new Map<FunctionDef, Set<string>>();
  /** By the set of a function's integer names: those of them that go into powers. */
  readonly #powers = new Map<ReadonlySet<string>, Set<string>>();
  /** By the same: names that are sizes of arrays. */
  readonly #sizes = new Map<ReadonlySet<string>, Set<string>>();
  /** Names of fields, in programs with classes, whose values are needed as integers. */
  readonly #fields = new Set<string>();
  readonly #classes: readonly ClassDef[];
  /** `ranges`: np.arange's arguments are integers. */
  constructor(readonly program: ArrayProgram, readonly ranges = true) {
    this.#classes = [...program.globals.values()].flatMap((g) => (g.kind === "class" ? [g.def] : []));
    if (this.#classes.length === 0) return;
    const all = [program.entry, ...[...program.globals.values()].flatMap((g) => (g.kind === "function" ? [g.def] : [])), ...this.#classes.flatMap((c) => [...c.methods.values()].map((m) => m.def))];
    // What one function needs of a field, another one may have put there.
    for (let size = -1; size !== this.#fields.size;) {
      size = this.#fields.size;
      for (const d of all) this.of(d);
      if (size !== this.#fields.size) { this.#done.clear(); this.#powers.clear(); this.#sizes.clear(); }
    }
  }

  of(def: FunctionDef): ReadonlySet<string> {
    const known = this.#done.get(def);
    if (known) return known;
    const names = new Set<string>(this.#classes.some((c) => c.methods.get("__new__")?.def === def) ? def.params.map((p) => p.name).filter((n) => this.#fields.has(n)) : []);
    this.#done.set(def, names);
    const powers = new Set<string>();
    this.#powers.set(names, powers);
    const sizes = new Set<string>();
    this.#sizes.set(names, sizes);
    const locals = new Map<string, FunctionDef>();
    const collect = (body: readonly Stmt[]): void => { for (const s of body) { if (s.kind === "function") locals.set(s.def.name, s.def); for (const b of bodies(s)) collect(b); } };
    collect(def.body);
    for (let size = -1; size !== names.size + powers.size + sizes.size;) { size = names.size + powers.size + sizes.size; this.#body(def.body, names, locals); for (const p of def.params) if (p.default) this.#visit(p.default, names, locals); }
    return names;
  }

  powers(def: FunctionDef): ReadonlySet<string> { return this.#powers.get(this.#done.get(def)!)!; }

  /** The value of e must be known when the program is specialised: so must the names it is made of. */
  #fix(e: Expr, names: Set<string>): void {
    const powers = this.#powers.get(names)!;
    switch (e.kind) {
      case "name": powers.add(e.name); names.add(e.name); break;
      case "binary": this.#fix(e.left, names); this.#fix(e.right, names); break;
      case "unary": this.#fix(e.operand, names); break;
      case "tuple": case "list": for (const x of e.elements) this.#fix(x, names); break;
      case "call": if (e.callee.kind === "library") for (const a of e.args) this.#fix(a.value, names); break;
      default: break;
    }
  }

  /** The value of e is needed as an integer: so are the names it is made of by integer arithmetic. */
  #need(e: Expr, names: Set<string>): void {
    switch (e.kind) {
      case "name": names.add(e.name); break;
      case "attribute": if (this.#classes.length > 0) this.#fields.add(e.name); break;
      case "binary":
        if (e.op === "**" && e.right.kind !== "number") this.#fix(e, names);
        else if (e.op === "**") this.#need(e.left, names);
        else if (e.op !== "/" && e.op !== "@") { this.#need(e.left, names); this.#need(e.right, names); } break;
      case "unary": this.#need(e.operand, names); break;
      case "conditional": this.#need(e.then, names); this.#need(e.otherwise, names); break;
      case "tuple": case "list": for (const x of e.elements) this.#need(x, names); break;
      case "call": if (e.callee.kind === "library" && /^(min|max|abs|int|Math\.(min|max|abs))$/.test(e.callee.name)) for (const a of e.args) this.#need(a.value, names); break;
      default: break;
    }
  }

  /** The value of e is the size of an array: of a quotient that is rounded to one, both parts are integers, or the size would not be known on entry. */
  #size(e: Expr, names: Set<string>): void {
    this.#need(e, names);
    const quotient = e.kind === "call" && e.callee.kind === "library" && /^Math\.(floor|ceil|trunc|round)$/.test(e.callee.name) ? e.args[0]?.value : e.kind === "binary" && (e.op === "|" || e.op === ">>" || e.op === ">>>") ? e.left : e;
    if (e.kind === "name") this.#sizes.get(names)!.add(e.name);
    else if (quotient?.kind === "binary" && quotient.op === "/") { this.#need(quotient.left, names); this.#need(quotient.right, names); }
  }

  #body(body: readonly Stmt[], names: Set<string>, locals: ReadonlyMap<string, FunctionDef>): void {
    const visit = (e: Expr | undefined): void => { if (e) this.#visit(e, names, locals); };
    const target = (t: Target): void => {
      if (t.kind === "index") { visit(t.object); this.#items(t.items, names, locals); }
      else if (t.kind === "attribute") visit(t.object);
      else if (t.kind === "tuple") for (const x of t.elements) if (x) target(x);
    };
    for (const s of body) {
      switch (s.kind) {
        case "assign":
          for (const t of s.targets) { target(t); this.#flow(t, s.value, names); }
          visit(s.value);
          break;
        case "augmented":
          target(s.target);
          if (s.target.kind === "name" && names.has(s.target.name)) this.#need(s.value, names);
          if (/^(&|\||\^|<<|>>|>>>)$/.test(s.op)) this.#need(s.value, names);
          visit(s.value);
          break;
        case "expression": visit(s.value); break;
        case "if": visit(s.test); break;
        case "for": target(s.target); if (s.target.kind === "name" && this.#powers.get(names)!.has(s.target.name)) this.#fix(s.iterable, names); visit(s.iterable); break;
        case "count": this.#need(s.start, names); this.#need(unrounded(s.stop), names); visit(s.start); visit(s.stop); break;
        case "while": visit(s.test); this.#compared(s.test, names); break;
        case "return": visit(s.value); break;
        case "assert": visit(s.test); break;
        case "function": this.#body(s.def.body, names, locals); break;
        default: break;
      }
      for (const b of bodies(s)) this.#body(b, names, locals);
    }
  }
  #flow(t: Target, value: Expr, names: Set<string>): void {
    if ((t.kind === "name" && names.has(t.name)) || (t.kind === "attribute" && this.#fields.has(t.name))) this.#need(value, names);
    if (t.kind === "name" && this.#sizes.get(names)!.has(t.name)) this.#size(value, names);
    if (t.kind === "name" && this.#powers.get(names)!.has(t.name)) this.#fix(value, names);
    if (t.kind === "tuple" && (value.kind === "tuple" || value.kind === "list")) t.elements.forEach((x, i) => { const v = value.elements[i]; if (x && v) this.#flow(x, v, names); });
  }
  /** A loop that counts an index compares it with a bound. */
  #compared(test: Expr, names: Set<string>): void {
    if (test.kind === "compare") { for (const [a, b] of [[test.left, test.right], [test.right, test.left]] as const) if (a.kind === "name" && names.has(a.name)) this.#need(b, names); }
    else if (test.kind === "logical") { this.#compared(test.left, names); this.#compared(test.right, names); }
  }
  #items(items: Extract<Expr, { kind: "index" }>["items"], names: Set<string>, locals: ReadonlyMap<string, FunctionDef>): void {
    for (const i of items) {
      if (i.kind === "expr") { this.#need(i.value, names); this.#visit(i.value, names, locals); }
      else if (i.kind === "slice") for (const x of [i.start, i.stop, i.step]) if (x) { this.#need(x, names); this.#visit(x, names, locals); }
    }
  }
  #visit(e: Expr, names: Set<string>, locals: ReadonlyMap<string, FunctionDef>): void {
    const go = (x: Expr): void => { this.#visit(x, names, locals); };
    switch (e.kind) {
      case "binary": if (/^(&|\||\^|<<|>>|>>>)$/.test(e.op)) { this.#need(e.left, names); this.#need(e.right, names); } go(e.left); go(e.right); break;
      case "unary": if (e.op === "~") this.#need(e.operand, names); go(e.operand); break;
      case "compare": case "logical": go(e.left); go(e.right); break;
      case "conditional": go(e.test); go(e.then); go(e.otherwise); break;
      case "attribute": go(e.object); break;
      case "index": go(e.object); this.#items(e.items, names, locals); break;
      case "tuple": case "list": e.elements.forEach(go); break;
      case "object": for (const x of e.entries) go(x.value); break;
      case "comprehension": go(e.element); go(e.iterable); if (e.condition) go(e.condition); break;
      case "function": this.#body(e.def.body, names, locals); break;
      case "call": {
        go(e.callee);
        for (const a of e.args) go(a.value);
        for (const k of e.keywords) { go(k.value); if ((e.callee.kind === "library" || e.callee.kind === "attribute") && /^(shape|axis|n|N|num|k|newshape|repeats|shift|bins)$/.test(k.name)) this.#need(k.value, names); }
        if (e.callee.kind === "library" && SIZED.test(e.callee.name) && (this.ranges || e.callee.name !== "np.arange")) { const sized = sizesAmong(e.callee.name); e.args.forEach((a, i) => { if (sized(i)) this.#need(a.value, names); }); if (/Array$/.test(e.callee.name) && e.args[0]) this.#size(e.args[0].value, names); }
        // The number of bins; edges are an array.
        if (e.callee.kind === "library" && e.callee.name === "np.histogram" && e.args[1]) this.#need(e.args[1].value, names);
        if (e.callee.kind === "attribute" && SIZED_METHODS.has(e.callee.name)) for (const a of e.callee.name === "fill" || e.callee.name === "set" ? e.args.slice(1) : e.args) this.#need(a.value, names);
        // Array.from({ length: n }, f)
        if (e.callee.kind === "library" && e.callee.name.endsWith(".from") && e.args[0]?.value.kind === "object") for (const x of e.args[0].value.entries) if (x.key === "length") this.#need(x.value, names);
        const { callee } = e, direct = callee.kind === "name" ? locals.get(callee.name) ?? this.#global(callee.name) : undefined;
        const methods = callee.kind === "name" ? this.#constructorOf(callee.name) : callee.kind === "attribute" ? this.#classes.flatMap((c) => c.methods.get(callee.name) ?? []) : [];
        for (const called of [...(direct ? [direct] : []), ...methods.map((m) => (m.kind === "static" || m.def.name === "__new__" ? m.def : { ...m.def, params: m.def.params.slice(1), original: m.def }))]) {
          const whole: FunctionDef = "original" in called ? (called as { original: FunctionDef }).original : called, needed = this.of(whole), fixed = this.powers(whole);
          called.params.forEach((p, i) => { if (needed.has(p.name)) { const a = e.args[i]?.value ?? e.keywords.find((k) => k.name === p.name)?.value; if (a) { this.#need(a, names); if (fixed.has(p.name)) this.#fix(a, names); } } });
          // A function inside this one may use this one's variables.
          for (const n of needed) if (!called.locals.has(n)) names.add(n);
        }
        break;
      }
      default: break;
    }
  }
  /** What the call of a class runs. */
  #constructorOf(name: string): readonly Method[] {
    const g = this.program.globals.get(name);
    for (let c = g?.kind === "class" ? g.def : undefined; c;) {
      const m = c.methods.get("__new__") ?? c.methods.get("__init__");
      if (m) return [m];
      const base: GlobalValue | undefined = c.base?.kind === "name" ? this.program.globals.get(c.base.name) : undefined;
      c = base?.kind === "class" ? base.def : undefined;
    }
    return [];
  }
  #global(name: string): FunctionDef | undefined { const g = this.program.globals.get(name); return g?.kind === "function" ? g.def : undefined; }
}

/** `i <= m` comes as a bound floor(m) + 1 where m is not known to be an integer: m bounds the loop. */
function unrounded(stop: Expr): Expr {
  const e = stop.kind === "binary" && stop.right.kind === "number" ? stop.left : stop;
  return e.kind === "call" && e.callee.kind === "library" && /^Math\.(floor|ceil)$/.test(e.callee.name) && e.args[0] ? e.args[0].value : stop;
}

function bodies(s: Stmt): readonly (readonly Stmt[])[] {
  switch (s.kind) {
    case "if": return [s.then, s.otherwise];
    case "for": return [s.body, ...(s.otherwise ? [s.otherwise] : [])];
    case "while": return [s.body, s.update, ...(s.otherwise ? [s.otherwise] : [])];
    case "count": case "block": return [s.body];
    default: return [];
  }
}
