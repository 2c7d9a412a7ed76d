/** State machines fold into structured control flow, or are refused. */
import test from "ava";
import { DaceError } from "../../ts/index.js";
import type { Block, InterstateEdge, Region } from "../../ts/sdfg/dace/model.js";
import { structured, type Item } from "../../ts/sdfg/dace/structure.js";

/** `"a -> b [condition] {x = 1}"`; blocks are states with a node each, unless named empty…, break… or return…. */
function region(...edges: string[]): Region {
  const names: string[] = [], id = (n: string): number => { const at = names.indexOf(n); return at >= 0 ? at : names.push(n) - 1; };
  const list = edges.map((e): InterstateEdge => {
    const m = /^(\w+) -> (\w+)(?: \[(.*?)\])?(?: \{(.*)\})?$/.exec(e)!;
    return { src: id(m[1]!), dst: id(m[2]!), condition: m[3], assignments: (m[4] ?? "").split(",").filter(Boolean).map((a) => { const [symbol, value] = a.split("="); return { symbol: symbol!.trim(), value: value!.trim() }; }) };
  });
  const blocks = names.map((label): Block => (label.startsWith("break") ? { kind: "break", label } : label.startsWith("return") ? { kind: "return", label } : {
    kind: "state", label, edges: [], nodes: label.startsWith("empty") ? new Map() : new Map([[0, { kind: "access", id: 0, label, scope: undefined, where: label, data: label, setzero: false }]]),
  }));
  return { kind: "region", label: "test", blocks, edges: list, start: 0 };
}
function text(items: readonly Item[]): string {
  return items.map((i) => {
    switch (i.kind) {
      case "block": return i.block.label;
      case "assign": return i.assignments.map((a) => `${a.symbol}=${a.value}`).join(",");
      case "if": return `if(${i.branches.map((b) => `${b.condition ?? "else"}: ${text(b.body)}`).join(" | ")})`;
      case "loop": return `loop(${text(i.head)}; ${i.condition}; ${text(i.body)}; ${i.update.map((a) => `${a.symbol}=${a.value}`).join(",")})`;
    }
  }).join(" ");
}
const folds = (name: string, edges: string[], want: string): void => { test(name, (t) => { t.is(text(structured(region(...edges))), want); }); };

folds("a chain", ["a -> b {x = 1}", "b -> c"], "a x=1 b c");
folds("one block", ["a -> b"], "a b");
folds("a diamond", ["a -> b [x > 0]", "a -> c [not (x > 0)] {y = 2}", "b -> d", "c -> d", "d -> e"], "a if(x > 0: b | else: y=2 c) d e");
folds("an if without else", ["a -> b [x > 0]", "a -> c [x <= 0]", "b -> c"], "a if(x > 0: b | else: ) c");
folds("mirrored conditions", ["a -> b [x < y]", "a -> c [y <= x]", "b -> d", "c -> d"], "a if(x < y: b | else: c) d");
folds("a loop with a guard", ["a -> emptyguard {i = 0}", "emptyguard -> b [i < N]", "b -> emptyguard {i = i + 1}", "emptyguard -> c [i >= N]"], "a i=0 loop(; i < N; b; i=i + 1) c");
folds("a loop whose guard does something", ["a -> g", "g -> b [x > 0]", "b -> g", "g -> c [not (x > 0)]"], "a loop(g; x > 0; b; ) c");
folds("a loop that tests at its end", ["a -> b", "b -> b [i < 3] {i = i + 1}", "b -> c [i >= 3]"], "a loop(b; i < 3; ; i=i + 1) c");
folds("nested loops", ["a -> emptyg {i = 0}", "emptyg -> emptyh [i < N] {j = 0}", "emptyh -> b [j < i]", "b -> emptyh {j = j + 1}", "emptyh -> emptyl [not (j < i)]", "emptyl -> emptyg {i = i + 1}", "emptyg -> c [not (i < N)]"], "a i=0 loop(; i < N; j=0 loop(; j < i; b; j=j + 1); i=i + 1) c");
folds("an if in a loop", ["emptyg -> a [i < N]", "a -> b [x > 0]", "a -> c [x <= 0]", "b -> d", "c -> d", "d -> emptyg {i = i + 1}", "emptyg -> e [i >= N]"], "loop(; i < N; a if(x > 0: b | else: c) d; i=i + 1) e");
folds("an arm that leaves", ["a -> return1 [x > 0]", "a -> b [x <= 0]", "b -> c"], "a if(x > 0: return1 | else: ) b c");

for (const [name, edges] of [
  ["a jump into a loop", ["a -> g", "a -> b [x]", "g -> b [i < N]", "b -> g", "g -> c [i >= N]"]],
  ["conditions that do not cover everything", ["a -> b [x > 0]", "a -> c [x < 0]", "b -> d", "c -> d"]],
  ["a loop that is left in the middle", ["emptyg -> a [i < N]", "a -> c [x > 0]", "a -> b [x <= 0]", "b -> emptyg", "emptyg -> c [i >= N]"]],
] as const) test(`refused: ${name}`, (t) => { t.regex(t.throws(() => structured(region(...edges)), { instanceOf: DaceError })!.message, /control flow of test/); });
