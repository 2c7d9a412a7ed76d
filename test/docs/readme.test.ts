/** The README's programs print what it says, its error table is complete, and its commands are those that CI runs. */
import test from "ava";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot } from "../../ts/runtime/addon.js";

const root = packageRoot(), readme = readFileSync(join(root, "README.md"), "utf8");
const examples = [...readme.matchAll(/```js\n\/\/ run: (\w+)\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/g)].map(([, name, source, output]) => ({ name: name!, source: source!, output: output! }));

test("there is a NumPy and a JavaScript program on the first screen", (t) => {
  t.deepEqual(examples.map((e) => e.name), ["numpy", "javascript"]);
  for (const e of examples) t.true(e.source.trimEnd().split("\n").length <= 13);
});

const NUMBER = /-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/g;
for (const e of examples) {
  test(`the ${e.name} program prints what the README says`, (t) => {
    const folder = join(root, ".build", "readme"), file = join(folder, `${e.name}.cjs`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, e.source);
    const r = spawnSync(process.execPath, [file], { encoding: "utf8", cwd: folder });
    t.is(r.status, 0, r.stderr);
    // The last digits are the processor's: its sine and its products with sums differ.
    const numbers = (s: string): number[] => [...s.matchAll(NUMBER)].map(Number), shown = numbers(e.output), printed = numbers(r.stdout);
    t.is(r.stdout.replace(NUMBER, "#"), e.output.replace(NUMBER, "#"));
    t.true(shown.length > 3 && shown.every((x, i) => Math.abs(printed[i]! - x) <= 1e-12 * Math.abs(x)), r.stdout);
  });
}

test("every error code is in the table", (t) => {
  const source = readFileSync(join(root, "ts", "base", "errors.ts"), "utf8"), union = /export type ErrorCode =([\s\S]*?);/.exec(source)![1]!;
  const codes = [...union.matchAll(/"(\w+)"/g)].map((m) => m[1]!);
  t.true(codes.length > 15);
  for (const c of codes) t.true(readme.includes(`| \`ERR_DACE_${c}\` |`), c);
});

test("CI runs the README's test command", (t) => {
  t.true(readme.includes("npm ci && npm test"));
  t.true(readFileSync(join(root, ".ci", "run"), "utf8").includes("npm ci && npm test"));
});
