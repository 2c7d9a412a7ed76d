/** The stable text form of a graph: one line per node, memlets inline, perfect map nests as one line. Nodes are numbered by position. */
import type { ScalarExpr } from "../scalar/expr.js";
import type { Condition, Loop, Memlet, Node, Operand, ReturnValue } from "./nodes.js";
import type { Graph } from "./sdfg.js";

export function graphText(graph: Graph): string {
  const out: string[] = [`sdfg ${graph.name}(${graph.parameters.map((p) => (p.kind === "container" ? `${p.name}: ${p.container}` : `${p.name}: int`)).join(", ")}) -> ${resultText(graph.result)}`];
  for (const c of graph.containers.values()) {
    out.push(`  ${c.transient ? "transient" : "data"} ${c.name}: ${c.dtype}[${c.shape.map((e) => e.key).join(", ")}]${c.view ? ` view of ${c.view.base}+${c.view.offset.key}` : ""}${c.role && c.role !== "value" ? ` (${c.role})` : ""}`);
  }
  for (const c of graph.checks) out.push(`  check ${c.kind}: ${c.expr.key} ${c.kind === "shape" ? "== 0" : ">= 0"}`);
  const numbers = new Map<number, number>();
  const number = (list: readonly Node[]): void => { for (const n of list) { numbers.set(n.id, numbers.size + 1); for (const b of childLists(n)) number(b); } };
  number(graph.body);
  const line = (depth: number, text: string): void => { out.push(`${"  ".repeat(depth + 1)}${text}`); };
  const print = (list: readonly Node[], depth: number): void => {
    for (const n of list) {
      const tag = `${numbers.get(n.id)}:`;
      switch (n.kind) {
        case "tasklet": line(depth, `${tag} ${memlet(n.output, numbers)} ${n.wcr ? `${WCR[n.wcr]}=` : "="} ${scalarText(n.code, (i) => memlet(n.inputs[i]!, numbers))}`); break;
        case "library": line(depth, `${tag} ${n.op}(${n.inputs.map((o) => operand(o, numbers)).join(", ")}) ${n.accumulate ? "+=>" : "=>"} ${n.outputs.map((o) => operand(o, numbers)).join(", ")}${Object.keys(n.attributes).length > 0 ? ` ${JSON.stringify(n.attributes)}` : ""}`); break;
        case "loop": {
          const chain: Loop[] = [n];
          let last: Loop = n;
          while (last.order === "any" && last.body.length === 1 && last.body[0]!.kind === "loop" && last.body[0]!.order === "any" && !last.locals?.length) { last = last.body[0]!; chain.push(last); }
          const ranges = chain.map((l) => `${l.variable} in ${l.begin.key}:${l.end.key}`).join(", ");
          line(depth, `${tag} ${n.order === "any" ? "map" : n.order === "up" ? "for" : "for down"} [${ranges}]${last.locals?.length ? ` locals ${last.locals.join(", ")}` : ""}${n.schedule?.parallel ? " parallel" : ""}`);
          print(last.body, depth + 1);
          break;
        }
        case "while": line(depth, `${tag} ${n.testAfter ? "do" : ""}while ${condition(n.condition, numbers)} counting ${n.counter}`); print(n.body, depth + 1); break;
        case "conditional": n.branches.forEach((b, i) => { line(depth, `${i === 0 ? `${tag} if` : b.condition ? "elif" : "else"}${b.condition ? ` ${condition(b.condition, numbers)}` : ""}`); print(b.body, depth + 1); }); break;
        case "block": line(depth, `${tag} block ${n.label}`); print(n.body, depth + 1); break;
        case "exit": line(depth, `${tag} exit ${n.label}`); break;
        case "raise": line(depth, `${tag} raise ${n.code} ${JSON.stringify(n.message)}`); break;
      }
    }
  };
  print(graph.body, 0);
  return `${out.join("\n")}\n`;
}

const WCR = { sum: "+", prod: "*", min: "min", max: "max" } as const;
function childLists(n: Node): readonly (readonly Node[])[] { return n.kind === "conditional" ? n.branches.map((b) => b.body) : n.kind === "loop" || n.kind === "while" || n.kind === "block" ? [n.body] : []; }
function memlet(m: Memlet, numbers: ReadonlyMap<number, number>): string {
  return `${m.data}[${m.index.map((e) => e.key).join(", ")}]${m.guard?.length ? ` where ${m.guard.map((g) => `${g.key} >= 0`).join(" and ")}` : ""}${m.saved ? ` saved ${m.saved.when} ${numbers.get(m.saved.node) ?? "?"}` : ""}`;
}
function operand(o: Operand, numbers: ReadonlyMap<number, number>): string {
  return `${o.data}[${o.base.map((b, axis) => { const d = o.axes.indexOf(axis); return d < 0 ? b.key : `${b.key} +: ${o.sizes[d]!.key}`; }).join(", ")}]${o.axes.some((a, i) => i > 0 && a < o.axes[i - 1]!) ? ".T" : ""}${o.saved ? ` saved ${o.saved.when} ${numbers.get(o.saved.node) ?? "?"}` : ""}`;
}
function condition(c: Condition, numbers: ReadonlyMap<number, number>): string { return scalarText(c.code, (i) => memlet(c.inputs[i]!, numbers)); }
function resultText(r: ReturnValue): string { return r.kind === "none" ? "none" : r.kind === "container" ? (r.lengths ? `${r.name}[${r.lengths.map((l) => `:${l ?? ""}`).join(", ")}]` : r.name) : r.kind === "integer" ? r.expr.key : `(${r.items.map(resultText).join(", ")})`; }

const INFIX: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", div: "/", eq: "==", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=", and: "and", or: "or" };
/** Infix text of a tasklet expression; inputs are printed by the callback. */
export function scalarText(e: ScalarExpr, inputText: (index: number) => string): string {
  switch (e.kind) {
    case "const": return e.imag ? `(${String(e.value)}+${e.imag}j)` : String(e.value);
    case "input": return inputText(e.index);
    case "symbolic": return `<${e.expr.key}>`;
    case "cast": return `${e.dtype}(${scalarText(e.arg, inputText)})`;
    case "op": {
      const infix = INFIX[e.op];
      return infix ? `(${scalarText(e.args[0]!, inputText)} ${infix} ${scalarText(e.args[1]!, inputText)})` : `${e.op}(${e.args.map((a) => scalarText(a, inputText)).join(", ")})`;
    }
  }
}
