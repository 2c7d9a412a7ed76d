/** The variables that a loop or block assigns: numbers go to cells, arrays are followed by reference and get a container of their own where an iteration makes a new one. */
import type { SourceLoc } from "../../../base/errors.js";
import { op, symbolic } from "../../../scalar/expr.js";
import { type Expr, freeSymbols, load, loadedContainers, min, sub } from "../../../symbolic/expr.js";
import { nonNegative } from "../../../symbolic/prove.js";
import { compressed, isDynamic } from "../compress.js";
import type { Stmt } from "../ast.js";
import { type Binding, type Frame, Retry } from "../context.js";
import { materialise, settleView, store } from "../store.js";
import { runCheck, sameSize } from "../shapes.js";
import { type ArrayValue, type ObjectValue, type Value, NONE, formatShape, shapeOf } from "../value.js";
import { growsInLoop } from "./appended.js";
import { copyInto, isAssigned, isFresh, joinTypes, optionalCell, pendingCell, sameView, writeCell } from "./cells.js";
import type { Evaluator } from "./evaluator.js";
import { boxFields, fieldsOf, mutables, restoreMutables } from "./mutables.js";
import { boundBy, visitStatements } from "./names.js";
import { allFrames, ownerOf } from "./variables.js";

interface ArrayName { readonly frame: Frame; readonly name: string; readonly start: ArrayValue; readonly slot: boolean }

export class LoopNames {
  arrays: ArrayName[] = [];
  #pending: { frame: Frame; name: string; id: number; old: Binding | undefined }[] = [];
  /** Variables that a loop or block around keeps: what is assigned here must be there in the next iteration here, too. */
  #inherited: { frame: Frame; name: string; id: number; old: Binding | undefined }[] = [];
  born = 0;
  #depth = 0;

  constructor(readonly ev: Evaluator, readonly key: string, readonly names: readonly string[], readonly needed: (frame: Frame, name: string) => boolean, readonly loc: SourceLoc, readonly lists: readonly (readonly Stmt[])[] = [], readonly repeats = false, readonly certain: (name: string) => boolean = () => false) {}

  /** Runs `f` with the variables prepared, again as long as it learns something about them. */
  retrying<T>(f: () => T): T {
    const { ctx } = this.ev, objects = mutables(this.ev), fields = fieldsOf(objects);
    for (let tries = 0; ; tries++) {
      const saved = ctx.snapshot();
      try { this.#prepare(); return this.#watched(f, new Set(fields.keys())); } catch (e) {
        if (!(e instanceof Retry) || e.key !== this.key || tries > 60) throw e;
        ctx.restore(saved);
        restoreMutables(objects, fields);
      }
    }
  }

  /** Runs `f`; a closure called in it that assigns a variable which is not prepared makes the loop start again with that variable prepared. */
  #watched<T>(f: () => T, objects: ReadonlySet<ObjectValue>): T {
    const { ev } = this;
    const missed = (frame: Frame, name: string): void => {
      const key = `${frame.key}|${name}`, known = ev.ctx.learnt.outer.get(this.key) ?? new Set();
      if (known.has(key) || (this.names.includes(name) && ownerOf(ev.frame, name) === frame && this.arrays.some((a) => a.frame === frame && a.name === name))) return;
      ev.ctx.learnt.outer.set(this.key, known.add(key));
      throw new Retry(this.key);
    };
    ev.open.push({ frames: new Set(allFrames(ev)), objects, missed });
    try { return f(); } finally { ev.open.pop(); }
  }
  #variables(): [Frame, string][] {
    const { ev } = this, out: [Frame, string][] = [], outer = ev.ctx.learnt.outer.get(this.key);
    for (const name of this.names) { const frame = ownerOf(ev.frame, name); if (frame && this.needed(frame, name)) out.push([frame, name]); }
    if (outer) for (const frame of allFrames(ev)) for (const name of new Set([...frame.vars.keys(), ...(frame.def?.locals ?? [])])) if (outer.has(`${frame.key}|${name}`) && !out.some(([f, n]) => f === frame && n === name)) out.push([frame, name]);
    return out;
  }

  #prepare(): void {
    const { ev } = this, { ctx } = ev;
    this.arrays = [];
    this.#pending = [];
    this.#inherited = [];
    boxFields(ev, this.lists, this.loc);
    for (const [frame, name] of this.#variables()) {
      const b = frame.vars.get(name);
      if (b?.kind === "cell") { this.#inherited.push({ frame, name, id: b.id, old: b }); continue; }
      const v: Value | undefined = b?.value;
      if (v?.kind === "poison" || (v?.kind === "grown" && v.array)) continue;
      // l += […] changes the list itself.
      if ((v?.kind === "list" || v?.kind === "grown") && ctx.language === "python" && onlyAugmented(this.lists, name)) continue;
      if (v?.kind === "array" && v.dims.length > 0 && this.repeats) growsInLoop(ev, this.key, this.lists, frame, name, v);
      if (v?.kind === "array" && v.dims.length > 0) { this.#array(frame, name, v); continue; }
      const id = pendingCell(ev, this.key, name);
      if (this.repeats) ev.repeated.add(id);
      const nothing = v ? v.kind === "none" : ctx.language === "javascript";
      if (nothing) ev.nothing.set(id, v?.kind === "none" ? v : NONE);
      if (nothing && !this.certain(name)) ev.passedBy.add(id);
      this.#pending.push({ frame, name, id, old: b });
      frame.vars.set(name, { kind: "cell", id });
      optionalCell(ev, id, this.loc);
      if (v && !nothing) writeCell(ev, id, v, this.loc, ev.needsInteger(frame.def, name));
    }
    this.born = ctx.born;
    this.#depth = ctx.scopes.length;
  }

  #array(frame: Frame, name: string, v: ArrayValue): void {
    const { ev } = this, { ctx } = ev, key = `${this.key}|${name}`;
    if (!ctx.learnt.slots.has(key)) { this.arrays.push({ frame, name, start: v, slot: false }); return; }
    const learnt = ctx.learnt.types.get(key);
    const dtype = learnt ? joinTypes(ev, learnt, { dtype: v.dtype, weak: false, integral: false }).dtype : v.dtype;
    const own = ev.slots.get(v.data);
    // A container that an outer loop made for this very variable serves.
    if (own?.frame === frame && own.name === name && dtype === v.dtype && sameView(v, ctx.whole(v.data)) && !referenced(ev, v.data, frame, name)) { this.arrays.push({ frame, name, start: v, slot: true }); return; }
    let slot = ctx.allocate(shapeOf(v), dtype, name, this.loc);
    const hidden = this.#isPrivate(frame, name, v);
    if (hidden) store(ctx, slot, v, this.loc); else copyInto(ev, slot, v, this.loc, name, Infinity);
    const changing = ctx.learnt.lengths.get(key);
    // Lengths that iterations change are kept beside it. It never grows beyond what it is now.
    if (changing) slot = { ...slot, dims: slot.dims.map((d, k) => (changing.has(k) ? { ...d, size: this.#length(d.size, slot, k, name) } : d)) };
    else ev.slots.set(slot.data, { frame, name });
    frame.vars.set(name, { kind: "value", value: slot });
    this.arrays.push({ frame, name, start: slot, slot: true });
  }
  #length(now: Expr, slot: ArrayValue, dimension: number, name: string): Expr {
    const { ctx } = this.ev, c = ctx.allocate([], "int64", `${name}_length`, this.loc);
    ctx.tasklet(c.data, [], symbolic(now), { loc: this.loc });
    const room = ctx.container(slot.data).shape[dimension]!;
    ctx.lengths.set(c.data, room);
    return min(room, load(c.data, []));
  }
  /** No other variable names the array, nor does the caller. */
  #isPrivate(frame: Frame, name: string, v: ArrayValue): boolean {
    const { ctx } = this.ev, buffer = ctx.bufferOf(v.data);
    return ctx.container(buffer).transient && !ctx.constants.has(buffer) && !referenced(this.ev, buffer, frame, name) && !ctx.aliasCopies.some((c) => c.copy === buffer || c.sources.includes(buffer));
  }

  /** To be thrown: the loop is evaluated again with what was learnt. */
  again(): Retry { return new Retry(this.key); }

  /** Puts new arrays into the variables' containers: at the end of an iteration, and before control leaves. `permuted`: arrays from before the loop may stay exchanged. */
  settle(loc: SourceLoc, permuted = false): void {
    const { ev } = this, { ctx } = ev;
    for (const p of [...this.#pending, ...this.#inherited]) {
      const b = p.frame.vars.get(p.name);
      if (b?.kind !== "value" || !(b.value.kind === "list" || b.value.kind === "grown" || ev.repeated.has(p.id))) continue;
      writeCell(ev, p.id, b.value, loc, ev.needsInteger(p.frame.def, p.name));
      p.frame.vars.set(p.name, { kind: "cell", id: p.id });
    }
    const changes: { a: ArrayName; v: ArrayValue }[] = [];
    for (const a of this.arrays) {
      const b = a.frame.vars.get(a.name), key = `${this.key}|${a.name}`;
      if (b?.kind !== "value" || b.value.kind === "poison") continue;
      const v = b.value.kind === "masked" ? compressed(ctx, b.value, loc) : b.value;
      if (v.kind !== "array" || v.dims.length !== a.start.dims.length) return ctx.unsupported(`the variable ${a.name}, which is an array of ${a.start.dims.length} dimensions before this loop and something else in it`, loc, "use two names");
      if (sameView(v, a.start)) continue;
      const moves = [...v.base, ...v.dims.map((d) => d.size)].some((e) => [...freeSymbols(e)].some((s) => ctx.scopes.slice(this.#depth).some((x) => x.variable === s)));
      // A variable's own container gets new contents in every iteration: to name another's is to copy it.
      if (permuted && !moves && !isFresh(ev, v, this.born) && !ev.slots.has(v.data)) continue;
      if (!a.slot) { ctx.learnt.slots.add(key); throw new Retry(this.key); }
      const dtype = joinTypes(ev, { dtype: a.start.dtype, weak: false, integral: false }, { dtype: v.dtype, weak: false, integral: false }).dtype;
      if (dtype !== a.start.dtype) { ctx.learnt.types.set(key, { dtype, weak: false, integral: false }); throw new Retry(this.key); }
      const length = ctx.learnt.lengths.get(key) ?? new Set();
      shapeOf(v).forEach((e, d) => { if (isDynamic(e) && !length.has(d)) { ctx.learnt.lengths.set(key, length.add(d)); throw new Retry(this.key); } });
      shapeOf(v).forEach((e, d) => { if (!length.has(d)) sameSize(ctx, e, shapeOf(a.start)[d]!, loc, `the variable ${a.name} changes its shape in a loop, from ${formatShape(shapeOf(a.start))} to ${formatShape(shapeOf(v))}`, "append to a list in the loop and make an array of it afterwards, or fill an array of the final size"); });
      const twin = changes.find((c) => ctx.bufferOf(c.v.data) === ctx.bufferOf(v.data));
      if (twin) ctx.unsupported(`${twin.a.name} and ${a.name} naming one array`, loc, "copy it");
      changes.push({ a, v });
    }
    // Exchanged containers: all are read before any is written.
    const targets = new Set(changes.map((c) => ctx.bufferOf(c.a.start.data)));
    const values = changes.map(({ v }) => {
      const from = ctx.body.length, kept = targets.has(ctx.bufferOf(v.data)) ? materialise(ctx, v, { copy: true, loc }) : v;
      return { kept: kept.dims.some((d) => isDynamic(d.size)) ? settleView(ctx, kept, loc) : kept, of: v, nodes: ctx.body.slice(from).map((n) => n.id) };
    });
    changes.forEach(({ a }, i) => {
      const { kept, ...of } = values[i]!;
      this.#resize(a.start, kept, a.name, loc);
      copyInto(ev, a.start, kept, loc, a.name, this.born, of);
      a.frame.vars.set(a.name, { kind: "value", value: a.start });
    });
  }

  /** The lengths that the variable's array has now. */
  #resize(start: ArrayValue, v: ArrayValue, name: string, loc: SourceLoc): void {
    const { ctx } = this.ev;
    start.dims.forEach((d, k) => {
      const size = v.dims[k]!.size, [length] = loadedContainers(d.size), room = length === undefined ? undefined : ctx.lengths.get(length);
      if (length === undefined || !room || d.size.key === size.key) return;
      if (nonNegative(sub(room, size), ctx.facts) !== "yes") runCheck(ctx, op("lt", "bool", symbolic(room), symbolic(size)), `the array ${name} grows in a loop`, loc);
      ctx.tasklet(length, [], symbolic(size), { loc });
    });
  }

  /** All arrays are the ones that the loop started with. */
  get atStart(): boolean {
    return this.arrays.every((a) => { const b = a.frame.vars.get(a.name); return b?.kind === "value" && (b.value.kind !== "array" || sameView(b.value, a.start)); });
  }

  /** After the loop: variables that nothing assigned are what they were, those that nobody uses any more are gone. */
  finish(live: (frame: Frame, name: string) => boolean): void {
    for (const p of this.#pending) {
      if (isAssigned(this.ev, p.id)) { if (!live(p.frame, p.name)) p.frame.vars.delete(p.name); continue; }
      if (p.old) p.frame.vars.set(p.name, p.old); else p.frame.vars.delete(p.name);
    }
  }
}

/** The statements assign the name by augmented assignments alone. */
function onlyAugmented(lists: readonly (readonly Stmt[])[], name: string): boolean {
  let found = false, other = false;
  for (const l of lists) visitStatements(l, (s) => {
    const inside = new Set<string>();
    if (s.kind === "augmented" && s.target.kind === "name" && s.target.name === name) { found = true; return; }
    // l = l + […]
    if (s.kind === "assign" && s.targets.length === 1 && s.targets[0]!.kind === "name" && s.targets[0]!.name === name && s.value.kind === "binary" && s.value.op === "+" && s.value.left.kind === "name" && s.value.left.name === name) { found = true; return; }
    if (s.kind === "assign") s.targets.forEach((t) => boundBy(t, inside)); else if (s.kind === "for") boundBy(s.target, inside); else if (s.kind === "count") inside.add(s.variable);
    if (inside.has(name)) other = true;
  });
  return found && !other;
}

export function prepareNames(ev: Evaluator, key: string, names: Iterable<string>, needed: (frame: Frame, name: string) => boolean, loc: SourceLoc, lists: readonly (readonly Stmt[])[] = [], repeats = false, certain?: (name: string) => boolean): LoopNames {
  return new LoopNames(ev, key, [...names], needed, loc, lists, repeats, certain);
}

/** Some variable other than the given one refers to the buffer. */
export function referenced(ev: Evaluator, buffer: string, frame: Frame | undefined, name: string): boolean {
  const { ctx } = ev;
  const refers = (v: Value): boolean => {
    switch (v.kind) {
      case "array": return ctx.bufferOf(v.data) === buffer;
      case "tuple": case "list": return v.items.some(refers);
      case "object": return [...v.entries.values()].some(refers);
      case "method": return refers(v.self);
      case "masked": return refers(v.value) || refers(v.mask);
      case "function": return [...v.defaults?.values() ?? []].some(refers) || (v.self !== undefined && refers(v.self));
      default: return false;
    }
  };
  const seen = new Set<Frame>();
  const inFrame = (f: Frame | undefined): boolean => {
    if (!f || seen.has(f)) return false;
    seen.add(f);
    for (const [n, b] of f.vars) if (!(f === frame && n === name) && b.kind === "value" && refers(b.value)) return true;
    return inFrame(f.parent);
  };
  if (ctx.frames.some(inFrame)) return true;
  for (const c of ctx.cells.values()) if (c.kind === "array" && ctx.bufferOf(c.value.data) === buffer) return true;
  return false;
}
