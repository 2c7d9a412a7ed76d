/** What the caches hold, and emptying them. */
import { defaultCacheDir, ProgramCache } from "../compile/program-cache.js";
import { nativeAddon } from "../runtime/addon.js";

interface Entry { readonly kind: "kernel" | "plan"; readonly key: string; readonly bytes: number; readonly usedMs: number }

function entries(): Entry[] {
  const dir = defaultCacheDir(), kernels = nativeAddon().addon?.cacheEntries(dir) ?? [];
  return [...kernels.map((e): Entry => ({ kind: "kernel", ...e })), ...new ProgramCache("readonly", dir).entries().map((e): Entry => ({ kind: "plan", ...e }))].sort((a, b) => b.usedMs - a.usedMs);
}

export function cacheList(json: boolean): void {
  const all = entries();
  if (json) { process.stdout.write(`${JSON.stringify({ directory: defaultCacheDir(), entries: all })}\n`); return; }
  for (const e of all) process.stdout.write(`${e.kind.padEnd(6)} ${e.key.slice(0, 16)} ${String(e.bytes).padStart(9)} bytes, used ${new Date(e.usedMs).toISOString()}\n`);
  process.stdout.write(`${all.length} entries, ${all.reduce((n, e) => n + e.bytes, 0)} bytes in ${defaultCacheDir()}\n`);
}

export function cacheClear(): void {
  const dir = defaultCacheDir();
  const n = (nativeAddon().addon?.cacheClear(dir) ?? 0) + new ProgramCache("on", dir).clear();
  process.stdout.write(`${n} entries removed\n`);
}
