/** What "auto" takes a program to ask of a GPU. */
import test from "ava";
import { jit, python } from "../../../ts/index.js";
import { SOME } from "../../../ts/schedule/work.js";
import { evaluate } from "../../../ts/symbolic/expr.js";
import { parseExpr } from "../../../ts/symbolic/parse.js";

type Estimate = Readonly<Record<"launches" | "serial" | "block" | "shared", number>>;
/** At these sizes; `blocks` "off": as launches only. */
function estimated(source: string, args: readonly unknown[], sizes: Readonly<Record<string, number>>, blocks = ""): Estimate {
  process.env["DACE_AD_CUDA"] = "shim"; process.env["DACE_AD_CUDA_BLOCKS"] = blocks;
  try {
    const { cuda } = jit(python({ source: `import numpy as np\n${source}`, name: "p.py" }, { function: "f" }), { device: "cuda" }).lower(...args).plan, env = new Map(Object.entries(sizes));
    return Object.fromEntries(Object.entries(cuda!.estimate).map(([k, e]) => [k, evaluate(parseExpr(e), env)])) as Estimate;
  } finally { delete process.env["DACE_AD_CUDA"]; delete process.env["DACE_AD_CUDA_BLOCKS"]; }
}

test.serial("of a loop of unknown length that one block runs in strips some rounds count, not some strips", (t) => {
  const source = "def f(x, limit):\n    while np.sum(x) < limit:\n        x[:] = x + 1.0\n    return x[0]\n", args = [new Float64Array(100), 1];
  const strips = estimated(source, args, { n0: 100 }), launches = estimated(source, args, { n0: 100 }, "off");
  // A round: the sum, the condition, the addition; what one thread does is a piece of the block.
  const work = launches.shared + launches.serial;
  t.true(strips.block > 0.5 * work && strips.block < 2 * work, JSON.stringify([strips, launches]));
  // One kernel and what the host fetches of it, where there would be several launches for each round.
  t.true(strips.launches < launches.launches / SOME + 4, JSON.stringify([strips, launches]));
  // Twice the work where the arrays are twice as long.
  const more = estimated(source, args, { n0: 10_000 }).block / estimated(source, args, { n0: 5_000 }).block;
  t.true(more > 1.8 && more < 2.1, String(more));
});

test.serial("loops whose length is known count as often as they run, in either form", (t) => {
  const source = "def f(x, T):\n    for k in range(T):\n        x[1:-1] = 0.5 * (x[:-2] + x[2:])\n    return x[0]\n", args = [new Float64Array(100), 5];
  for (const T of [10, 1000]) {
    const block = estimated(source, args, { n0: 100, T }), launches = estimated(source, args, { n0: 100, T }, "off");
    t.true(block.block > 0.8 * launches.shared && block.block < 1.3 * launches.shared, JSON.stringify([T, block, launches]));
  }
});
