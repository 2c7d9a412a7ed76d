/**
 * Seconds that a program takes, as it is scheduled, for given sizes: for each innermost loop the larger of what its operations take in the core and what its memory
 * takes, by how far away that is (`reuse.ts`). Nothing runs; the same program, sizes and rates give the same number.
 */
import { accessesOf, flatIndex, type Access } from "../../analysis/accesses.js";
import { bodiesOf } from "../../analysis/paths.js";
import { exprsOf } from "../../analysis/walk.js";
import { bytesOf } from "../../base/dtypes.js";
import { InternalError } from "../../base/errors.js";
import type { MemoryRate, Rates } from "../../base/rates.js";
import { LIBRARY } from "../../library/index.js";
import type { ScalarExpr } from "../../scalar/expr.js";
import { isInnermost } from "../../schedule/simd.js";
import { PARALLEL_UNITS } from "../../schedule/threshold.js";
import type { Branch, Condition, Container, LibraryNode, Loop, Node } from "../../sdfg/nodes.js";
import type { Graph } from "../../sdfg/sdfg.js";
import { affine, evaluate, freeSymbols, hasLoads, ONE, type Expr } from "../../symbolic/expr.js";
import { WIDTH } from "../apply/actions.js";
import { Asked } from "./asked.js";
import { isList } from "./lists.js";
import { iterationOf, type Iteration } from "./operations.js";
import { linearPart, Reuse } from "./reuse.js";

/** How often a loop of unknown length is taken to run, and what an unknown number is taken to be. */
const SOME = 16;
/** The part of reading that is not in writing already, where what is written has been read. */
const BOTH = 0.25;
/** How often longer than a loop that goes through it a product takes for an operand. */
const WAITS = 2;
/** Launches that a host could make while it waits for a value. */
const WAIT = 2;
/** Vector loops shorter than this run as scalar ones. */
const SHORT = 4;

/** What stands between two uses of an element decides where it is by then. */
export function memoryRate(table: readonly MemoryRate[], bytes: number): MemoryRate {
  const at = table.findIndex((m) => m.bytes >= bytes);
  if (at <= 0) return at < 0 ? table.at(-1)! : table[0]!;
  const a = table[at - 1]!, b = table[at]!, f = Math.log(bytes / a.bytes) / Math.log(b.bytes / a.bytes);
  return { bytes, read: a.read + f * (b.read - a.read), write: a.write + f * (b.write - a.write) };
}

interface Traffic { readonly access: Access; readonly container: Container; readonly reads: boolean; readonly writes: boolean; /** Elements between iterations; undefined where it is not known. */ readonly stride: Expr | undefined; readonly from: Loop | undefined }
interface Nest { readonly iteration: Iteration; readonly vector: boolean; readonly traffic: readonly Traffic[] }

export interface Call {
  readonly sizes: ReadonlyMap<string, number>;
  /** A planner's lists of actions, by container. */
  readonly lists?: ReadonlyMap<string, readonly number[]>;
}

export class TimeModel {
  readonly #reuse: Reuse;
  readonly #asked: Asked;
  /** Values that the host of a GPU reads. */
  readonly #read = new Set<Node>();
  readonly #around = new Map<Node, readonly Loop[]>();
  readonly #nests = new Map<Loop, Nest>();
  readonly #free = new Map<Node, { readonly names: readonly string[]; readonly lists: boolean }>();
  readonly #bound = new Set<string>();
  /** What was found for these sizes, by node and the loop variables that it depends on. */
  #known = new Map<string, number>();
  #for = "";
  #env = new Map<string, number>();
  #lists: ReadonlyMap<string, readonly number[]> = new Map();
  #all = 0;
  /** Threads that share what is at hand. */
  #share = 1;
  readonly #number = (e: Expr): number => this.#value(e);

  /** `graph`: scheduled; or not yet, then innermost maps are taken to be vectorised. */
  constructor(readonly graph: Graph, readonly rates: Rates, readonly scheduled = true) {
    this.#reuse = new Reuse(graph);
    this.#asked = new Asked(graph);
    this.#visit(graph.body, []);
    if (![...this.#around.keys()].some(isKernel)) this.#read.clear();
  }
  #visit(body: readonly Node[], around: readonly Loop[]): void {
    for (const n of body) {
      if (n.kind === "tasklet" && !around.some(isKernel)) this.#read.add(n);
      this.#around.set(n, around);
      if (n.kind === "loop") {
        this.#bound.add(n.variable);
        this.#visit(bodyOf(n), [...around, n]);
      } else for (const b of bodiesOf(n)) this.#visit(b.list, around);
      if (n.kind === "while") this.#bound.add(n.counter);
    }
  }

  /** Of the whole program; with several threads, on one or on all of them, as the run will find out. */
  seconds(call: Call, threads = 1): number {
    const one = this.#run(call, this.graph.body, 1), results = this.#fresh() * this.rates.memory.at(-1)!.write;
    return results + (threads > 1 ? Math.min(one, this.#run(call, this.graph.body, threads)) : one);
  }
  /** Bytes of results: new memory at each call, which is cleared. */
  #fresh(): number {
    const given = new Set(this.graph.parameters.flatMap((p) => (p.kind === "container" ? [p.container] : [])));
    let sum = 0;
    for (const c of this.graph.containers.values()) if (!c.transient && !c.view && !given.has(c.name)) sum += this.#reuse.bytes(c.name, this.#number);
    return sum;
  }
  /** Of some of its nodes, on one thread. */
  of(nodes: readonly Node[], call: Call): number { return this.#run(call, nodes, 1); }

  #threads = 1;
  #run({ sizes, lists }: Call, body: readonly Node[], threads: number): number {
    this.#env = new Map(sizes);
    this.#lists = lists ?? new Map();
    this.#threads = threads;
    this.#share = 1;
    // What lies far away is as far away as all that there is; nobody can tell a few percent of that.
    const all = this.#reuse.all(this.#number), step = Math.round(4 * Math.log2(Math.max(1, all)));
    this.#all = 2 ** (step / 4);
    const key = `${step}|${[...sizes].filter(([s]) => !this.#ofPlan(s)).map(([k, v]) => `${k}=${v}`).join()}`;
    if (key !== this.#for) { this.#known = new Map(); this.#for = key; }
    return this.#list(body);
  }
  /** Lengths of lists, slots and rows: they decide how often actions happen, not what one takes. */
  #ofPlan(symbol: string): boolean { return /^plan\d+_/.test(symbol); }

  #value(e: Expr): number {
    if (e.constant !== undefined) return e.constant;
    for (const a of e.atoms) if (a.kind === "symbol" && !this.#env.has(a.name)) this.#env.set(a.name, SOME);
    return evaluate(e, this.#env, (data, index) => {
      const list = this.#lists.get(data);
      if (list) return list[Math.round(index[0]! * WIDTH + (index[1] ?? 0))] ?? 0;
      const d = this.#asked.definition(data);
      return (d && this.#evaluated(d)) ?? SOME;
    });
  }

  #list(body: readonly Node[]): number { let sum = 0; for (const n of body) sum += this.#node(n); return sum; }

  #node(n: Node): number {
    switch (n.kind) {
      case "tasklet": return !this.#read.has(n) ? this.#once(n) : n.inputs.some((m) => isList(this.graph.container(m.data))) ? 0 : WAIT * this.rates.launch;
      case "library": return this.#library(n);
      case "exit": case "raise": return 0;
      case "block": return this.#list(n.body);
      case "conditional": return this.#conditional(n.branches);
      case "while": {
        const before = this.#env.get(n.counter);
        this.#env.set(n.counter, SOME / 2);
        const sum = SOME * this.#list(n.body);
        if (before === undefined) this.#env.delete(n.counter); else this.#env.set(n.counter, before);
        return sum;
      }
      case "loop": return this.#remembered(n);
    }
  }

  readonly #tasklets = new Map<Node, number>();
  #once(n: Node): number {
    let s = this.#tasklets.get(n);
    if (s === undefined) this.#tasklets.set(n, s = iterationOf(this.graph, [n], undefined, this.rates).scalar);
    return s;
  }

  /** Loops that read no list of a planner take what they took before, for the same variables around. */
  #remembered(l: Loop): number {
    let free = this.#free.get(l);
    if (!free) this.#free.set(l, free = this.#freeOf(l));
    if (free.lists) return this.#loop(l);
    const key = `${l.id}|${this.#threads}|${this.#share}|${free.names.map((v) => this.#env.get(v) ?? "").join()}`;
    let s = this.#known.get(key);
    if (s === undefined) this.#known.set(key, s = this.#loop(l));
    return s;
  }
  #freeOf(l: Loop): { readonly names: readonly string[]; readonly lists: boolean } {
    const names = new Set<string>(), inside = new Set<string>();
    let lists = false;
    const expression = (e: Expr): void => { freeSymbols(e, names); for (const a of e.atoms) if (a.kind === "load" && this.#asked.ofList(a.data)) lists = true; };
    const visit = (n: Node): void => {
      if (n.kind === "loop") { inside.add(n.variable); expression(n.begin); expression(n.end); bodyOf(n).forEach(visit); return; }
      if (n.kind === "while") inside.add(n.counter);
      if (n.kind === "library") exprsOf(n).forEach(expression);
      if (n.kind === "conditional") for (const b of n.branches) if (b.condition) { b.condition.inputs.forEach((m) => { if (this.#asked.ofList(m.data)) lists = true; }); symbolsIn(b.condition.code, names); }
      for (const b of bodiesOf(n)) b.list.forEach(visit);
    };
    visit(l);
    return { names: [...names].filter((v) => this.#bound.has(v) && !inside.has(v)), lists };
  }

  #loop(l: Loop): number {
    const begin = this.#value(l.begin), length = this.#value(l.end) - begin;
    if (!(length > 0)) return 0;
    const before = this.#env.get(l.variable), share = this.#share;
    const shared = l.schedule?.parallel !== undefined && this.#threads > 1 && this.#regionRuns(l);
    if (shared) this.#share = this.#threads;
    let sum: number;
    const list = this.#listOf(l);
    if (isInnermost(l)) { this.#env.set(l.variable, begin + (length - 1) / 2); sum = this.#innermost(l, length); }
    else if (list) sum = this.#actions(l, list);
    else {
      const at = (v: number): number => { this.#env.set(l.variable, v); return this.#list(bodyOf(l)); };
      // Amounts of work are polynomials of the variables: Simpson's rule is exact up to cubes.
      const last = begin + length - 1, middle = at(begin + (length - 1) / 2);
      sum = length * (length > 1 && this.#varies(l) ? (at(begin) + 4 * middle + at(last)) / 6 : middle);
    }
    const kernel = l.schedule?.gpu?.kernel;
    if (kernel) sum = this.#kernel(kernel, sum);
    if (shared) sum += this.rates.barrier;
    this.#share = share;
    if (before === undefined) this.#env.delete(l.variable); else this.#env.set(l.variable, before);
    return sum;
  }

  /** Rates are those of all multiprocessors. */
  #kernel(kernel: string, sum: number): number {
    const { gpu, launch } = this.rates, slower = kernel === "single" ? gpu?.thread : kernel === "block" ? gpu?.block : undefined;
    return sum * (slower ?? 1) + launch * (kernel === "reduce" ? 2 : 1);
  }

  /** Is there enough to do in the region around for threads to start? */
  #regionRuns(l: Loop): boolean {
    const region = [...this.#around.get(l) ?? [], l].find((x) => x.schedule?.region);
    return region !== undefined && this.#share === 1 && this.#value(region.schedule!.region!.work) > PARALLEL_UNITS;
  }

  readonly #variation = new Map<Loop, boolean>();
  /** Does what an iteration takes depend on which one it is? */
  #varies(l: Loop): boolean {
    let v = this.#variation.get(l);
    if (v === undefined) {
      const uses = (n: Node): boolean => {
        if (n.kind === "loop" && [n.begin, n.end].some((e) => freeSymbols(e).has(l.variable))) return true;
        if (n.kind === "library" && exprsOf(n).some((e) => freeSymbols(e).has(l.variable))) return true;
        if (n.kind === "conditional" && n.branches.some((b) => b.condition && symbolsIn(b.condition.code, new Set()).has(l.variable))) return true;
        return n.kind === "loop" ? bodyOf(n).some(uses) : bodiesOf(n).some((b) => b.list.some(uses));
      };
      this.#variation.set(l, v = bodyOf(l).some(uses));
    }
    return v;
  }

  /** A loop over a planner's actions: its list. */
  #listOf(l: Loop): readonly number[] | undefined {
    if (this.#lists.size === 0) return undefined;
    const c = l.body.find((n) => n.kind === "conditional");
    for (const m of c?.branches[0]?.condition?.inputs ?? []) { const e = this.#asked.element(m), list = e && this.#lists.get(e.data); if (list && e.index[0]?.key === l.variable) return list; }
    return undefined;
  }
  /** Actions that do the same over as many steps take the same. */
  #actions(l: Loop, list: readonly number[]): number {
    let sum = 0;
    for (const { row, count } of groupsOf(list)) { this.#env.set(l.variable, row); sum += count * this.#list(l.body); }
    return sum;
  }

  #innermost(l: Loop, length: number): number {
    let nest = this.#nests.get(l);
    if (!nest) this.#nests.set(l, nest = this.#nest(l));
    const { rates } = this, vector = nest.vector && length >= SHORT;
    const core = length * (vector ? nest.iteration.vector : nest.iteration.scalar);
    let memory = 0;
    for (const t of nest.traffic) {
      const element = bytesOf(t.container.dtype), stride = t.stride ? Math.abs(this.#value(t.stride)) : 8, bytes = length * Math.min(64, Math.max(1, stride) * element);
      const distance = t.from ? this.#touched(t.from) : this.#all, rate = memoryRate(rates.memory, distance);
      memory += bytes * ((t.writes ? rate.write : rate.read) + (t.reads && t.writes ? BOTH * rate.read : 0)) / (distance < rates.memory.at(-2)!.bytes ? this.#share : Math.min(this.#share, rates.memoryThreads));
    }
    return Math.max(core / this.#share, memory) + rates.start;
  }

  #nest(l: Loop): Nest {
    const body = bodyOf(l), around = [...this.#around.get(l)!, l], traffic = new Map<string, Traffic>();
    for (const a of accessesOf(this.graph, body)) {
      const container = this.graph.container(a.base);
      if (container.shape.length === 0 && !this.graph.container(a.data).view) continue;
      const flat = flatIndex(this.graph, a.data, a.index), parts = hasLoads(flat) ? undefined : affine(flat, new Set([l.variable])), stride = parts ? parts.coefficients.get(l.variable) : undefined;
      // One element all along.
      if (parts && !stride) continue;
      const key = `${a.base}:${a.index.map((e) => linearPart(e).key).join()}`, known = traffic.get(key), from = known ? known.from : this.#reuse.comesBack(a, around);
      traffic.set(key, { access: a, container, stride, from, reads: known?.reads === true || !a.write || a.wcr !== undefined, writes: known?.writes === true || a.write });
    }
    const vector = this.scheduled ? l.schedule?.simd === true : l.order === "any";
    return { iteration: iterationOf(this.graph, body, l, this.rates), vector, traffic: [...traffic.values()] };
  }

  /** Bytes that one iteration of the loop goes through. */
  #touched(l: Loop): number {
    const key = `touched ${l.id}|${[...this.#freeOfBody(l)].map((v) => this.#env.get(v) ?? "").join()}`;
    let n = this.#known.get(key);
    if (n === undefined) {
      const saved = new Map(this.#env);
      const middle = (body: readonly Node[]): void => {
        for (const x of body) {
          if (x.kind === "loop") { this.#env.set(x.variable, (this.#value(x.begin) + this.#value(x.end) - 1) / 2); middle(x.body); } else for (const b of bodiesOf(x)) middle(b.list);
        }
      };
      middle(l.body);
      n = this.#reuse.touched(l.body, this.#number);
      this.#env = saved;
      this.#known.set(key, n);
    }
    return n;
  }
  #freeOfBody(l: Loop): readonly string[] {
    let free = this.#free.get(l);
    if (!free) this.#free.set(l, free = this.#freeOf(l));
    return free.names;
  }

  #library(n: LibraryNode): number {
    const flops = this.#value(LIBRARY.get(n.op)?.flops(n) ?? ONE), size = Math.max(1, (flops / 2) ** (1 / 3)), { product } = this.rates;
    if (n.op !== "matmul") return flops * this.rates.scalar;
    const at = product.findIndex((p) => p.size >= size);
    let rate: number;
    if (at <= 0) rate = at < 0 ? product.at(-1)!.seconds : product[0]!.seconds;
    else { const a = product[at - 1]!, b = product[at]!; rate = a.seconds + (b.seconds - a.seconds) * Math.log(size / a.size) / Math.log(b.size / a.size); }
    const out = this.graph.container(n.outputs[0]!.data), single = bytesOf(out.dtype) / 8, [, b] = n.inputs;
    if (b && b.axes.length === 2 && b.axes[1] !== this.graph.container(b.data).shape.length - 1) rate *= this.rates.productTransposed;
    // Operands are packed before they are used: what has to come from far away is waited for.
    let memory = 0;
    const near = this.rates.memory[Math.min(2, this.rates.memory.length - 1)]!;
    for (const a of accessesOf(this.graph, [n])) {
      if (a.extra.length === 0) continue;
      const from = this.#reuse.comesBack(a, [...this.#around.get(n) ?? [], undefined]), r = memoryRate(this.rates.memory, from ? this.#touched(from) : this.#all), bytes = a.extra.reduce((p, x) => p * this.#value(x.size), bytesOf(this.graph.container(a.base).dtype));
      memory += WAITS * bytes * Math.max(0, a.write ? r.write - near.write : r.read - near.read);
    }
    return (flops * rate * single + memory) / this.#threads + this.rates.start;
  }

  #conditional(branches: readonly Branch[]): number {
    let sum = 0, arms = 0, open = true;
    for (const b of branches) {
      const holds = b.condition ? this.#holds(b.condition) : true;
      if (holds === false) continue;
      sum += this.#list(b.body);
      arms++;
      if (holds) { open = false; break; }
    }
    return sum / Math.max(1, arms + (open && arms > 0 ? 1 : 0));
  }

  /** A condition of sizes, variables and lists; undefined where only the run knows. */
  #holds(c: Condition): boolean | undefined {
    const v = this.#evaluated(c);
    return v === undefined ? undefined : v !== 0;
  }
  #evaluated(c: Pick<Condition, "code" | "inputs">): number | undefined {
    const at = (e: ScalarExpr): number | undefined => {
      switch (e.kind) {
        case "const": return Number(e.value);
        case "symbolic": return e.expr.atoms.some((a) => a.kind === "load" && !this.#lists.has(a.data) && !this.#asked.definition(a.data)) ? undefined : this.#value(e.expr);
        case "cast": return at(e.arg);
        case "input": {
          const m = c.inputs[e.index]!, list = this.#lists.get(m.data), d = list ? undefined : this.#asked.definition(m.data);
          return d ? this.#evaluated(d) : list?.[Math.round(this.#value(m.index[0]!) * WIDTH + this.#value(m.index[1]!))];
        }
        case "op": {
          const [x, y] = e.args.map(at);
          if (x === undefined || (e.args.length > 1 && y === undefined)) return undefined;
          switch (e.op) {
            case "eq": return Number(x === y);
            case "ne": return Number(x !== y);
            case "lt": return Number(x < y!);
            case "le": return Number(x <= y!);
            case "gt": return Number(x > y!);
            case "ge": return Number(x >= y!);
            case "and": return Number(x !== 0 && y !== 0);
            case "or": return Number(x !== 0 || y !== 0);
            case "not": return Number(x === 0);
            default: return undefined;
          }
        }
      }
    };
    return at(c.code);
  }
}

function isKernel(n: Node): boolean { return n.kind === "loop" && n.schedule?.gpu?.kernel !== undefined; }

/** What a loop does nearly always: its interior, where it has one. */
function bodyOf(l: Loop): readonly Node[] { return l.schedule?.interior?.body ?? l.body; }
function symbolsIn(code: ScalarExpr, into: Set<string>): Set<string> {
  if (code.kind === "symbolic") freeSymbols(code.expr, into);
  else if (code.kind === "cast") symbolsIn(code.arg, into);
  else if (code.kind === "op") for (const a of code.args) symbolsIn(a, into);
  return into;
}

interface Group { readonly row: number; readonly count: number }
const groups = new WeakMap<readonly number[], readonly Group[]>();
/** Rows of a list by operation and steps, each with one that stands for them. */
function groupsOf(list: readonly number[]): readonly Group[] {
  let known = groups.get(list);
  if (!known) {
    if (list.length % WIDTH !== 0) throw new InternalError("a list of actions that is cut off");
    const byKind = new Map<number, number[]>(), wide = 2 ** 40;
    for (let i = 0; i < list.length; i += WIDTH) { const key = list[i]! * wide + list[i + 2]!, rows = byKind.get(key); if (rows) rows.push(i / WIDTH); else byKind.set(key, [i / WIDTH]); }
    groups.set(list, known = [...byKind.values()].map((rows) => ({ row: rows[rows.length >> 1]!, count: rows.length })));
  }
  return known;
}
