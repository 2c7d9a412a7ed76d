/** Copies from access node to access node: region to region, element by element, with conflict resolution where the memlet has it. */
import type { AccessNode, Edge } from "../../sdfg/dace/model.js";
import { cast } from "../../scalar/expr.js";
import { floordiv, mod, mul, ONE, ZERO, type Expr } from "../../symbolic/expr.js";
import { isEqual } from "../../symbolic/prove.js";
import { locOf } from "./context.js";
import { part, type Ref } from "./references.js";
import type { StateLowering } from "./state.js";
import { combine, effective } from "./wcr.js";

export function copy(s: StateLowering, e: Edge, from: AccessNode, to: AccessNode): void {
  const { l } = s, m = e.memlet!, what = `the copy from ${from.data} to ${to.data} in state ${s.state.label}`;
  const source = s.ref(from.data), target = s.ref(to.data), named = m.data === to.data && m.data !== from.data ? "target" : "source";
  if (m.data !== from.data && m.data !== to.data) l.refuse(`${what}, whose memlet names ${m.data}`);
  const subset = { source: named === "source" ? m.subset : m.other, target: named === "target" ? m.subset : m.other };
  let a = part(source, s.spans(subset.source, source, what)), b = part(target, s.spans(subset.target, target, what));
  // A side that is not said starts at its beginning and is as large as the other one.
  if (!subset.source && subset.target) a = fit(a, b) ?? a; else if (!subset.target && subset.source) b = fit(b, a) ?? b;
  const dims = matched(s, a, b, what), loc = locOf(from), wcr = effective(l, s.wcr(e), b, what);
  const same = l.bufferOf(a.container) === l.bufferOf(b.container) && !a.symbol;
  const write = (index: readonly Expr[], value: ReturnType<typeof l.readRef>): void => { combine(l, l.target(b, dims.target(index)), value.code, wcr, { loc }); if (value.int && dims.sizes.length === 0 && wcr === undefined) remember(s, b, value.int); };
  if (same && dims.sizes.length > 0) {
    // Source and target may overlap: everything is read before anything is written.
    const dtype = l.container(a.container).dtype, name = l.unique("copy");
    l.addContainer({ name, dtype, shape: dims.sizes.map((x) => l.extent(x, what)), transient: true });
    const frame = l.frames.at(-1);
    if (frame) { frame.locals.push(name); l.homed.add(name); }
    l.map(dims.sizes, (index) => { l.store({ data: name, index }, l.readRef(a, dims.source(index)).code, { loc }); }, loc);
    l.map(dims.sizes, (index) => { write(index, l.readMemlet({ data: name, index })); }, loc);
    return;
  }
  l.map(dims.sizes, (index) => { const v = l.readRef(a, dims.source(index)); write(index, { ...v, code: cast(v.code, l.container(b.container).dtype) }); }, loc);
}

/** What an integer scalar holds now, for symbols that are assigned from it. */
export function remember(s: { readonly l: StateLowering["l"] }, r: Ref, value: Expr): void {
  const c = s.l.container(r.container);
  if (c.shape.length > 0 || c.view) return;
  const names = new Set<string>();
  // Only values that cannot change under us are worth remembering.
  for (const t of value.terms) for (const a of t.atoms) if (a.kind !== "symbol" && a.kind !== "load") return; else if (a.kind === "load") names.add(a.data);
  for (const n of names) if (!s.l.freeze(n)) return;
  s.l.known.set(r.container, value);
}

const big = (r: Ref): number[] => r.dims.flatMap((d, k) => (d.size.constant === 1 ? [] : [k]));
/** The first elements of `r`, as many as `like` has in each dimension; undefined where the ranks differ. */
function fit(r: Ref, like: Ref): Ref | undefined {
  const own = big(r), other = big(like);
  if (own.length !== other.length) return r.dims.length === like.dims.length ? { ...r, dims: r.dims.map((d, k) => ({ ...d, size: like.dims[k]!.size })) } : undefined;
  return { ...r, dims: r.dims.map((d, k) => { const at = own.indexOf(k); return at < 0 ? d : { ...d, size: like.dims[other[at]!]!.size }; }) };
}

interface Matched { readonly sizes: readonly Expr[]; source(index: readonly Expr[]): Expr[]; target(index: readonly Expr[]): Expr[] }

function matched(s: StateLowering, a: Ref, b: Ref, what: string): Matched {
  const { l } = s, x = big(a), y = big(b);
  const place = (r: Ref, dims: readonly number[]) => (index: readonly Expr[]): Expr[] => r.dims.map((_, k) => { const at = dims.indexOf(k); return at < 0 ? ZERO : index[at]!; });
  const equal = (p: Expr, q: Expr): boolean => isEqual(p, q, l.facts) === "yes";
  if (x.length === y.length && x.every((k, i) => isEqual(a.dims[k]!.size, b.dims[y[i]!]!.size, l.facts) !== "no")) {
    x.forEach((k, i) => { const p = a.dims[k]!.size, q = b.dims[y[i]!]!.size; if (!equal(p, q)) l.refuse(`${what}: sizes ${p.key} and ${q.key} are not known to be equal`); });
    return { sizes: x.map((k) => a.dims[k]!.size), source: place(a, x), target: place(b, y) };
  }
  const total = (r: Ref): Expr => r.dims.reduce<Expr>((p, d) => mul(p, d.size), ONE);
  if (!equal(total(a), total(b))) l.refuse(`${what}: ${sizesOf(a)} elements into ${sizesOf(b)}`);
  // A copy that reshapes goes through the elements in row-major order.
  const unflatten = (r: Ref) => ([flat]: readonly Expr[]): Expr[] => {
    const out: Expr[] = [];
    let rest = flat!;
    for (let k = r.dims.length - 1; k >= 0; k--) { const n = r.dims[k]!.size; out[k] = k === 0 ? rest : n.constant === 1 ? ZERO : mod(rest, n); rest = n.constant === 1 ? rest : floordiv(rest, n); }
    return out;
  };
  return { sizes: [total(a)], source: unflatten(a), target: unflatten(b) };
}
function sizesOf(r: Ref): string { return `(${r.dims.map((d) => d.size.key).join(", ")})`; }
