/**
 * Small loops of unknown length as kernels of one block: the host launches a kernel that makes some rounds, fetches how it ended, and launches the next one where the loop goes on; in between it looks at the cancel
 * flag. Pre: a placed `while` whose condition is asked for in its rounds. Post: the same rounds in the same order. An exit inside of the kernel leaves the loop there and says, by number, which block the host leaves.
 */
import { freshId } from "../../sdfg/sdfg.js";
import { constant, input, op } from "../../scalar/expr.js";
import { exitsOf } from "../../analysis/paths.js";
import type { Loop, Node, Tasklet, While } from "../../sdfg/nodes.js";
import type { Assumptions } from "../../symbolic/assumptions.js";
import { addInt, mul, ONE, sym, ZERO, type Expr } from "../../symbolic/expr.js";
import { Together, type Context } from "./together.js";

/** Rounds as kernels of `length` rounds each; undefined: something inside that no block does. `kernel`: marks a loop as one kernel. */
export function inRounds(n: While, length: Expr, facts: Assumptions, c: Context, kernel: (l: Loop) => Loop): { readonly body: readonly Node[]; readonly kernel: Loop } | undefined {
  const { condition: { code, inputs } } = n;
  if (n.testAfter || inputs.length > 0 || code.kind !== "const" || code.value !== true) return undefined;
  const labels = [...n.body.reduce((all, x) => new Set([...all, ...exitsOf(x)]), new Set<string>())], here = `rounds ${n.id}`, { device, host } = c.counter(), round = c.variable("round"), at = n.loc ? { loc: n.loc } : {};
  /** How it ended: 0, not yet. */
  const ended = (how: number): readonly Node[] => {
    const t: Tasklet = { kind: "tasklet", id: freshId(), inputs: [], output: { data: device, index: [] }, code: constant(how, "int64"), ...at };
    return together.list(c.place([t], facts), facts)!;
  };
  const together = new Together(c, new Map(labels.map((label, k) => [label, () => [...ended(k + 1), { kind: "exit", id: freshId(), label: here }]])));
  const body = together.list(n.body, facts);
  if (!body) return undefined;
  const rounds: Loop = { kind: "loop", id: freshId(), variable: n.counter, begin: mul(sym(round), length), end: mul(addInt(sym(round), 1), length), order: "up", body, schedule: { gpu: { rounds: length } }, ...at };
  const made = kernel({ kind: "loop", id: freshId(), variable: c.variable("one"), begin: ZERO, end: ONE, order: "up", body: [...ended(0), { kind: "block", id: freshId(), label: here, body: [rounds] }], ...at });
  const leave = labels.map((label, k): Node => ({ kind: "conditional", id: freshId(), branches: [{ condition: { inputs: [{ data: host, index: [] }], code: op("eq", "bool", input(0, "int64"), constant(k + 1, "int64")) }, body: [{ kind: "exit", id: freshId(), label }] }] }));
  const fetch: Tasklet = { kind: "tasklet", id: freshId(), inputs: [{ data: device, index: [] }], output: { data: host, index: [] }, code: input(0, "int64"), ...at };
  return { body: [{ ...n, id: freshId(), counter: round, body: [made, fetch, ...leave] }], kernel: made };
}
