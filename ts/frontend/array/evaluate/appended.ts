/** NumPy arrays that a loop makes longer: `xs = np.append(xs, v)` and its kin. They lie in a container with a row per element, as lists that grow do (../grown.ts); a name for one is a view of the rows that are there. */
import type { SourceLoc } from "../../../base/errors.js";
import type * as ast from "../ast.js";
import { knownOnEntry } from "../bounds.js";
import { isDynamic } from "../compress.js";
import { type Frame, Restart } from "../context.js";
import { append, extendBy, grownArray } from "../grown.js";
import { type ArrayValue, type GrownValue, type Value, formatShape, isArray, shapeOf } from "../value.js";
import type { Evaluator } from "./evaluator.js";
import { evaluateAll } from "./expressions.js";
import { boundBy, visitStatements } from "./names.js";

interface Longer { readonly by: "append" | "flat" | "rows" | "stacked"; readonly parts: readonly ast.Expr[] }

/** The expression is the array of that name, and something behind it. `flat`: what np.append and np.hstack make of an array of one dimension; `rows`: along the first dimension; `stacked`: np.vstack. */
function longer(e: ast.Expr, name: string): Longer | undefined {
  if (e.kind !== "call" || e.callee.kind !== "library" || e.args.length === 0 || e.args.some((a) => a.spread)) return undefined;
  const f = e.callee.name.replace(/^np\./, ""), isOwn = (x: ast.Expr | undefined): boolean => x?.kind === "name" && x.name === name, first = e.args[0]!.value;
  const least = f === "append" ? 2 : 1, axis = e.keywords[0]?.value ?? e.args[least]?.value;
  if (e.args.length > least + 1 || e.keywords.length > 1 || (e.keywords[0] && (e.keywords[0].name !== "axis" || e.args.length > least)) || (axis && !(axis.kind === "number" && axis.value === 0))) return undefined;
  if (f === "append") return isOwn(first) && e.args.length >= 2 ? { by: axis ? "rows" : "append", parts: [e.args[1]!.value] } : undefined;
  if ((first.kind !== "list" && first.kind !== "tuple") || !isOwn(first.elements[0])) return undefined;
  const parts = first.elements.slice(1);
  if (f === "concatenate" || f === "concat") return { by: "rows", parts };
  if (axis) return undefined;
  return f === "hstack" ? { by: "flat", parts } : f === "vstack" || f === "row_stack" ? { by: "stacked", parts } : undefined;
}

/** The statements give the name nothing but the array that it had, made longer. */
function madeLonger(lists: readonly (readonly ast.Stmt[])[], name: string, rank: number): boolean {
  let found = false, other = false;
  for (const l of lists) visitStatements(l, (s) => {
    const own = s.kind === "assign" && s.targets.length === 1 && s.targets[0]!.kind === "name" && s.targets[0]!.name === name ? longer(s.value, name) : undefined;
    if (own && (own.by === "rows" || rank === (own.by === "stacked" ? 2 : 1))) { found = true; return; }
    const bound = new Set<string>();
    if (s.kind === "assign") s.targets.forEach((t) => boundBy(t, bound)); else if (s.kind === "for" || s.kind === "augmented") boundBy(s.target, bound); else if (s.kind === "count") bound.add(s.variable); else if (s.kind === "function") bound.add(s.def.name);
    if (bound.has(name)) other = true;
  });
  return found && !other;
}

/** Apart from the keys of lists. */
function pathOf(key: string, frame: Frame, name: string): string { return `${key}+|${frame.key}|${name}`; }
/** A loop that makes a variable's array longer starts again with the array in a container that has room. */
export function growsInLoop(ev: Evaluator, key: string, lists: readonly (readonly ast.Stmt[])[], frame: Frame, name: string, v: ArrayValue): void {
  const { ctx } = ev, path = pathOf(key, frame, name), { growing, unroll } = ctx.learnt;
  // Another function that assigns it is not among the statements.
  if (frame !== ev.frame || (frame.def && ev.facts(frame.def).assignedInside.has(name))) return;
  if (ctx.language !== "python" || growing.has(path) || unroll.has(key) || !madeLonger(lists, name, v.dims.length)) return;
  if (shapeOf(v).some((e) => isDynamic(e) || !knownOnEntry(ctx, e))) return;
  growing.add(path);
  throw new Restart();
}
/** Runs `f`, a loop; arrays that are known to grow in it are in containers meanwhile, and arrays of their own afterwards. */
export function withGrowing<T>(ev: Evaluator, frames: readonly Frame[], key: string, loc: SourceLoc, f: () => T, finished: (g: GrownValue) => ArrayValue): T {
  const { growing, unroll } = ev.ctx.learnt, moved: { readonly frame: Frame; readonly name: string; readonly g: GrownValue }[] = [];
  if (!unroll.has(key)) for (const frame of frames) for (const [name, b] of frame.vars) {
    const path = pathOf(key, frame, name);
    if (b.kind !== "value" || b.value.kind !== "array" || !growing.has(path)) continue;
    const g = grownArray(ev.ctx, b.value, path, key, name, loc);
    frame.vars.set(name, { kind: "value", value: g });
    moved.push({ frame, name, g });
  }
  const r = f();
  for (const { frame, name, g } of moved) { const b = frame.vars.get(name); if (b?.kind === "value" && b.value === g) frame.vars.set(name, { kind: "value", value: finished(g) }); }
  return r;
}

/** `xs = np.append(xs, v)` where xs is such an array. */
export function appendsToOwn(ev: Evaluator, name: string, e: ast.Expr, loc: SourceLoc): boolean {
  const { ctx } = ev, b = ev.frame.vars.get(name), g = b?.kind === "value" && b.value.kind === "grown" && b.value.array ? b.value : undefined, own = g && longer(e, name);
  if (!g || !own) return false;
  const rank = g.state.data!.dims.length, library = (f: string, v: Value): Value => ctx.call({ kind: "library", name: f }, [v], new Map(), loc);
  for (const v of evaluateAll(ev, own.parts)) {
    if (v.kind === "scalar" && rank === 1 && own.by !== "rows") { append(ctx, g, v, loc); continue; }
    if ((v.kind === "list" || v.kind === "tuple") && rank === 1 && v.items.every((x) => x.kind === "scalar")) { for (const x of v.items) append(ctx, g, x, loc); continue; }
    let a = library(own.by === "append" ? "np.ravel" : "np.asarray", v);
    if (a.kind === "masked") a = library("np.array", a);
    const dims = isArray(a) ? shapeOf(a).length : 0;
    if (!isArray(a) || (dims !== rank && !(own.by === "stacked" && dims === 1))) return ctx.fail("SHAPE", `an array of ${rank} dimensions is made longer by ${isArray(a) ? `one of shape ${formatShape(shapeOf(a))}` : "a number"}`, loc);
    if (dims < rank) append(ctx, g, a, loc); else extendBy(ctx, g, a, `${ev.key(loc)}+`, loc);
  }
  return true;
}
