/**
 * Where the threads of a kernel of one block meet: before a piece that touches what another piece has written since they last met, or writes what one has read, and at the end of every iteration of a loop that all run.
 * Pre: a placed graph. Post: schedules only. Buffers of the arena that are never wanted at the same time may lie in the same memory: they count as one.
 */
import { accessesOf, baseOf } from "../../analysis/accesses.js";
import { localsOf } from "../../analysis/dependence.js";
import { bodiesOf, withBodies } from "../../analysis/paths.js";
import { InternalError } from "../../base/errors.js";
import type { Graph } from "../../sdfg/sdfg.js";
import type { Loop, Node } from "../../sdfg/nodes.js";
import { loadedContainers } from "../../symbolic/expr.js";
import { isSmall } from "../scalars.js";
import { lifetimes, type Lifetime } from "../lifetimes.js";

export function meetBetween(graph: Graph): Graph {
  let found = false;
  const visit = (body: readonly Node[]): readonly Node[] => body.map((n): Node => {
    if (n.kind === "loop" && n.schedule?.gpu?.kernel) { if (n.schedule.gpu.kernel !== "block") return n; found = true; return new Block(graph, lives()).kernel(n); }
    return withBodies(n, bodiesOf(n).map((b) => visit(b.list)));
  });
  let known: ReadonlyMap<string, Lifetime> | undefined;
  const lives = (): ReadonlyMap<string, Lifetime> => known ??= lifetimes(graph);
  const body = visit(graph.body);
  return found ? graph.with({ body }) : graph;
}

/** What the threads have read and written since they last met. */
interface Open { readonly reads: ReadonlySet<string>; readonly writes: ReadonlySet<string> }
const NOTHING: Open = { reads: new Set(), writes: new Set() };
const union = (a: Open, b: Open): Open => ({ reads: new Set([...a.reads, ...b.reads]), writes: new Set([...a.writes, ...b.writes]) });
const isOpen = (o: Open): boolean => o.reads.size + o.writes.size > 0;

class Block {
  /** By label: what is open where blocks are left by exits. */
  readonly #exits = new Map<string, Open>();
  constructor(readonly graph: Graph, readonly lives: ReadonlyMap<string, Lifetime>) {}

  kernel(l: Loop): Loop { return this.#loop(l, NOTHING).node; }

  #list(body: readonly Node[], from: Open): { readonly body: readonly Node[]; readonly open: Open } {
    const out: Node[] = [];
    let open = from;
    for (const n of body) {
      if (n.kind === "loop" && n.schedule?.gpu?.piece) {
        const mine = this.#touched([n]), before = this.#conflict(open, mine);
        out.push(before ? meeting(n, "before") : n);
        open = before ? mine : union(open, mine);
        continue;
      }
      // All threads look at a condition or at bounds: what these read was written by a piece just before.
      const looked = n.kind === "conditional" ? n.branches.flatMap((b) => (b.condition?.inputs ?? []).map((m) => m.data)) : n.kind === "loop" ? [...loadedContainers(n.begin), ...loadedContainers(n.end)] : [], read: Open = { reads: new Set(looked.map((d) => baseOf(this.graph, d))), writes: new Set() };
      if (looked.length > 0) {
        if (this.#conflict(open, read)) {
          const last = out.pop();
          if (last?.kind !== "loop" || !last.schedule?.gpu?.piece) throw new InternalError("a condition or bound of data follows no piece");
          out.push(meeting(last, "after"));
          open = NOTHING;
        }
        open = union(open, read);
      }
      const r = this.#node(n, open);
      out.push(r.node);
      // Bounds may be looked at until all have left the loop.
      open = n.kind === "loop" && looked.length > 0 ? union(r.open, read) : r.open;
    }
    return { body: out, open };
  }
  #node(n: Node, open: Open): { readonly node: Node; readonly open: Open } {
    switch (n.kind) {
      case "loop": return this.#loop(n, open);
      case "conditional": {
        const arms = n.branches.map((b) => this.#list(b.body, open));
        return { node: withBodies(n, arms.map((a) => a.body)), open: [...arms.map((a) => a.open), ...(n.branches.some((b) => !b.condition) ? [] : [open])].reduce(union) };
      }
      case "block": {
        const r = this.#list(n.body, open), left = this.#exits.get(n.label);
        return { node: withBodies(n, [r.body]), open: left ? union(r.open, left) : r.open };
      }
      case "exit": this.#exits.set(n.label, union(this.#exits.get(n.label) ?? NOTHING, open)); return { node: n, open };
      default: throw new InternalError(`a block's threads cannot share a ${n.kind}`);
    }
  }
  #loop(l: Loop, open: Open): { readonly node: Loop; readonly open: Open } {
    const r = this.#list(l.body, open), node = { ...l, body: r.body };
    // Where it runs no iteration, what was open still is.
    return { node: isOpen(r.open) ? meeting(node, "after") : node, open };
  }

  #touched(body: readonly Node[]): Open {
    const locals = localsOf(body), reads = new Set<string>(), writes = new Set<string>();
    // What a thread has in registers is no memory.
    for (const a of accessesOf(this.graph, body)) if (!locals.has(a.base) || !isSmall(this.graph.container(a.base))) { (a.write ? writes : reads).add(a.base); if (a.wcr) reads.add(a.base); }
    return { reads, writes };
  }
  #conflict(open: Open, next: Open): boolean {
    const one = (x: string, y: string): boolean => x === y || this.#shareMemory(x, y);
    const meet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => [...a].some((x) => [...b].some((y) => one(x, y)));
    return meet(open.writes, next.reads) || meet(open.writes, next.writes) || meet(open.reads, next.writes);
  }
  #shareMemory(x: string, y: string): boolean {
    if (!this.graph.container(x).transient || !this.graph.container(y).transient) return false;
    const a = this.lives.get(x), b = this.lives.get(y);
    return !a || !b || a.last < b.first || b.last < a.first;
  }
}

const meeting = (l: Loop, when: "before" | "after"): Loop => ({ ...l, schedule: { ...l.schedule, gpu: { ...l.schedule?.gpu, [when]: true } } });
