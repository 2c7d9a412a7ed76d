/**
 * Random structured programs as graphs, for property tests: fast-check makes a specification (small numbers only, so that it shrinks), `buildGraph` reads it
 * modulo what is possible at each place. Every program is valid by construction: indices in bounds for all sizes >= 3, nothing read before it is written.
 */
import fc from "fast-check";
import { constant, input, op, symbolic, cast, type ScalarExpr, type OpName } from "../../ts/scalar/expr.js";
import type { Container, Memlet, Node, Wcr } from "../../ts/sdfg/nodes.js";
import { freshId, Graph } from "../../ts/sdfg/sdfg.js";
import { add, addInt, floordiv, int, load, max, min, mul, sub, sym, ZERO, type Expr } from "../../ts/symbolic/expr.js";
import { exitsOf } from "../../ts/analysis/paths.js";
import { matmulNode } from "../../ts/library/matmul.js";

export type ExprSpec =
  | { k: "read"; c: number; i: number[] } | { k: "const"; v: number } | { k: "var"; i: number }
  | { k: "un"; o: number; a: ExprSpec } | { k: "bin"; o: number; a: ExprSpec; b: ExprSpec } | { k: "select"; c: CondSpec; a: ExprSpec; b: ExprSpec };
export interface CondSpec { kind: number; a: ExprSpec; i: number; v: number }
export type StmtSpec =
  | { k: "assign"; c: number; i: number[]; wcr: number; e: ExprSpec; squash: number }
  | { k: "loop"; kind: number; down: boolean; locals: boolean; body: StmtSpec[] }
  | { k: "temp"; kind: number; e: ExprSpec; rest: StmtSpec[] }
  | { k: "if"; c: CondSpec; then: StmtSpec[]; otherwise: StmtSpec[] }
  | { k: "integer"; i: number[]; add: number }
  | { k: "matmul"; kind: number; accumulate: boolean }
  | { k: "leave"; c: CondSpec; body: StmtSpec[]; rest: StmtSpec[] }
  | { k: "while"; limit: number; after: boolean; data?: CondSpec | undefined; body: StmtSpec[] }
  /** Leaves one of the blocks around, after `first`. */
  | { k: "exit"; c: CondSpec; to: number; first: StmtSpec[]; otherwise: StmtSpec[] };
export interface GraphSpec { n: number; m: number; t: number; body: StmtSpec[]; seed: number; wrt: number; of: number }

export interface SpecOptions {
  /** Also while loops and exits from blocks. */
  readonly control?: boolean;
  /** More of them: exits from inside loops and branches, while loops that the data end. */
  readonly exits?: boolean;
  readonly library?: boolean;
  /** Statements per list (default 3). */
  readonly length?: number;
}

export function graphSpec(options: SpecOptions = {}): fc.Arbitrary<GraphSpec> {
  const nat = fc.nat({ max: 59 }), index = fc.array(nat, { minLength: 2, maxLength: 2 });
  const { expr } = fc.letrec<{ expr: ExprSpec; cond: CondSpec }>((tie) => ({
    expr: fc.oneof({ maxDepth: 3, withCrossShrink: true },
      { weight: 6, arbitrary: fc.record({ k: fc.constant("read" as const), c: nat, i: index }) },
      { weight: 1, arbitrary: fc.record({ k: fc.constant("const" as const), v: fc.integer({ min: -4, max: 4 }) }) },
      { weight: 1, arbitrary: fc.record({ k: fc.constant("var" as const), i: nat }) },
      { weight: 3, arbitrary: fc.record({ k: fc.constant("un" as const), o: nat, a: tie("expr") }) },
      { weight: 4, arbitrary: fc.record({ k: fc.constant("bin" as const), o: nat, a: tie("expr"), b: tie("expr") }) },
      { weight: 1, arbitrary: fc.record({ k: fc.constant("select" as const), c: tie("cond"), a: tie("expr"), b: tie("expr") }) }),
    cond: fc.record({ kind: nat, a: tie("expr"), i: nat, v: fc.integer({ min: -3, max: 3 }) }),
  })) as { expr: fc.Arbitrary<ExprSpec> };
  const cond: fc.Arbitrary<CondSpec> = fc.record({ kind: nat, a: expr, i: nat, v: fc.integer({ min: -3, max: 3 }) });
  const list = (inner: fc.Arbitrary<StmtSpec>, max = options.length ?? 3, minLength = 1): fc.Arbitrary<StmtSpec[]> => fc.array(inner, { minLength, maxLength: max });
  const { stmt } = fc.letrec<{ stmt: StmtSpec }>((tie) => ({
    stmt: fc.oneof({ maxDepth: 3, withCrossShrink: true },
      { weight: 5, arbitrary: fc.record({ k: fc.constant("assign" as const), c: nat, i: index, wcr: nat, e: expr, squash: nat }) },
      { weight: 5, arbitrary: fc.record({ k: fc.constant("loop" as const), kind: nat, down: fc.boolean(), locals: fc.boolean(), body: list(tie("stmt")) }) },
      { weight: 3, arbitrary: fc.record({ k: fc.constant("temp" as const), kind: nat, e: expr, rest: list(tie("stmt")) }) },
      { weight: 1, arbitrary: fc.record({ k: fc.constant("if" as const), c: cond, then: list(tie("stmt"), 2), otherwise: list(tie("stmt"), 2, 0) }) },
      { weight: 1, arbitrary: fc.record({ k: fc.constant("integer" as const), i: index, add: fc.nat({ max: 3 }) }) },
      ...(options.library ? [{ weight: 1, arbitrary: fc.record({ k: fc.constant("matmul" as const), kind: nat, accumulate: fc.boolean() }) }] : []),
      ...(options.control ? [
        { weight: 1, arbitrary: fc.record({ k: fc.constant("leave" as const), c: cond, body: list(tie("stmt"), 2), rest: list(tie("stmt"), 2) }) },
        { weight: 1, arbitrary: fc.record({ k: fc.constant("while" as const), limit: fc.nat({ max: 3 }), after: fc.boolean(), body: list(tie("stmt"), 2) }) },
      ] : []),
      ...(options.exits ? [
        { weight: 3, arbitrary: fc.record({ k: fc.constant("leave" as const), c: cond, body: list(tie("stmt"), 3), rest: list(tie("stmt"), 2) }) },
        { weight: 3, arbitrary: fc.record({ k: fc.constant("while" as const), limit: fc.nat({ max: 4 }), after: fc.boolean(), data: fc.option(cond, { nil: undefined }), body: list(tie("stmt"), 3) }) },
        { weight: 5, arbitrary: fc.record({ k: fc.constant("exit" as const), c: cond, to: nat, first: list(tie("stmt"), 1, 0), otherwise: list(tie("stmt"), 2, 0) }) },
      ] : []))
  })) as { stmt: fc.Arbitrary<StmtSpec> };
  return fc.record({ n: fc.integer({ min: 3, max: 5 }), m: fc.integer({ min: 3, max: 4 }), t: fc.nat({ max: 3 }), body: list(stmt, 4), seed: fc.integer({ min: 1, max: 1 << 30 }), wrt: nat, of: nat });
}

interface Var { readonly name: string; /** What it counts along; "other" is no index. */ readonly kind: "N" | "M" | "halfN" | "other"; /** lo <= v < size - hi */ readonly lo: number; readonly hi: number }
interface Known { readonly name: string; readonly dims: readonly Dim[]; readonly writable: boolean }
type Dim = "N" | "M" | "NM" | "N1";

const N = sym("N"), M = sym("M");
const SIZE: Readonly<Record<Dim, Expr>> = { N, M, NM: mul(N, M), N1: addInt(N, -1) };

const UNARY = ["sin", "cos", "tanh", "abs", "square", "neg", "rootsq", "logsq", "expsin", "recip", "powk", "pow3", "floor"] as const;
const BINARY = ["add", "sub", "mul", "mul", "div", "min", "max", "atan2", "hypot", "add"] as const;

export interface Built { readonly graph: Graph; readonly sizes: Record<string, number>; readonly floats: readonly string[]; readonly inputs: Record<string, { v: number[] }> }

export const FLOATS = ["A", "B", "C", "D", "s"] as const;

export function buildGraph(spec: GraphSpec): Built {
  return new Maker(spec).build();
}

/** The containers that a specification asks to differentiate, and with respect to which. */
export function choose(spec: GraphSpec): { readonly wrt: string[]; readonly of: string[] } {
  const pick = (bits: number): string[] => { const r = FLOATS.filter((_, i) => (bits >> i) & 1); return r.length > 0 ? r : ["A"]; };
  return { wrt: pick(spec.wrt % 32), of: pick((spec.of * 7 + 1) % 32) };
}

/** Numbers in [-1, 1) that depend on the seed only. */
export function randoms(seed: number, count: number): number[] {
  let x = (seed * 2654435761) >>> 0 || 1;
  return Array.from({ length: count }, () => { x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; return x / 2 ** 31 - 1; });
}

class Maker {
  readonly containers = new Map<string, Container>();
  readonly known: Known[] = [];
  readonly vars: Var[] = [];
  readonly labels: string[] = [];
  #next = 0;
  constructor(readonly spec: GraphSpec) {}

  build(): Built {
    const { n, m, t, seed } = this.spec;
    const data = (name: string, dims: readonly Dim[], dtype: Container["dtype"] = "float64"): void => {
      this.containers.set(name, { name, dtype, shape: dims.map((d) => SIZE[d]), transient: false });
      if (dtype === "float64") this.known.push({ name, dims, writable: true });
    };
    data("A", ["N"]); data("B", ["N"]); data("C", ["N", "M"]); data("D", ["N", "M"]); data("s", []);
    data("idx", ["N"], "int64"); data("jdx", ["N"], "int64"); data("cnt", ["N"], "int64");
    const view = (name: string, base: string, dims: readonly Dim[], offset: Expr): void => {
      this.containers.set(name, { name, dtype: "float64", shape: dims.map((d) => SIZE[d]), transient: false, view: { base, offset } });
      this.known.push({ name, dims, writable: true });
    };
    view("flatC", "C", ["NM"], ZERO); view("rowD", "D", ["M"], M); view("tailA", "A", ["N1"], int(1));
    const parameters = ["A", "B", "C", "D", "s", "idx", "jdx", "cnt"];
    const body = this.list(this.spec.body, []);
    const graph = new Graph({
      name: "random", containers: this.containers, symbols: ["N", "M", "T"], assumptions: [addInt(N, -3), addInt(M, -3), sym("T")],
      parameters: parameters.map((name) => ({ kind: "container" as const, name, container: name })), result: { kind: "none" }, checks: [], body,
    });
    const sizes = { N: n, M: m, T: t };
    const r = randoms(seed, 200), inputs: Record<string, { v: number[] }> = {};
    let at = 0;
    const take = (k: number): number[] => { at += k; return r.slice(at - k, at); };
    inputs["A"] = { v: take(n) }; inputs["B"] = { v: take(n) }; inputs["C"] = { v: take(n * m) }; inputs["D"] = { v: take(n * m) }; inputs["s"] = { v: take(1) };
    const whole = (k: number, below: number): number[] => take(k).map((x) => Math.min(below - 1, Math.floor((x + 1) / 2 * below)));
    inputs["idx"] = { v: whole(n, n) }; inputs["jdx"] = { v: whole(n, n) }; inputs["cnt"] = { v: whole(n, m + 1) };
    return { graph, sizes, floats: FLOATS, inputs };
  }

  fresh(prefix: string): string { return `${prefix}${this.#next++}`; }

  list(specs: readonly StmtSpec[], locals: string[]): Node[] {
    const out: Node[] = [];
    for (const s of specs) out.push(...this.stmt(s, locals));
    return out;
  }

  /** An index into a dimension, in bounds wherever the loops around run. */
  index(dim: Dim, pick: number): Expr {
    const options: Expr[] = [];
    const size = SIZE[dim];
    for (const v of [...this.vars].reverse()) {
      const e = sym(v.name);
      if (v.kind === dim) {
        options.push(e);
        for (let c = 1; c <= Math.min(2, v.hi); c++) options.push(addInt(e, c));
        for (let c = 1; c <= Math.min(2, v.lo); c++) options.push(addInt(e, -c));
        options.push(sub(addInt(size, -1), e));
        if (dim === "N") options.push(load("idx", [e]), load("jdx", [e]));
      }
      if (dim === "N" && v.kind === "halfN") options.push(addInt(mul(int(2), e), 1), mul(int(2), e), e);
      if (dim === "N1" && v.kind === "N") { if (v.lo >= 1) options.push(addInt(e, -1)); if (v.hi >= 1) options.push(e); }
      if (dim === "NM") for (const w of this.vars) if ((v.kind === "N" || v.kind === "M") && w.kind !== v.kind && (w.kind === "N" || w.kind === "M")) {
        const [i, j] = v.kind === "N" ? [v, w] : [w, v];
        options.push(add(mul(sym(i.name), M), sym(j.name)));
      }
    }
    options.push(int(1), addInt(size, -1), ZERO);
    // The first options, those of the innermost loops, are the likeliest.
    const k = pick % (options.length * 2);
    return options[k < options.length ? k : (k - options.length) % Math.min(options.length, 3)]!;
  }
  memlet(c: Known, picks: readonly number[]): Memlet { return { data: c.name, index: c.dims.map((d, i) => this.index(d, picks[i] ?? 0)) }; }

  expr(e: ExprSpec, inputs: Memlet[]): ScalarExpr {
    const f = "float64", num = (v: number): ScalarExpr => constant(v, f);
    const o = (name: OpName, ...args: ScalarExpr[]): ScalarExpr => op(name, f, ...args);
    switch (e.k) {
      case "read": { const c = e.c >= 40 ? this.known.at(-1)! : this.known[e.c % this.known.length]!; inputs.push(this.memlet(c, e.i)); return input(inputs.length - 1, f); }
      case "const": return num(e.v / 2);
      case "var": { const v = this.vars[e.i % Math.max(1, this.vars.length)]; return v ? o("mul", num(0.25), cast(symbolic(sym(v.name)), f)) : num(0.75); }
      case "select": { const c = this.condition(e.c, inputs); return o("select", c, this.expr(e.a, inputs), this.expr(e.b, inputs)); }
      case "un": {
        const a = this.expr(e.a, inputs), safe = o("add", num(0.5), o("mul", a, a));
        const name = UNARY[e.o % UNARY.length]!;
        switch (name) {
          case "rootsq": return o("sqrt", safe);
          case "logsq": return o("log", safe);
          case "expsin": return o("exp", o("sin", a));
          case "recip": return o("reciprocal", o("add", num(1), safe));
          case "powk": return o("pow", safe, num(1.5));
          case "pow3": return o("pow", o("sin", a), num(3));
          case "floor": return o("floor", o("mul", num(3), a));
          default: return o(name, a);
        }
      }
      case "bin": {
        const a = this.expr(e.a, inputs), b = this.expr(e.b, inputs), name = BINARY[e.o % BINARY.length]!;
        const safe = o("add", num(1), o("mul", b, b));
        return name === "div" ? o("div", a, safe) : name === "atan2" ? o("atan2", a, safe) : name === "hypot" ? o("hypot", a, safe) : o(name, a, b);
      }
    }
  }
  condition(c: CondSpec, inputs: Memlet[]): ScalarExpr {
    const v = this.vars[c.i % Math.max(1, this.vars.length)];
    const kind = c.kind % (v ? 4 : 1);
    const data = (): ScalarExpr => op(c.i % 2 === 0 ? "gt" : "le", "bool", this.expr(c.a, inputs), constant(c.v / 4 + 0.03, "float64"));
    const place = (): ScalarExpr => op((["lt", "ge", "eq", "ne"] as const)[Math.floor(c.kind / 4) % 4]!, "bool", symbolic(sym(v!.name)), constant(Math.abs(c.v), "int64"));
    switch (kind) {
      case 0: return data();
      case 1: case 2: return place();
      default: return op(c.v % 2 === 0 ? "and" : "or", "bool", place(), data());
    }
  }

  assign(target: Memlet, e: ExprSpec, squash: number, wcr?: Wcr): Node {
    const inputs: Memlet[] = [];
    const f = "float64";
    let code = this.expr(e, inputs);
    if (wcr === "prod") code = op("add", f, constant(1, f), op("mul", f, constant(0.3, f), op("tanh", f, code)));
    else if (squash % 3 === 0) code = op("sin", f, code);
    else if (squash % 3 === 1) code = op("mul", f, constant(0.5, f), code);
    return { kind: "tasklet", id: freshId(), inputs, output: target, code, ...(wcr ? { wcr } : {}) };
  }

  stmt(s: StmtSpec, locals: string[]): Node[] {
    switch (s.k) {
      case "assign": {
        const targets = this.known.filter((c) => c.writable), c = targets[s.c % targets.length]!;
        const wcr = ([undefined, undefined, undefined, "sum", "sum", "prod", "min", "max"] as const)[s.wcr % 8];
        return [this.assign(this.memlet(c, s.i), s.e, s.squash, wcr)];
      }
      case "integer": {
        // jdx[i] = (jdx[i] + k) mod N
        const i = this.index("N", s.i[0]!), w = "int64";
        if (i.key.includes("jdx")) return [];
        return [{ kind: "tasklet", id: freshId(), inputs: [{ data: "jdx", index: [i] }], output: { data: "jdx", index: [i] }, code: op("mod", w, op("add", w, input(0, w), constant(s.add, w)), symbolic(N)) }];
      }
      case "if": {
        const inputs: Memlet[] = [], code = this.condition(s.c, inputs);
        const then = this.list(s.then, []), otherwise = this.list(s.otherwise, []);
        return [{ kind: "conditional", id: freshId(), branches: [{ condition: { inputs, code }, body: then }, ...(otherwise.length > 0 ? [{ body: otherwise }] : [])] }];
      }
      case "loop": return [this.loop(s)];
      case "temp": {
        const dims = ([[], ["N"], ["N", "M"], ["M"], []] as const)[s.kind % 5]!, name = this.fresh("t");
        this.containers.set(name, { name, dtype: "float64", shape: dims.map((d) => SIZE[d]), transient: true });
        const depth = this.vars.length;
        const loops = dims.map((d) => { const v = this.fresh("c"); this.vars.push({ name: v, kind: d, lo: 0, hi: 0 }); return v; });
        const cover = loops.reduceRight<Node>((inner, v, d) => ({ kind: "loop", id: freshId(), variable: v, begin: ZERO, end: SIZE[dims[d]!], order: "up", body: [inner] }), this.assign({ data: name, index: loops.map(sym) }, s.e, 0));
        this.vars.length = depth;
        const known = this.known.length;
        this.known.push({ name, dims, writable: true });
        const rest = this.list(s.rest, locals);
        this.known.splice(known, 1);
        locals.push(name);
        return [cover, ...rest];
      }
      case "matmul": return this.matmul(s.kind, s.accumulate);
      case "leave": {
        const inputs: Memlet[] = [], code = this.condition(s.c, inputs), label = this.fresh("L");
        this.labels.push(label);
        const body = this.list(s.body, []), rest = this.list(s.rest, []);
        this.labels.pop();
        return [{ kind: "block", id: freshId(), label, body: [...body, { kind: "conditional", id: freshId(), branches: [{ condition: { inputs, code }, body: [{ kind: "exit", id: freshId(), label }] }] }, ...rest] }];
      }
      case "while": {
        const w = "int64", counter = this.fresh("k"), n = this.fresh("w");
        this.containers.set(n, { name: n, dtype: w, shape: [], transient: true });
        const label = this.fresh("W"), inside = this.labels.length;
        this.labels.push(label);
        const list = this.list(s.body, []);
        this.labels.pop();
        // Its own exits continue with the next iteration.
        const body: Node[] = list.some((x) => exitsOf(x).has(label)) ? [{ kind: "block", id: freshId(), label, body: list }] : list;
        this.labels.length = inside;
        const more: Memlet[] = [{ data: n, index: [] }], limit = op("lt", "bool", input(0, w), constant(s.limit, w)), code = s.data ? op("and", "bool", limit, this.condition({ ...s.data, kind: 0 }, more)) : limit;
        const set = (code: ScalarExpr, inputs: Memlet[]): Node => ({ kind: "tasklet", id: freshId(), inputs, output: { data: n, index: [] }, code });
        return [set(constant(0, w), []), {
          kind: "while", id: freshId(), counter, testAfter: s.after,
          condition: { inputs: more, code },
          body: [...body, set(op("add", w, input(0, w), constant(1, w)), [{ data: n, index: [] }])],
        }];
      }
      case "exit": {
        const inputs: Memlet[] = [], code = this.condition(s.c, inputs), label = this.labels[s.to % Math.max(1, this.labels.length)];
        const first = this.list(s.first, []), otherwise = this.list(s.otherwise, []);
        return [{ kind: "conditional", id: freshId(), branches: [{ condition: { inputs, code }, body: label === undefined ? first : [...first, { kind: "exit", id: freshId(), label }] }, ...(otherwise.length > 0 ? [{ body: otherwise }] : [])] }];
      }
    }
  }

  loop(s: StmtSpec & { k: "loop" }): Node {
    const name = this.fresh("i");
    const last = [...this.vars].reverse().find((v) => v.kind === "N" || v.kind === "M");
    const size = last?.kind === "M" ? M : N, e = last ? sym(last.name) : ZERO;
    const kinds: (() => [Var, Expr, Expr])[] = [
      () => [{ name, kind: "N", lo: 0, hi: 0 }, ZERO, N],
      () => [{ name, kind: "M", lo: 0, hi: 0 }, ZERO, M],
      () => [{ name, kind: "N", lo: 1, hi: 1 }, int(1), addInt(N, -1)],
      () => [{ name, kind: "M", lo: 1, hi: 1 }, int(1), addInt(M, -1)],
      () => [{ name, kind: "other", lo: 0, hi: 0 }, ZERO, int(2)],
      () => [{ name, kind: "other", lo: 0, hi: 0 }, ZERO, sym("T")],
      () => [{ name, kind: "halfN", lo: 0, hi: 0 }, ZERO, floordiv(N, int(2))],
      () => [{ name, kind: "M", lo: 0, hi: 0 }, ZERO, load("cnt", [this.index("N", s.kind)])],
      () => [{ name, kind: "N", lo: 0, hi: 0 }, int(2), int(1)],
      ...(last ? [
        (): [Var, Expr, Expr] => [{ name, kind: last.kind, lo: 0, hi: last.hi + 1 }, ZERO, e],
        (): [Var, Expr, Expr] => [{ name, kind: last.kind, lo: last.lo, hi: 0 }, e, size],
        (): [Var, Expr, Expr] => [{ name, kind: last.kind, lo: last.lo + 1, hi: 0 }, addInt(e, 1), size],
        (): [Var, Expr, Expr] => [{ name, kind: last.kind, lo: 0, hi: 0 }, ZERO, min(addInt(e, 2), size)],
        (): [Var, Expr, Expr] => [{ name, kind: last.kind, lo: 0, hi: 0 }, max(addInt(e, -1), ZERO), min(addInt(e, 2), size)],
      ] : []),
    ];
    const [v, begin, end] = kinds[s.kind % kinds.length]!();
    this.vars.push(v);
    const locals: string[] = [];
    const body = this.list(s.body, locals);
    this.vars.pop();
    return { kind: "loop", id: freshId(), variable: name, begin, end, order: s.down ? "down" : "up", body, ...(s.locals && locals.length > 0 ? { locals } : {}) };
  }

  /** A product into a temporary, whose part is then copied: operands of all orientations. */
  matmul(kind: number, accumulate: boolean): Node[] {
    const whole = (data: string, dims: readonly [Expr, Expr]) => ({ data, base: [ZERO, ZERO], axes: [0, 1], sizes: dims });
    const flip = (o: ReturnType<typeof whole>) => ({ ...o, axes: [1, 0], sizes: [o.sizes[1], o.sizes[0]] as const });
    const C = whole("C", [N, M]), D = whole("D", [N, M]);
    const name = this.fresh("p");
    const make = (shape: readonly [Expr, Expr]): ReturnType<typeof whole> => { this.containers.set(name, { name, dtype: "float64", shape, transient: true }); return whole(name, shape); };
    const nodes: Node[] = [];
    const filled = (o: ReturnType<typeof whole>): Node => {
      const i = this.fresh("c"), j = this.fresh("c");
      const set: Node = { kind: "tasklet", id: freshId(), inputs: [], output: { data: name, index: [sym(i), sym(j)] }, code: constant(0.25, "float64") };
      return { kind: "loop", id: freshId(), variable: i, begin: ZERO, end: o.sizes[0], order: "any", body: [{ kind: "loop", id: freshId(), variable: j, begin: ZERO, end: o.sizes[1], order: "any", body: [set] }] };
    };
    const small = (o: ReturnType<typeof whole>) => ({ ...o, base: [int(1), ZERO], sizes: [int(2), o.sizes[1]] as const });
    let out: ReturnType<typeof whole>;
    switch (kind % 4) {
      case 0: out = make([N, N]); nodes.push(matmulNode(C, flip(D), out, accumulate, 0.5)); break;
      case 1: out = make([M, M]); nodes.push(matmulNode(flip(C), C, out, accumulate)); break;
      case 2: out = make([int(2), N]); nodes.push(matmulNode(small(C), flip(D), out, accumulate, 0.25)); break;
      // C (+)= D · (DᵀD)
      default: out = make([M, M]); nodes.push(matmulNode(flip(D), D, out, accumulate, 0.5), matmulNode(D, out, C, accumulate, 0.5));
    }
    if (accumulate) nodes.unshift(filled(out));
    const corner = { data: "C", index: [int(1), int(1)] };
    nodes.push({ kind: "tasklet", id: freshId(), inputs: [{ data: name, index: [int(1), int(2)] }, { data: name, index: [ZERO, ZERO] }, corner], output: corner, code: op("sin", "float64", op("add", "float64", input(0, "float64"), op("mul", "float64", input(1, "float64"), input(2, "float64")))) });
    return nodes;
  }
}
