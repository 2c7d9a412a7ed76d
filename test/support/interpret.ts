/**
 * A direct interpreter of graphs on JavaScript arrays of dual numbers: the independent meaning of a graph that passes, differentiation and backends are judged by.
 * It shares no code with ts/lower. It checks what it executes: every access in bounds, nothing read that was never written, locals private to an
 * iteration, iterations of maps independent (they run in a random order, and two of them may not touch one element that one of them writes, except
 * that both combine in the same way). It also runs joint graphs, whose `saved` reads are answered from copies made as the forward sweep ran.
 */
import type { Condition, Container, LibraryNode, Memlet, Node, Operand, Saved, Wcr } from "../../ts/sdfg/nodes.js";
import type { Graph } from "../../ts/sdfg/sdfg.js";
import type { Expr } from "../../ts/symbolic/expr.js";
import { evalScalar, stored, UNSET, type Dual } from "./scalar.js";

export interface Input { readonly v: readonly number[]; /** Direction; absent: zero. */ readonly d?: readonly number[] }
export interface InterpretOptions {
  /** Seed of the order in which maps run; 0: ascending. */
  readonly seed?: number;
  /** Stop after that many executed nodes. */
  readonly fuel?: number;
  /** Told of every read of a memlet: the element, and the number of the write that gave it its value (0: an input). */
  readonly onRead?: (m: Memlet, base: string, at: number, stamp: number, here: { readonly value: number; readonly place: (x: Memlet) => { readonly base: string; readonly at: number } }) => void;
  /** Told at the end of the number of each element's last write. */
  readonly onEnd?: (stampOf: (base: string, at: number) => number) => void;
  /** Look for iterations of maps that depend on one another (default true). */
  readonly races?: boolean;
}

export class Invalid extends Error {}
class Exit { constructor(readonly label: string) {} }
export class Raised extends Error {}

interface Buffer { readonly v: Float64Array; readonly d: Float64Array; readonly set: Uint8Array }

export function interpret(graph: Graph, sizes: Readonly<Record<string, number>>, inputs: Readonly<Record<string, Input>>, options: InterpretOptions = {}): Map<string, { v: number[]; d: number[]; set: boolean[] }> {
  return new Machine(graph, sizes, options).run(inputs);
}

class Machine {
  readonly #buffers = new Map<string, Buffer>();
  readonly #env: Map<string, number>;
  readonly #shapes = new Map<string, number[]>();
  readonly #wanted = new Map<string, Set<string>>();
  readonly #kept = new Map<string, Buffer>();
  #random: number;
  #fuel: number;
  /** Conflict detection: per active map, element → how it was touched and by which iteration. */
  readonly #maps: { iteration: number; touched: Map<string, { iteration: number; how: string }>; own: Set<string> }[] = [];

  constructor(readonly graph: Graph, sizes: Readonly<Record<string, number>>, readonly options: InterpretOptions) {
    this.#env = new Map(Object.entries(sizes));
    this.#random = (options.seed ?? 1) >>> 0 || 1;
    this.#fuel = options.fuel ?? 1e7;
  }

  run(inputs: Readonly<Record<string, Input>>): Map<string, { v: number[]; d: number[]; set: boolean[] }> {
    for (const c of this.graph.containers.values()) {
      const shape = c.shape.map((e, d) => (c.growable && d === 0 ? 0 : Math.max(0, this.#int(e))));
      this.#shapes.set(c.name, shape);
      if (c.view) continue;
      const n = shape.reduce((a, b) => a * b, 1), b: Buffer = { v: new Float64Array(n).fill(NaN), d: new Float64Array(n), set: new Uint8Array(n) };
      const given = inputs[c.name];
      if (given) {
        if (given.v.length !== n) throw new Error(`${c.name} has ${n} elements, not ${given.v.length}`);
        b.v.set(given.v); b.set.fill(1);
        if (given.d) b.d.set(given.d);
      }
      this.#buffers.set(c.name, b);
    }
    this.#findSaved(this.graph.body);
    this.#list(this.graph.body);
    this.options.onEnd?.((base, at) => this.#stamps.get(`${base}:${at}`) ?? 0);
    const out = new Map<string, { v: number[]; d: number[]; set: boolean[] }>();
    for (const [name, b] of this.#buffers) out.set(name, { v: [...b.v], d: [...b.d], set: [...b.set].map(Boolean) });
    return out;
  }

  // ---- saved values of joint graphs

  #findSaved(body: readonly Node[]): void {
    const want = (data: string, s: Saved | undefined): void => {
      if (!s) return;
      const key = `${s.node}${s.when}`, set = this.#wanted.get(key) ?? new Set();
      set.add(this.#base(data)); this.#wanted.set(key, set);
    };
    const condition = (c: Condition | undefined): void => { for (const m of c?.inputs ?? []) want(m.data, m.saved); };
    for (const n of body) {
      if (n.kind === "tasklet") for (const m of n.inputs) want(m.data, m.saved);
      else if (n.kind === "library") for (const o of n.inputs) want(o.data, o.saved);
      else if (n.kind === "conditional") for (const b of n.branches) { condition(b.condition); this.#findSaved(b.body); }
      else if (n.kind === "while") { condition(n.condition); this.#findSaved(n.body); }
      else if (n.kind === "loop" || n.kind === "block") this.#findSaved(n.body);
    }
  }
  /** Loops around the node that runs now, as `name=value` in a canonical order. */
  readonly #around: string[] = [];
  #keep(node: number, when: "before" | "after"): void {
    const wanted = this.#wanted.get(`${node}${when}`);
    if (!wanted) return;
    for (const data of wanted) {
      const b = this.#buffers.get(data)!;
      this.#kept.set(`${node}${when}|${data}|${this.#here()}`, { v: b.v.slice(), d: b.d.slice(), set: b.set.slice() });
      const names = this.#around.join(",");
      const old = this.#scope.get(`${node}`);
      if (old === undefined) this.#scope.set(`${node}`, [...this.#around]); else if (old.join(",") !== names) throw new Error("one node in two places");
    }
  }
  readonly #scope = new Map<string, string[]>();
  readonly #stamps = new Map<string, number>();
  #writes = 0;
  #here(): string { return this.#around.map((v) => `${v}=${this.#env.get(v)}`).join(","); }

  // ---- memory

  #base(data: string): string { return this.graph.container(data).view?.base ?? data; }
  #int(e: Expr): number {
    let sum = 0;
    for (const t of e.terms) {
      let p = t.coefficient;
      for (const a of t.atoms) {
        switch (a.kind) {
          case "symbol": { const v = this.#env.get(a.name); if (v === undefined) throw new Invalid(`symbol ${a.name} has no value here`); p *= v; break; }
          case "floordiv": p *= Math.floor(this.#int(a.a) / this.#int(a.b)); break;
          case "mod": { const m = this.#int(a.b); p *= this.#int(a.a) - m * Math.floor(this.#int(a.a) / m); break; }
          case "min": p *= Math.min(...a.args.map((x) => this.#int(x))); break;
          case "max": p *= Math.max(...a.args.map((x) => this.#int(x))); break;
          case "load": { const x = this.#read({ data: a.data, index: a.index }); if (x.unset) throw new Invalid(`index ${a.key} was never written`); p *= x.v; break; }
        }
      }
      sum += p;
    }
    return sum;
  }
  #flat(c: Container, index: readonly Expr[]): number {
    const shape = this.#shapes.get(c.name)!;
    if (index.length !== shape.length) throw new Invalid(`${c.name} has ${shape.length} dimensions, not ${index.length}`);
    let at = 0;
    index.forEach((e, d) => {
      const i = this.#int(e);
      if (!(i >= 0 && i < shape[d]!)) throw new Invalid(`${c.name}[${index.map((x) => `${x.key}=${this.#int(x)}`).join(", ")}] is out of bounds (${shape.join(" x ")})`);
      at = at * shape[d]! + i;
    });
    if (!c.view) return at;
    at += this.#int(c.view.offset);
    if (at >= this.#buffers.get(c.view.base)!.v.length) throw new Invalid(`view ${c.name} leaves its base`);
    return at;
  }
  #touch(base: string, at: number, how: string): void {
    if (this.options.races === false) return;
    for (const m of this.#maps) {
      if (m.own.has(base)) continue;
      const key = `${base}:${at}`, old = m.touched.get(key);
      if (!old) { m.touched.set(key, { iteration: m.iteration, how }); continue; }
      if (old.iteration !== m.iteration && (how !== "read" || old.how !== "read") && !(how === old.how && how !== "write")) throw new Invalid(`two iterations of a map touch ${base}[${at}] (${old.how}, ${how})`);
      // The stronger of the two is what others are compared with.
      if (old.how === "read" && how !== "read") m.touched.set(key, { iteration: m.iteration, how });
      else if (old.how !== "write" && how === "write") m.touched.set(key, { iteration: m.iteration, how });
    }
  }
  #read(m: Memlet, quiet = false): Dual {
    if (m.guard?.some((g) => this.#int(g) < 0)) return { v: 0, d: 0 };
    const c = this.graph.container(m.data), at = this.#flat(c, m.index), base = this.#base(m.data);
    let b = this.#buffers.get(base)!;
    if (m.saved) b = this.#savedBuffer(m.saved, base);
    else if (!quiet) this.#touch(base, at, "read");
    this.options.onRead?.(m, base, at, this.#stamps.get(`${base}:${at}`) ?? 0, { value: b.set[at] ? b.v[at]! : NaN, place: (x) => ({ base: this.#base(x.data), at: this.#flat(this.graph.container(x.data), x.index) }) });
    return b.set[at] ? { v: b.v[at]!, d: b.d[at]! } : UNSET;
  }
  #savedBuffer(s: Saved, base: string): Buffer {
    const scope = this.#scope.get(`${s.node}`);
    const key = `${s.node}${s.when}|${base}|${(scope ?? []).map((v) => `${v}=${this.#env.get(v)}`).join(",")}`;
    const b = this.#kept.get(key);
    if (!b) throw new Invalid(`node ${s.node} never ran in this iteration (${key})`);
    return b;
  }
  #write(m: Memlet, x: Dual, wcr: Wcr | undefined): void {
    const c = this.graph.container(m.data), at = this.#flat(c, m.index), base = this.#base(m.data), b = this.#buffers.get(base)!;
    this.#touch(base, at, wcr ?? "write");
    if (this.options.onRead) this.#stamps.set(`${base}:${at}`, ++this.#writes);
    if (wcr) {
      if (!b.set[at] || x.unset) throw new Invalid(`${wcr} into ${m.data}, which was never written`);
      const old = { v: b.v[at]!, d: b.d[at]! };
      const f32 = c.dtype;
      x = stored(wcr === "sum" ? { v: old.v + x.v, d: old.d + x.d } : wcr === "prod" ? { v: old.v * x.v, d: old.d * x.v + old.v * x.d }
        : Number.isNaN(old.v) || Number.isNaN(x.v) ? { v: NaN, d: 0 } : old.v === x.v ? { v: x.v, d: (old.d + x.d) / 2 } : (wcr === "min") === x.v < old.v ? x : old, f32);
    } else x = stored(x, c.dtype);
    b.v[at] = x.v; b.d[at] = x.d; b.set[at] = x.unset ? 0 : 1;
  }

  // ---- nodes

  #list(body: readonly Node[]): void { for (const n of body) this.#node(n); }
  #scalar(code: Parameters<typeof evalScalar>[0], inputs: readonly Memlet[], quiet = false): Dual {
    return evalScalar(code, (i) => this.#read(inputs[i]!, quiet), (e) => this.#int(e));
  }
  #holds(c: Condition): boolean { const x = this.#scalar(c.code, c.inputs); if (x.unset) throw new Invalid("a condition on a value that was never written"); return x.v !== 0; }

  #node(n: Node): void {
    if (--this.#fuel < 0) throw new Invalid("out of fuel");
    this.#keep(n.id, "before");
    switch (n.kind) {
      // A tape's slice may hold elements that nobody asks for, and that another iteration is about to write.
      case "tasklet": this.#write(n.output, this.#scalar(n.code, n.inputs, this.graph.container(n.output.data).role === "tape" && n.code.kind === "input"), n.wcr); break;
      case "loop": this.#loop(n); break;
      case "conditional": {
        for (const b of n.branches) if (!b.condition || this.#holds(b.condition)) { this.#list(b.body); break; }
        break;
      }
      case "while": {
        try { for (let k = 0; ; k++) {
          if (--this.#fuel < 0) throw new Invalid("out of fuel");
          this.#env.set(n.counter, k);
          if (!n.testAfter && !this.#holds(n.condition)) break;
          this.#around.push(n.counter);
          try { this.#list(n.body); } finally { this.#around.pop(); }
          if (n.testAfter && !this.#holds(n.condition)) break;
        } } finally { this.#env.delete(n.counter); }
        break;
      }
      case "block": try { this.#list(n.body); } catch (e) { if (!(e instanceof Exit) || e.label !== n.label) throw e; } break;
      // eslint-disable-next-line @typescript-eslint/only-throw-error
      case "exit": throw new Exit(n.label);
      case "raise": throw new Raised(n.message);
      case "library": this.#library(n); break;
    }
    this.#keep(n.id, "after");
  }

  #loop(n: Node & { kind: "loop" }): void {
    const begin = this.#int(n.begin), end = this.#int(n.end), values: number[] = [];
    for (let v = begin; v < end; v++) values.push(v);
    if (n.order === "down") values.reverse();
    if (n.order === "any" && this.options.seed !== 0) for (let i = values.length - 1; i > 0; i--) { const j = this.#next() % (i + 1); [values[i], values[j]] = [values[j]!, values[i]!]; }
    const old = this.#env.get(n.variable);
    if (old !== undefined) throw new Invalid(`loop variable ${n.variable} is in use`);
    const map = n.order === "any" ? { iteration: 0, touched: new Map(), own: new Set(n.locals ?? []) } : undefined;
    // What is private to a loop inside a map is the map's own, too.
    for (const m of this.#maps) for (const x of n.locals ?? []) m.own.add(x);
    if (map) this.#maps.push(map);
    this.#around.push(n.variable);
    const poison = (): void => { for (const x of n.locals ?? []) { const b = this.#buffers.get(x); if (!b) throw new Invalid(`local ${x} is a view`); b.set.fill(0); b.v.fill(NaN); } };
    try {
      for (const v of values) {
        this.#env.set(n.variable, v);
        if (map) map.iteration = v;
        poison();
        this.#list(n.body);
      }
    } finally {
      poison();
      this.#around.pop();
      if (map) this.#maps.pop();
      this.#env.delete(n.variable);
    }
  }

  #next(): number { let x = this.#random; x ^= x << 13; x >>>= 0; x ^= x >>> 17; x ^= x << 5; x >>>= 0; this.#random = x; return x; }

  #element(o: Operand, at: readonly number[]): { base: string; buffer: Buffer; flat: number } {
    const c = this.graph.container(o.data), shape = this.#shapes.get(c.name)!;
    const index = o.base.map((e) => this.#int(e));
    o.axes.forEach((axis, d) => { index[axis]! += at[d]!; });
    let flat = 0;
    index.forEach((i, d) => { if (!(i >= 0 && i < shape[d]!)) throw new Invalid(`operand ${o.data} leaves its container`); flat = flat * shape[d]! + i; });
    if (c.view) flat += this.#int(c.view.offset);
    const base = this.#base(o.data);
    return { base, buffer: o.saved ? this.#savedBuffer(o.saved, base) : this.#buffers.get(base)!, flat };
  }
  #grow(o: Operand): void {
    if (!this.graph.container(o.data).growable) throw new Invalid(`${o.data} does not grow`);
    if (this.#maps.length > 0) throw new Invalid(`${o.data} grows inside a map`);
    const shape = this.#shapes.get(o.data)!, old = this.#buffers.get(o.data)!;
    shape[0] = Math.max(shape[0]!, this.#int(o.sizes[0]!));
    const n = shape.reduce((a, b) => a * b, 1), b: Buffer = { v: new Float64Array(n).fill(NaN), d: new Float64Array(n), set: new Uint8Array(n) };
    b.v.set(old.v); b.d.set(old.d); b.set.set(old.set);
    this.#buffers.set(o.data, b);
  }
  #library(n: LibraryNode): void {
    if (n.op === "grow") { this.#grow(n.outputs[0]!); return; }
    if (n.op !== "matmul") throw new Error(`the interpreter has no ${n.op}`);
    const [a, b] = n.inputs as [Operand, Operand], [c] = n.outputs as [Operand];
    const alpha = Number(n.attributes["alpha"] ?? 1);
    const [m, k] = a.sizes.map((e) => this.#int(e)) as [number, number], q = this.#int(b.sizes[1]!);
    const get = (o: Operand, i: number, j: number): Dual => {
      const e = this.#element(o, [i, j]);
      if (!o.saved) this.#touch(e.base, e.flat, "read");
      if (!e.buffer.set[e.flat]) throw new Invalid(`matmul reads ${o.data}, which was never written`);
      return { v: e.buffer.v[e.flat]!, d: e.buffer.d[e.flat]! };
    };
    const out: Dual[] = [];
    for (let i = 0; i < m; i++) for (let j = 0; j < q; j++) {
      let v = 0, d = 0;
      for (let x = 0; x < k; x++) { const p = get(a, i, x), r = get(b, x, j); v += p.v * r.v; d += p.d * r.v + p.v * r.d; }
      out.push({ v: alpha * v, d: alpha * d });
    }
    for (let i = 0; i < m; i++) for (let j = 0; j < q; j++) {
      const e = this.#element(c, [i, j]), x = out[i * q + j]!;
      this.#touch(e.base, e.flat, n.accumulate ? "sum" : "write");
      if (n.accumulate && !e.buffer.set[e.flat]) throw new Invalid(`matmul adds to ${c.data}, which was never written`);
      e.buffer.v[e.flat] = n.accumulate ? e.buffer.v[e.flat]! + x.v : x.v;
      e.buffer.d[e.flat] = n.accumulate ? e.buffer.d[e.flat]! + x.d : x.d;
      e.buffer.set[e.flat] = 1;
    }
  }
}
