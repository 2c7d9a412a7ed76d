/** The life of a calibration: measured once, kept, measured again where what was kept is none; off, given, and what cannot be measured. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { CPU_RATES, GPU_RATES, JS_RATES, type Rates } from "../../ts/base/rates.js";
import { calibration, isRates } from "../../ts/compile/calibration.js";
import { divisions, measureRates } from "../../ts/compile/micro-kernels.js";
import { ProgramCache } from "../../ts/compile/program-cache.js";
import { DaceError } from "../../ts/index.js";
import type { Backend } from "../../ts/runtime/executable.js";

const JS: Backend = { device: "js", threads: 1, cache: "on" };
const made: string[] = [];
const folder = (): string => { const d = mkdtempSync(join(tmpdir(), "dace-ad-rates-")); made.push(d); return d; };
test.after.always(() => { for (const d of made) rmSync(d, { recursive: true, force: true }); });
/** With DACE_AD_CALIBRATION set; tests of one file run one after another. */
function within<T>(value: string | undefined, f: () => T): T {
  const before = process.env["DACE_AD_CALIBRATION"];
  if (value === undefined) delete process.env["DACE_AD_CALIBRATION"]; else process.env["DACE_AD_CALIBRATION"] = value;
  try { return f(); } finally { if (before === undefined) delete process.env["DACE_AD_CALIBRATION"]; else process.env["DACE_AD_CALIBRATION"] = before; }
}
/** A machine on which everything takes `k` times as long, and how often it was asked. */
function machine(k: number): { readonly measure: (b: Backend) => Rates; asked: number } { const m = { asked: 0, measure: (): Rates => { m.asked++; return { ...JS_RATES, vector: k * JS_RATES.vector, scalar: k * JS_RATES.scalar }; } }; return m; }

test.serial("measured once, then read; the decision's key follows the rates", (t) => {
  const dir = folder(), m = machine(3), ask = (d: string): ReturnType<typeof calibration> => within(undefined, () => calibration(JS, new ProgramCache("on", d), m.measure)), first = ask(dir), again = ask(dir);
  t.is(first.origin, "measured");
  t.is(first.rates.vector, 3 * JS_RATES.vector);
  t.deepEqual(again, first);
  t.is(m.asked, 1);
  // Another process reads what is kept.
  const other = folder();
  writeFileSync(join(other, "x"), "");
  const copy = new ProgramCache("on", other), kept = new ProgramCache("on", dir).entries();
  t.is(kept.length, 1);
  copy.put(kept[0]!.key, new ProgramCache("on", dir).get(kept[0]!.key));
  t.deepEqual(ask(other), first);
  t.is(m.asked, 1);
  t.not(within("off", () => calibration(JS, new ProgramCache("on", dir), m.measure)).id, first.id);
});

test.serial("what is damaged, or holds something else, is measured again", (t) => {
  const cases: ((path: string, cache: ProgramCache, key: string) => void)[] = [
    (path) => { writeFileSync(path, readFileSync(path, "utf8").slice(0, -9)); },
    (path) => { writeFileSync(path, readFileSync(path, "utf8").replace(/"vector":[^,]*/, "\"vector\":1e-10")); },
    (path) => { writeFileSync(path, ""); },
    (_, cache, key) => { cache.put(key, { format: 1, rates: { ...JS_RATES, vector: -1 } }); },
    (_, cache, key) => { cache.put(key, { format: 1, rates: { ...JS_RATES, memory: [] } }); },
    (_, cache, key) => { cache.put(key, { format: 1, rates: { ...JS_RATES, functions: { exp: "1e-9" } } }); },
    (_, cache, key) => { cache.put(key, ["something", "else"]); },
  ];
  for (const [k, spoil] of cases.entries()) {
    const from = folder(), to = folder(), m = machine(2);
    within(undefined, () => calibration(JS, new ProgramCache("on", from), m.measure));
    const { key } = new ProgramCache("on", from).entries()[0]!, cache = new ProgramCache("on", to);
    cache.put(key, new ProgramCache("on", from).get(key));
    const [name] = readdirSync(cache.dir) as [string];
    spoil(join(cache.dir, name), cache, key);
    const c = within(undefined, () => calibration(JS, cache, m.measure));
    t.is(c.origin, "measured");
    t.is(m.asked, 2, `case ${k}`);
    t.true(isRates((cache.get(key) as { rates: unknown }).rates, JS_RATES));
  }
});

test.serial("nothing is measured that cannot be kept, or that nobody wants to know", (t) => {
  const m = machine(5), dir = folder(), of = (wish: string | undefined, mode: "on" | "off" | "readonly", b: Backend = JS): ReturnType<typeof calibration> => within(wish, () => calibration(b, new ProgramCache(mode, dir), m.measure));
  for (const c of [of("off", "on"), of(undefined, "off"), of(undefined, "readonly"), of("off", "on", { ...JS, device: "cuda" })]) t.is(c.origin, "built in");
  t.is(of("off", "on").rates, JS_RATES);
  t.is(of("off", "on", { ...JS, device: "cpu" }).rates, CPU_RATES);
  t.is(of(undefined, "on", { ...JS, device: "cuda" }).rates, GPU_RATES);
  t.is(m.asked, 0);
  // A measurement that fails, or gives nonsense, leaves what is built in, and nothing behind.
  for (const measure of [(): Rates => { throw new Error("no compiler"); }, (): Rates => ({ ...JS_RATES, chain: NaN })]) {
    const d = folder(), c = within(undefined, () => calibration(JS, new ProgramCache("on", d), measure));
    t.is(c.origin, "built in");
    t.deepEqual(new ProgramCache("on", d).entries(), []);
  }
});

test.serial("rates from a file: what is not in it is built in; what is no rate is an error", (t) => {
  const dir = folder(), file = join(dir, "rates.json"), cache = new ProgramCache("on", dir), m = machine(5), ask = (): ReturnType<typeof calibration> => within(file, () => calibration(JS, cache, m.measure));
  writeFileSync(file, JSON.stringify({ vector: 1.5e-10 }));
  t.is(ask().origin, "given");
  t.deepEqual(ask().rates, { ...JS_RATES, vector: 1.5e-10 });
  for (const text of ["{", JSON.stringify({ vector: "fast" }), JSON.stringify({ memory: [{ bytes: 1, read: 1e-10, write: 1e-10 }, { bytes: 1, read: 1e-10, write: 1e-10 }] })]) {
    writeFileSync(file, text);
    t.is((t.throws(ask, { instanceOf: DaceError })!).code, "ERR_DACE_ARGUMENT");
  }
  rmSync(file);
  t.throws(ask, { instanceOf: DaceError });
  t.is(m.asked, 0);
});

test.serial("what is measured here is a set of rates, and so are those that are built in", (t) => {
  for (const r of [CPU_RATES, JS_RATES, GPU_RATES]) t.true(isRates(r, r));
  t.true(isRates(measureRates(JS), JS_RATES));
  for (const r of [undefined, null, 3, {}, { ...CPU_RATES, functions: null }, { ...CPU_RATES, beside: 1.5 }, { ...CPU_RATES, product: undefined }]) t.false(isRates(r, CPU_RATES));
});

test("a unit beside all else: what adds to the longer is found again, and what the unit takes", (t) => {
  for (const [beside, unit, little, much] of [[0.2, 3, 1, 5], [0.2, 3, 1, 2], [0.9, 4, 1.5, 4], [0, 3, 1, 5]] as const) {
    const together = (rest: number): number => Math.max(rest, unit) + beside * Math.min(rest, unit), found = divisions(little, together(little), much, together(much));
    t.true(Math.abs(found.beside - beside) < 0.02 && Math.abs(found.alone(together(little)) - unit) < 0.02, `${beside}: ${found.beside}, ${found.alone(together(little))}`);
  }
  // What was disturbed is still a part.
  for (const [a, b, c, d] of [[1, 0.5, 5, 9], [1, 3, 5, 2]] as const) { const { beside, alone } = divisions(a, b, c, d); t.true(beside >= 0 && beside <= 1 && alone(b) > 0); }
});
