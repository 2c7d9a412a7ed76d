/**
 * Constructs beyond the 25 programs, in files that DaCe 2.0.0a6 saved and ran: state machines, while, break, continue, return, dynamic map ranges, pointers in
 * tasklets, dynamic outputs, code to code, conflict resolution of every kind, BLAS nodes, strided and padded arrays, views, constants. Outputs are DaCe's;
 * gradients are compared with differences of the forward run.
 */
import test from "ava";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lowerDace } from "../../ts/frontend/dace/index.js";
import { LIBRARY } from "../../ts/library/index.js";
import { exportGraph } from "../../ts/sdfg/dace/export.js";
import { parseDaceText, readSDFG } from "../../ts/sdfg/dace/read.js";
import { DaceError, jit, SDFG, type Value } from "../../ts/index.js";
import { copyOf, distance, FIXTURES, flat, forwardError, gradients, openCase, OPTIONS, valueOf } from "./support.js";

const FOLDER = join(FIXTURES, "constructs");
const temporary = mkdtempSync(join(tmpdir(), "sdfg-constructs-"));
test.after.always(() => { rmSync(temporary, { recursive: true, force: true }); });
/** Programs whose gradient is refused, and what the error says. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  ints: /no float/,
};

for (const file of readdirSync(FOLDER).filter((f) => f.endsWith(".sdfg"))) {
  test(file, (t) => {
    const name = file.split(".")[0]!, c = openCase(SDFG.load(join(FOLDER, file)), join(FOLDER, `${name}.npz`));
    t.true(forwardError(c) <= 1e-12, `outputs are off by ${forwardError(c)}`);
    // What we would write ourselves does the same.
    const exported = exportGraph(lowerDace(readSDFG(parseDaceText(readFileSync(join(FOLDER, file), "utf8"), file))), { expand: (n, dtypeOf, variable) => LIBRARY.get(n.op)!.expand(n, dtypeOf, variable) });
    const path = join(temporary, file);
    writeFileSync(path, JSON.stringify(exported));
    t.true(forwardError(openCase(SDFG.load(path), join(FOLDER, `${name}.npz`))) <= 1e-12, "outputs of the exported file");
    if (name === "returns") t.true(JSON.stringify(exported).includes("ReturnBlock"));
    if (file === "breaks.raw.sdfg") t.true(/BreakBlock.*ContinueBlock/.test(JSON.stringify(exported)));
    // Deterministic weights on the float outputs that change.
    let seed = 7;
    const random = (): number => { seed = (seed * 16807) % 2147483647; return seed / 2147483647 - 0.5; };
    const weights: Record<string, Value> = {};
    for (const [k, a] of c.expected) if (k.startsWith("out/") && a.dtype === "float64" && distance(valueOf(a), valueOf(c.expected.get(`in/${k.slice(4)}`)!)) > 0) { const w = copyOf(valueOf(a)), d = ArrayBuffer.isView(w) ? w as Float64Array : (w as { data: Float64Array }).data; for (let i = 0; i < d.length; i++) d[i] = random(); weights[k.slice(4)] = w; }
    const refused = REFUSED[name];
    if (refused) { const e = t.throws(() => gradients(c, weights), { instanceOf: DaceError })!; t.regex(e.message, refused); return; }
    const grads = gradients(c, weights), run = jit(c.sdfg, OPTIONS);
    const loss = (args: readonly Value[]): number => { const own = args.map(copyOf); run(...own); let s = 0; for (const [n, w] of Object.entries(weights)) { const g = flat(w); flat(own[c.names.indexOf(n)]).forEach((v, i) => { s += v * g[i]!; }); } return s; };
    c.args.forEach((x, p) => {
      const g = grads[c.names[p]!];
      if (g === undefined) return;
      const single = x instanceof Float32Array, h = single ? 1e-2 : 1e-5;
      flat(g).forEach((value, i) => {
        const moved = (d: number): Value[] => { const own = c.args.map(copyOf); if (typeof own[p] === "number") own[p] = own[p] as number + d; else { const data = ArrayBuffer.isView(own[p]) ? own[p] as Float64Array : (own[p] as { data: Float64Array }).data; data[i]! += d; } return own; };
        const difference = (loss(moved(h)) - loss(moved(-h))) / (2 * h);
        t.true(Math.abs(value - difference) <= (single ? 1e-3 : 1e-7) * Math.max(1, Math.abs(difference)), `${c.names[p]}[${i}]: ${value}, differences ${difference}`);
      });
    });
  });
}
