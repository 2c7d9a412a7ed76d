/**
 * A DaCe SDFG → a graph in its own symbols. Post: everything is inlined; loops have unit steps; arguments are in call order; sizes are still the
 * SDFG's symbols (`instantiate.ts` makes the graph for actual arguments).
 */
import { isInteger } from "../../base/dtypes.js";
import { DaceError } from "../../base/errors.js";
import { symbolic } from "../../scalar/expr.js";
import type { DaceSDFG, Descriptor } from "../../sdfg/dace/model.js";
import { Graph } from "../../sdfg/sdfg.js";
import type { Node, Parameter, ReturnValue } from "../../sdfg/nodes.js";
import { ONE, sym, ZERO } from "../../symbolic/expr.js";
import { block, lowerRegion } from "./control.js";
import { Instance, Lowering, Restart, type Learnt } from "./context.js";
import { dropUnused, orderMaps, privatise } from "./finish.js";
import { zeroFill } from "./state.js";

/** `aliases`: array arguments that are the same memory as another argument. */
export function lowerDace(sdfg: DaceSDFG, aliases: ReadonlyMap<string, string> = new Map()): Graph {
  const learnt: Learnt = { cells: new Set(), unstable: new Set() };
  for (let tries = 0; tries < 1000; tries++) {
    try { return lowerOnce(sdfg, learnt, aliases); } catch (e) { if (!(e instanceof Restart)) throw e; }
  }
  throw new DaceError("INTERNAL", `the SDFG ${sdfg.name} does not settle`);
}

const isReturn = (name: string): boolean => /^__return(_\d+)?$/.test(name);

function lowerOnce(sdfg: DaceSDFG, learnt: Learnt, aliases: ReadonlyMap<string, string>): Graph {
  const l = new Lowering(learnt, aliases), inst = new Instance(sdfg, "", undefined, undefined, l.unique("return"));
  const all = [...sdfg.arrays.values()].filter((d) => !d.transient && d.kind !== "view"), data = [...all.filter((d) => !aliases.has(d.name)), ...all.filter((d) => aliases.has(d.name))];
  // The SDFG's own names come first, so that they stay as they are.
  for (const d of data) l.names.add(d.name);
  for (const s of sdfg.symbols.keys()) l.names.add(s);
  const before: (() => void)[] = [];
  for (const d of data) {
    if (isReturn(d.name) || d.kind === "array") { declareArray(l, inst, d); continue; }
    // Scalars come by value; what the program writes is a copy.
    if (isInteger(d.dtype)) {
      l.free.add(d.name);
      if (!learnt.unstable.has(d.name)) { inst.refs.set(d.name, { container: d.name, base: [], dims: [], symbol: sym(d.name) }); continue; }
      const own = l.declare(inst, d, l.unique(d.name), true);
      before.push(() => { l.store({ data: own.container, index: [] }, symbolic(sym(d.name))); });
      inst.refs.set(d.name, own);
      continue;
    }
    const given = l.declare(inst, d, d.name, false);
    if (!learnt.unstable.has(d.name)) { l.byValue.add(d.name); inst.refs.set(d.name, given); continue; }
    const own = l.declare(inst, d, l.unique(d.name), true);
    before.push(() => { l.store({ data: own.container, index: [] }, l.readMemlet({ data: d.name, index: [] }).code); });
    inst.refs.set(d.name, own);
  }
  block(l, inst.returnLabel, () => { before.forEach((f) => { f(); }); zeroFill(l, inst); lowerRegion(l, inst, sdfg.region); });
  const body: Node[] = [...l.prologue, ...l.body];

  const given = parameters(sdfg, data, l), results = data.filter((d) => isReturn(d.name)).sort((a, b) => returnIndex(a.name) - returnIndex(b.name));
  const items = results.map((d): ReturnValue => ({ kind: "container", name: d.name }));
  const result: ReturnValue = items.length === 0 ? { kind: "none" } : sdfg.arrays.has("__return") ? items[0]! : { kind: "tuple", items };
  const sizes = data.flatMap((d) => (d.kind === "array" ? l.container(containerOf(l, d.name)).shape : []));
  const graph = new Graph({
    name: sdfg.name, containers: l.containers, symbols: [...l.free].sort(), assumptions: sizes, parameters: given, result,
    checks: l.checks, body,
  });
  return orderMaps(dropUnused(privatise(graph, l.maps, l.homed)));
}

function containerOf(l: Lowering, name: string): string { return l.containers.has(name) ? name : l.aliases.get(name)!; }
function returnIndex(name: string): number { return Number(/_(\d+)$/.exec(name)?.[1] ?? 0); }

function declareArray(l: Lowering, inst: Instance, d: Descriptor): void {
  const r = l.declare(inst, d, d.name, false), same = l.aliases.get(d.name);
  if (same !== undefined) {
    // The same memory under two names, and perhaps two ways to say its size.
    const first = l.container(same), own = l.container(d.name);
    if (first.shape.length === own.shape.length && first.shape.every((e, i) => e.key === own.shape[i]!.key)) { l.containers.delete(d.name); inst.refs.set(d.name, inst.refs.get(same)!); return; }
    l.addContainer({ ...own, transient: true, view: { base: same, offset: ZERO } });
    inst.refs.set(d.name, r);
    return;
  }
  // DaCe returns a number as an array of one element.
  if (isReturn(d.name) && d.shape.length === 1 && d.shape[0] === "1") {
    l.addContainer({ ...l.container(d.name), shape: [] });
    inst.refs.set(d.name, { container: d.name, base: [], dims: [{ axis: undefined, step: ZERO, size: ONE, stride: ONE }] });
    return;
  }
  inst.refs.set(d.name, r);
}

/** Call order: arg_names, then DaCe's arglist: arrays by name, then scalars and free symbols by name. */
function parameters(sdfg: DaceSDFG, data: readonly Descriptor[], l: Lowering): Parameter[] {
  const byName = (a: string, b: string): number => (a < b ? -1 : 1);
  const visible = data.filter((d) => !isReturn(d.name)), kinds = new Map(visible.map((d) => [d.name, d]));
  const arrays = visible.filter((d) => d.kind === "array").map((d) => d.name).sort(byName);
  const scalars = [...new Set([...visible.filter((d) => d.kind === "scalar").map((d) => d.name), ...l.free])].sort(byName);
  const order = [...new Set([...sdfg.argNames.filter((n) => kinds.has(n) || l.free.has(n)), ...arrays, ...scalars])];
  return order.map((name): Parameter => {
    const d = kinds.get(name);
    return !d || (d.kind === "scalar" && isInteger(d.dtype)) ? { kind: "symbol", name, symbol: name } : { kind: "container", name, container: containerOf(l, name) };
  });
}
