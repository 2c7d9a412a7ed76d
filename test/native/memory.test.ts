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

test.serial("buffers that a run makes larger keep what they hold, are counted, and come back", (t) => {
  const k = kernel(`  double* p = 0; double* q = 0;
  for (i64 n = 1; n <= symbols[0]; n++) {
    if (!(p = (double*)rt->grow(rt->grown, 0, n * 8000))) return 5;
    if (n == 3 && !(q = (double*)rt->grow(rt->grown, 2, 64))) return 5;
    for (i64 i = 0; i < 1000; i++) p[(n - 1) * 1000 + i] = n;
    if (q) q[n % 8] = n;
  }
  double s = 0; for (i64 i = 0; i < symbols[0] * 1000; i++) s += p[i];
  ((double*)args[0])[0] = s;`);
  const y = new Float64Array(1);
  a.resetHighWater();
  t.is(a.run(k, [y], BigInt64Array.of(300n), 128, SERIAL).code, 0);
  t.is(y[0], 1000 * 300 * 301 / 2);
  t.is(a.memory().inUse, 0);
  t.is(a.memory().highWater, 128 + 64 + 299 * 8000 + 300 * 8000);
});

test.serial("what cannot be had is refused, and the rest of the run's memory comes back", (t) => {
  const k = kernel("  if (!rt->grow(rt->grown, 0, 1000)) return 6; if (!rt->grow(rt->grown, 1, 1ll << 60)) return 5;");
  t.is(a.run(k, [], NO_SYMBOLS, 0, SERIAL).code, 5);
  t.is(a.memory().inUse, 0);
});
