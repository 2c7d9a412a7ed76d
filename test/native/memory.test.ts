/** The pool: counted to the byte, blocks come back, and what is too much is refused. */
import test from "ava";
import { addon, kernel, NO_SYMBOLS, PARALLEL, SERIAL } from "./support.js";

const a = addon(), nothing = kernel("");
const take = (bytes: number): void => { a.run(nothing, [], NO_SYMBOLS, bytes, SERIAL); };

test.serial("in use and high water are exact, whatever the size", (t) => {
  for (const bytes of [1, 63, 64, 65, 255, 256, 257, 4097, 1_000_003, 2 ** 20, 2 ** 20 + 1, 10_000_019, 70_000_001]) {
    a.resetHighWater();
    t.is(a.memory().highWater, 0);
    take(bytes);
    t.is(a.memory().highWater, bytes);
    t.is(a.memory().inUse, 0);
  }
  a.resetHighWater();
  take(0);
  t.is(a.memory().highWater, 0);
});

test.serial("the high water of a sequence is its largest", (t) => {
  a.resetHighWater();
  for (const bytes of [100, 5000, 3, 4999]) take(bytes);
  t.is(a.memory().highWater, 5000);
});

test.serial("blocks are used again, and trim gives them all back", (t) => {
  a.trim();
  t.is(a.memory().pooled, 0);
  take(100_000);
  const first = a.memory();
  t.true(first.pooled >= 100_000 && first.pooled <= 125_000 + 64);
  for (let i = 0; i < 10; i++) take(100_000 - i);
  const later = a.memory();
  t.is(later.allocations, first.allocations);
  t.is(later.reuses, first.reuses + 10);
  t.is(later.pooled, first.pooled);
  a.trim();
  t.is(a.memory().pooled, 0);
  take(100_000);
  t.is(a.memory().allocations, first.allocations + 1);
});

test.serial("an arena is aligned and wholly writable, on either thread", (t) => {
  const k = kernel("  char* p = (char*)arena; if (u64(p) % 64) return 6; for (i64 i = 0; i < symbols[0]; i += 509) p[i] = 1; p[symbols[0] - 1] = 1;");
  for (const bytes of [1, 100, 5000, 2 ** 20 - 1, 2 ** 20 + 1, 9_000_001, 33_000_000]) for (const o of [SERIAL, PARALLEL]) t.is(a.run(k, [], BigInt64Array.of(BigInt(bytes)), bytes, o).code, 0);
});

test.serial("arguments of background runs are not a program's memory", async (t) => {
  a.resetHighWater();
  await a.runAsync(nothing, [new Float64Array(1e5)], NO_SYMBOLS, 77, { threads: 1, write: [0] }).promise;
  t.is(a.memory().highWater, 77);
  t.is(a.memory().inUse, 0);
  a.trim();
  t.is(a.memory().pooled, 0);
});

test.serial("out of memory leaves the books right", (t) => {
  a.resetHighWater();
  t.throws(() => take(2 ** 50), { code: "OOM" });
  t.is(a.memory().inUse, 0);
  t.is(a.memory().highWater, 0);
  t.is(a.memory().pooled, 0, "what was cached was given back first");
});
