/**
 * The 25 programs that DaCe saved, raw and simplified: forward values and gradients against references from complex step, raw and simplified the same, and
 * saved again as they were, as well as exported by us, loaded and run again.
 */
import test from "ava";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SDFG } from "../../ts/index.js";
import { lowerDace } from "../../ts/frontend/dace/index.js";
import { LIBRARY } from "../../ts/library/index.js";
import { exportGraph } from "../../ts/sdfg/dace/export.js";
import { parseDaceText, readSDFG } from "../../ts/sdfg/dace/read.js";
import { validate } from "../../ts/sdfg/validate.js";
import { cotangents, distance, FIXTURES, flat, forwardError, gradients, openCase, valueOf } from "./support.js";

const programs = JSON.parse(readFileSync(join(FIXTURES, "programs.json"), "utf8")) as readonly { readonly name: string; readonly tolerance: number }[];
const temporary = mkdtempSync(join(tmpdir(), "sdfg-"));
test.after.always(() => { rmSync(temporary, { recursive: true, force: true }); });

test("all programs are here", (t) => {
  t.is(programs.length, 25);
  t.is(readdirSync(FIXTURES).filter((f) => f.endsWith(".sdfg")).length, 50);
});

for (const { name, tolerance } of programs) {
  test(name, (t) => {
    const npz = join(FIXTURES, `${name}.npz`), found: number[][] = [];
    for (const kind of [".raw", ""]) {
      const file = join(FIXTURES, `${name}${kind}.sdfg`), text = readFileSync(file, "utf8");
      const c = openCase(SDFG.load(file), npz);
      t.true(forwardError(c) <= tolerance, `${name}${kind}: outputs`);
      const grads = gradients(c, cotangents(c));
      const all: number[] = [];
      for (const [k, want] of c.expected) {
        if (!k.startsWith("grad/")) continue;
        const d = distance(grads[k.slice(5)], valueOf(want));
        t.true(d <= tolerance, `${name}${kind}: gradient of ${k.slice(5)} is off by ${d}`);
        all.push(...flat(grads[k.slice(5)]));
      }
      found.push(all);
      // Saved as it was, byte for byte.
      const again = join(temporary, `${name}${kind}.sdfg`);
      c.sdfg.save(again);
      t.is(readFileSync(again, "utf8"), text);
      // What we would write ourselves reads back to the same values and gradients.
      const graph = lowerDace(readSDFG(parseDaceText(text, name)));
      t.notThrows(() => validate(graph));
      const exported = join(temporary, `${name}${kind}.exported.sdfg`);
      writeFileSync(exported, JSON.stringify(exportGraph(graph, { expand: (n, dtypeOf, variable) => LIBRARY.get(n.op)!.expand(n, dtypeOf, variable) })));
      const e = openCase(SDFG.load(exported), npz);
      t.deepEqual(e.names, c.names);
      t.true(forwardError(e) <= tolerance, `${name}${kind}: outputs of the exported file`);
      if (kind !== "") continue;
      const theirs = gradients(e, cotangents(e));
      for (const [k, want] of e.expected) if (k.startsWith("grad/")) t.true(distance(theirs[k.slice(5)], valueOf(want)) <= tolerance, `${name}${kind}: gradient of ${k.slice(5)} in the exported file`);
    }
    t.true(distance(Float64Array.from(found[0]!), Float64Array.from(found[1]!)) <= tolerance, "raw and simplified differ");
  });
}
