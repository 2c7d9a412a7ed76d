/**
 * A tasklet's Python code → tasklets of ours, one per element written. All values that come in are read before anything is written; where an output could
 * change an input that a later output needs, the values go through scalars that are private to the iteration.
 */
import { isComplex, type DType } from "../../base/dtypes.js";
import { conditionFacts } from "../../analysis/accesses.js";
import { cast, constant, op, select, type ScalarExpr } from "../../scalar/expr.js";
import type { Edge, TaskletNode } from "../../sdfg/dace/model.js";
import { dotted, indices, node, nodes, parseStatements, textOf, type PyNode } from "../../sdfg/dace/python.js";
import { asBool, commonOf, ScalarReader, type ScalarScope, type Value } from "../../sdfg/dace/scalars.js";
import { freshId } from "../../sdfg/sdfg.js";
import type { Memlet } from "../../sdfg/nodes.js";
import { ZERO, type Expr } from "../../symbolic/expr.js";
import { locOf } from "./context.js";
import { remember } from "./copies.js";
import { elementOf, type Ref } from "./references.js";
import type { StateLowering } from "./state.js";
import { combine, effective } from "./wcr.js";

/** A value passed whole (one element), or a pointer that the code indexes. */
interface Input { readonly kind: "value"; readonly value: Value; readonly ref: Ref | undefined }
interface Pointer { readonly kind: "pointer"; readonly ref: Ref }
interface Output { readonly name: string; readonly pointer: boolean; readonly targets: readonly { readonly e: Edge; readonly ref: Ref | undefined; readonly wcr: string | undefined }[]; readonly dtype: DType | undefined }

/** A name's value; `condition`: it is assigned only where that holds. */
interface Variable { readonly value: Value; readonly condition?: ScalarExpr; readonly dtype: DType }
/** One write, in program order. */
interface Write { readonly output: Output; readonly index: readonly Expr[] | undefined; readonly value: ScalarExpr; readonly int?: Expr | undefined; readonly condition?: ScalarExpr | undefined }

export function lowerTasklet(s: StateLowering, n: TaskletNode): void { new TaskletLowering(s, n).run(); }

class TaskletLowering {
  readonly l: StateLowering["l"];
  readonly inputs = new Map<string, Input | Pointer>();
  readonly outputs = new Map<string, Output>();
  readonly writes: Write[] = [];
  readonly reader: ScalarReader;
  vars = new Map<string, Variable>();
  /** Conditions around the statement being read. */
  path: ScalarExpr[] = [];
  guards: Expr[] = [];
  /** Bases that an earlier write may change under a later read. */
  hazards = new Set<string>();
  several = false;

  constructor(readonly s: StateLowering, readonly n: TaskletNode) {
    this.l = s.l;
    const scope: ScalarScope = { where: n.where, name: (x) => this.name(x), element: (x, at) => this.element(x, at), arm: (c, holds, f) => this.arm(c, holds, f) };
    this.reader = new ScalarReader(scope);
  }

  run(): void {
    const { s, l, n } = this, body = parseStatements(n.code.replace(/\r/g, ""));
    for (const e of s.out.get(n.id)!) this.addOutput(e);
    const stores = countStores(body, this.outputs);
    this.several = stores > 1;
    for (const o of this.outputs.values()) for (const t of o.targets) if (t.ref && this.several) this.hazards.add(l.bufferOf(t.ref.container));
    for (const e of s.in.get(n.id)!) this.addInput(e);
    this.statements(body);
    for (const o of this.outputs.values()) {
      if (o.pointer) continue;
      if (!this.vars.has(o.name) && o.targets.some((t) => t.e.memlet?.dynamic)) continue;
      const v = this.vars.get(o.name) ?? l.refuse(`the output ${o.name}, which the code does not assign`, n);
      this.writes.push({ output: o, index: undefined, value: cast(v.value.code, v.dtype), int: v.value.int, condition: v.condition });
    }
    this.flush();
  }

  addInput(e: Edge): void {
    const { s, l, n } = this, name = e.to;
    if (name === undefined) return;
    if (!e.memlet) {
      const from = s.root(e), register = s.registers.get(from) ?? s.registers.get(e) ?? l.refuse(`the input ${name}, to which nothing is passed`, n);
      this.inputs.set(name, { kind: "value", ref: undefined, value: l.readMemlet({ data: register, index: [] }) });
      return;
    }
    const r = s.memlet(e.memlet, n.where), single = r.dims.every((d) => d.size.constant === 1);
    if (!single || (n.inputs.get(name)?.pointer === true && !single)) { this.inputs.set(name, { kind: "pointer", ref: r }); return; }
    const v = l.readRef(r, r.dims.map(() => ZERO)), wanted = n.inputs.get(name)?.dtype;
    const typed = wanted && wanted !== v.code.dtype ? { code: cast(v.code, wanted) } : v;
    this.inputs.set(name, { kind: "value", ref: r, value: this.safe(typed, r.symbol ? undefined : r.container) });
  }
  addOutput(e: Edge): void {
    const { s, l, n } = this, name = e.from;
    if (name === undefined) return;
    const old = this.outputs.get(name);
    if (!e.memlet) {
      // A value for another code node.
      this.outputs.set(name, { name, pointer: false, dtype: n.outputs.get(name)?.dtype, targets: [...(old?.targets ?? []), { e, ref: undefined, wcr: undefined }] });
      return;
    }
    const r = s.memlet(e.memlet, n.where), wcr = effective(l, s.wcr(e), r, n.where);
    const pointer = !r.dims.every((d) => d.size.constant === 1);
    if (old && old.pointer !== pointer) l.refuse(`the output ${name}, which is an element in one place and an array in another`, n);
    this.outputs.set(name, { name, pointer, dtype: n.outputs.get(name)?.dtype, targets: [...(old?.targets ?? []), { e, ref: r, wcr }] });
  }
  /** A value that no later write of this tasklet can change. */
  safe(v: Value, container: string | undefined): Value {
    if (container === undefined || !this.hazards.has(this.l.bufferOf(container))) return v;
    return this.held(v, container);
  }
  held(v: Value, label: string): Value {
    const name = this.l.local(label, v.code.dtype);
    this.l.store({ data: name, index: [] }, v.code);
    return this.l.readMemlet({ data: name, index: [] });
  }

  // ---- names ----
  name(x: string): Value | undefined {
    const v = this.vars.get(x);
    if (v) { if (v.condition) this.l.refuse(`${x} is read although it is assigned under a condition`, this.n); return v.value; }
    const i = this.inputs.get(x);
    if (i) return i.kind === "value" ? i.value : this.l.refuse(`the array ${x} is used as a number`, this.n);
    if (this.outputs.has(x)) return this.l.refuse(`the output ${x} is read before it is assigned`, this.n);
    return this.l.nameValue(this.s.inst, x);
  }
  element(x: string, at: readonly PyNode[]): Value | undefined {
    const i = this.inputs.get(x), o = this.outputs.get(x);
    const ref = i?.kind === "pointer" ? i.ref : i?.kind === "value" && i.ref ? i.ref : !i && o ? o.targets[0]!.ref : undefined;
    if (!ref) { const data = this.l.constantArray(this.s.inst, x); return data === undefined ? undefined : this.l.readMemlet({ data, index: at.map((k) => this.index(k)) }); }
    const index = this.pointerIndex(ref, at, x);
    // Through pointers, a later read sees an earlier write.
    if (this.writes.some((w) => w.output.targets.some((t) => t.ref && this.l.bufferOf(t.ref.container) === this.l.bufferOf(ref.container)))) {
      if (this.path.length > 0 || this.guards.length > 0) this.l.refuse(`${x} is read under a condition after the tasklet wrote to it`, this.n);
      this.flush();
    }
    const v = this.l.readRef(ref, index);
    if (ref.symbol) return v;
    if (this.guards.length > 0 && index.some((e) => e.constant === undefined)) {
      const guarded = this.l.readMemlet({ ...elementOf(ref, index), guard: this.guards });
      return this.path.length === 0 ? this.safe(guarded, ref.container) : guarded;
    }
    return this.safe(v, ref.container);
  }
  index(n: PyNode): Expr { return this.l.indexOf(this.reader.value(n)); }
  /** Index of a pointer connector: dimensions of size 1 are left out, unless there are no others. */
  pointerIndex(r: Ref, at: readonly PyNode[], x: string): Expr[] {
    const large = r.dims.flatMap((d, k) => (d.size.constant === 1 ? [] : [k])), values = at.map((k) => (k.nodeType === "Slice" ? this.l.refuse(`a slice of ${x} inside a tasklet`, this.n) : this.index(k)));
    if (values.length === r.dims.length) return values;
    if (values.length === large.length) return r.dims.map((_, k) => { const d = large.indexOf(k); return d < 0 ? ZERO : values[d]!; });
    if (large.length === 0 && values.every((e) => e.constant === 0)) return r.dims.map(() => ZERO);
    return this.l.refuse(`${x} with ${values.length} indices, where its memlet has ${large.length} dimensions`, this.n);
  }
  /** Reads in an arm that is not taken must not happen: conditions on integers guard them. */
  arm(c: ScalarExpr, holds: boolean, f: () => Value): Value {
    const outer = this.guards;
    this.guards = [...outer, ...conditionFacts(holds ? c : op("not", "bool", c))];
    try { return f(); } finally { this.guards = outer; }
  }

  // ---- statements ----
  statements(body: readonly PyNode[]): void { for (const x of body) this.statement(x); }
  statement(x: PyNode): void {
    switch (x.nodeType) {
      case "Assign": { const targets = nodes(x["targets"]); if (targets.length !== 1) { const v = this.reader.value(node(x["value"])); for (const t of targets) this.assignTo(t, v); return; } this.assign(targets[0]!, node(x["value"])); break; }
      case "AnnAssign": if (x["value"]) this.assignTo(node(x["target"]), this.reader.value(node(x["value"]))); break;
      case "AugAssign": {
        const t = node(x["target"]), right = this.reader.value(node(x["value"]));
        const left = t.nodeType === "Subscript" ? this.element(dotted(node(t["value"])) ?? "", indices(t)) : this.name(textOf(t["id"]));
        this.assignTo(t, this.reader.binary(node(x["op"]).nodeType, left ?? this.l.refuse(`the name ${textOf(t["id"])}`, this.n), right));
        break;
      }
      case "If": this.branch(x); break;
      case "Pass": break;
      case "Expr": if (node(x["value"]).nodeType === "Constant") break; this.l.refuse(`the statement ${node(x["value"]).nodeType === "Call" ? `${dotted(node(node(x["value"])["func"])) ?? "call"}(…)` : node(x["value"]).nodeType}`, this.n); break;
      default: this.l.refuse(`the statement ${x.nodeType} inside a tasklet`, this.n);
    }
  }
  assign(t: PyNode, value: PyNode): void {
    if (t.nodeType === "Tuple") {
      const targets = nodes(t["elts"]), parts = value.nodeType === "Tuple" ? nodes(value["elts"]) : [];
      if (targets.length !== parts.length) this.l.refuse("an unpacked value inside a tasklet", this.n);
      const values = parts.map((p) => this.reader.value(p));
      targets.forEach((p, k) => { this.assignTo(p, values[k]!); });
      return;
    }
    this.assignTo(t, this.reader.value(value));
  }
  assignTo(t: PyNode, v: Value): void {
    if (t.nodeType === "Subscript") {
      const name = dotted(node(t["value"])) ?? "", o = this.outputs.get(name) ?? this.l.refuse(`the assignment to ${name}, which is no output`, this.n);
      const ref = o.targets[0]?.ref;
      if (!ref) this.l.refuse(`the assignment to an element of ${name}`, this.n);
      const index = this.pointerIndex(ref, indices(t), name);
      const condition = this.path.length > 0 ? this.path.reduce((a, b) => op("and", "bool", a, b)) : undefined;
      this.writes.push({ output: { ...o, pointer: true }, index, value: v.code, condition });
      return;
    }
    if (t.nodeType !== "Name") this.l.refuse(`the assignment to a ${t.nodeType} inside a tasklet`, this.n);
    const name = textOf(t["id"]), output = this.outputs.get(name);
    if (this.inputs.has(name) && !output) this.l.refuse(`the assignment to the input ${name}`, this.n);
    if (output?.pointer) this.l.refuse(`the assignment of a number to the array ${name}`, this.n);
    // C++: a variable keeps the type of its first value; an output has the type of what it is written to.
    const target = output?.targets.find((x) => x.ref)?.ref;
    const dtype = this.vars.get(name)?.dtype ?? output?.dtype ?? (target ? this.l.container(target.container).dtype : v.code.dtype);
    const typed: Value = v.code.dtype === dtype ? v : { code: cast(v.code, dtype), ...(v.int && dtype === "int64" ? { int: v.int } : {}) };
    // Several outputs share what they both need.
    const shared = this.several && !output && this.path.length === 0 && (typed.code.kind === "op" || typed.code.kind === "cast") ? this.held(typed, name) : typed;
    this.vars.set(name, { value: shared, dtype });
  }

  branch(x: PyNode): void {
    const c = asBool(this.reader.value(node(x["test"]))), before = this.vars, guards = this.guards, mark = this.path;
    const arm = (list: readonly PyNode[], holds: boolean): Map<string, Variable> => {
      const condition = holds ? c : op("not", "bool", c);
      this.vars = new Map(before);
      this.path = [...mark, condition];
      this.guards = [...guards, ...conditionFacts(condition)];
      this.statements(list);
      return this.vars;
    };
    const a = arm(nodes(x["body"]), true), b = arm(nodes(x["orelse"]), false);
    this.path = mark;
    this.guards = guards;
    this.vars = new Map(before);
    for (const name of new Set([...a.keys(), ...b.keys()])) {
      const p = a.get(name), q = b.get(name);
      if (p === q && p) { this.vars.set(name, p); continue; }
      this.vars.set(name, this.merge(name, c, p, q));
    }
  }
  merge(name: string, c: ScalarExpr, p: Variable | undefined, q: Variable | undefined): Variable {
    const dtype = p && q ? (p.dtype === q.dtype ? p.dtype : commonOf(p.value, q.value)) : (p ?? q)!.dtype;
    const no = constant(false, "bool"), yes = constant(true, "bool");
    const set = (v: Variable | undefined): ScalarExpr => (v ? v.condition ?? yes : no);
    const sp = set(p), sq = set(q), always = p && q && !p.condition && !q.condition;
    const zero = constant(0, dtype, isComplex(dtype) ? 0 : undefined);
    const code = select(c, cast(p?.value.code ?? zero, dtype), cast(q?.value.code ?? zero, dtype));
    if (!always && !this.outputs.has(name)) return { value: { code }, dtype, condition: select(c, sp, sq) };
    return { value: { code }, dtype, ...(always ? {} : { condition: select(c, sp, sq) }) };
  }

  // ---- writing ----
  flush(): void {
    const { l, s, n } = this, loc = locOf(n);
    let writes: readonly Write[] = this.writes.splice(0);
    // Names that earlier writes change were held when they were read; results computed from pointers in between keep program order.
    if (writes.length > 1 && writes.some((w) => [...l.readsOf(w.value), ...(w.condition ? l.readsOf(w.condition) : [])].some((d) => this.hazards.has(d)))) {
      writes = writes.map((w) => ({ ...w, value: this.held({ code: w.value }, w.output.name).code, ...(w.condition ? { condition: this.held({ code: w.condition }, "when").code } : {}) }));
    }
    for (const w of writes) for (const t of w.output.targets) {
      const run = (): void => {
        if (!t.ref) {
          const dtype = w.output.dtype ?? w.value.dtype;
          const register = s.registers.get(t.e) ?? this.register(t.e, dtype);
          l.store({ data: register, index: [] }, w.value, { loc });
          return;
        }
        const at: Memlet = l.target(t.ref, w.index ?? t.ref.dims.map(() => ZERO));
        combine(l, at, w.value, t.wcr, { loc });
        if (w.int && t.wcr === undefined && !w.condition) remember(s, t.ref, w.int);
      };
      if (!w.condition) { run(); continue; }
      const body = l.region(run);
      l.emit({ kind: "conditional", id: freshId(), branches: [{ condition: l.condition(w.condition), body }], ...(loc ? { loc } : {}) });
    }
  }
  register(e: Edge, dtype: DType): string { const name = this.l.local(e.from ?? "value", dtype); this.s.registers.set(e, name); return name; }
}

/** How many writes the code makes: assignments to elements, and outputs that are single elements. */
function countStores(body: readonly PyNode[], outputs: ReadonlyMap<string, Output>): number {
  let k = 0;
  const visit = (list: readonly PyNode[]): void => {
    for (const x of list) {
      if (x.nodeType === "If") { visit(nodes(x["body"])); visit(nodes(x["orelse"])); continue; }
      for (const t of x.nodeType === "Assign" ? nodes(x["targets"]) : x["target"] ? [node(x["target"])] : []) for (const y of t.nodeType === "Tuple" ? nodes(t["elts"]) : [t]) if (y.nodeType === "Subscript") k++;
    }
  };
  visit(body);
  for (const o of outputs.values()) k += o.pointer ? 0 : o.targets.length;
  return k;
}
