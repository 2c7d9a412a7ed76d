/** Runs a random program directly on JavaScript arrays. It shares nothing with the product. */
import type { Expression, FuzzProgram, Index, Statement, Test } from "./program.js";

export interface State { readonly n: number; readonly arrays: Map<string, Float64Array>; readonly scalars: Map<string, number> }
export interface Outcome { readonly value: number; /** Smallest distance of a data-dependent decision from its threshold. */ readonly margin: number; /** Largest magnitude seen. */ readonly largest: number }

export function interpret(p: FuzzProgram, state: State): Outcome {
  const integers = new Map<string, number>();
  let margin = Infinity, largest = 0;
  let returned: number | undefined;
  const run = (body: readonly Statement[], s: State): "break" | "continue" | "return" | undefined => {
    const { n } = s;
    const index = (i: Index): number => (i.base === undefined ? 0 : i.base === "n" ? n : integers.get(i.base)!) + i.plus;
    const place = (array: string, at: readonly Index[]): number => at.length === 1 ? index(at[0]!) : index(at[0]!) * n + index(at[1]!);
    const value = (e: Expression, k: number): number => {
      switch (e.kind) {
        case "constant": return e.value;
        case "scalar": return s.scalars.get(e.name)!;
        case "counter": return integers.get(e.variable)! * 0.1;
        case "element": return s.arrays.get(e.array)![place(e.array, e.at)]!;
        case "slice": return s.arrays.get(e.array)![(e.row ? index(e.row) * n : 0) + e.start + k]!;
        case "call": {
          const x = value(e.arg, k);
          switch (e.f) {
            case "sin": return Math.sin(x);
            case "tanh": return Math.tanh(x);
            case "sqrt1": return Math.sqrt(1 + x * x);
            case "square": return x * x;
            case "max0": margin = Math.min(margin, Math.abs(x)); return Math.max(x, 0);
          }
        }
        // falls through: every case above returns
        case "binary": {
          const x = value(e.left, k), y = value(e.right, k);
          switch (e.op) { case "+": return x + y; case "-": return x - y; case "*": return x * y; case "/1": return x / (1 + y * y); }
        }
      }
    };
    const combine = (op: "=" | "+=" | "*=", old: number, x: number): number => { const r = op === "=" ? x : op === "+=" ? old + x : old * x; largest = Math.max(largest, Number.isNaN(r) ? Infinity : Math.abs(r)); return r; };
    const holds = (t: Test | { readonly even: string }): boolean => {
      if ("even" in t) return integers.get(t.even)! % 2 === 0;
      const x = value(t.left, 0), y = value(t.right, 0);
      // Two equal constants are a decision that no input moves.
      if (x !== y || !isConstant(t.left) || !isConstant(t.right)) margin = Math.min(margin, Math.abs(x - y));
      return x > y;
    };
    for (const st of body) {
      switch (st.kind) {
        case "store": { const a = s.arrays.get(st.array)!, at = place(st.array, st.at); a[at] = combine(st.op, a[at]!, value(st.value, 0)); break; }
        case "assign": s.scalars.set(st.name, combine(st.op, s.scalars.get(st.name)!, value(st.value, 0))); break;
        case "slice": case "view": {
          const a = s.arrays.get(st.array)!, first = ("row" in st && st.row ? index(st.row) * n : 0) + st.start, length = n - st.cut - st.start;
          const fresh = Array.from({ length }, (_, k) => value(st.value, k));
          fresh.forEach((x, k) => { a[first + k] = combine(st.kind === "view" ? "+=" : st.op, a[first + k]!, x); });
          break;
        }
        case "for": {
          const lo = index(st.from), hi = index(st.to);
          for (let i = st.step > 0 ? lo : hi - 1; st.step > 0 ? i < hi : i >= lo; i += st.step) {
            integers.set(st.variable, i);
            const left = run(st.body, s);
            if (left === "break") break;
            if (left === "return") return left;
          }
          break;
        }
        case "while": {
          const on = (): boolean => integers.get(st.variable)! < st.limit && (!st.test || holds(st.test));
          integers.set(st.variable, 0);
          while (st.after || on()) {
            integers.set(st.variable, integers.get(st.variable)! + 1);
            const left = run(st.body, s);
            if (left === "break") break;
            if (left === "return") return left;
            if (st.after && !on()) break;
          }
          break;
        }
        case "exit":
          if (!holds(st.test)) break;
          run(st.first, s);
          if (st.value) returned = value(st.value, 0);
          return st.how;
        case "if": { const left = run(holds(st.test) ? st.then : st.otherwise, s); if (left) return left; break; }
        case "help": run(p.helper, { n, arrays: new Map([["x", s.arrays.get(st.array)!], ["y", s.arrays.get(st.other)!]]), scalars: new Map([["c", value(st.value, 0)]]) }); break;
        case "swap": { const v = s.arrays.get("v")!; s.arrays.set("v", s.arrays.get("w")!); s.arrays.set("w", v); break; }
      }
    }
    return undefined;
  };
  const final: State = { n: state.n, arrays: new Map(state.arrays), scalars: new Map(state.scalars) };
  const result: Statement = { kind: "assign", name: "result", op: "=", value: p.result };
  final.scalars.set("result", 0);
  run([...p.body, result], final);
  return { value: returned ?? final.scalars.get("result")!, margin, largest };
}
const isConstant = (e: Expression): boolean => e.kind === "constant" || e.kind === "counter";
