/** Places buffers with known sizes and lifetimes in one arena: first fit by decreasing size. */

export interface PackItem { readonly bytes: number; /** First and last position at which the buffer is live. */ readonly live: readonly [number, number] }

const ALIGN = 64, PAGE = 4096, BIG = 32768;
const meets = (a: PackItem, b: PackItem): boolean => a.live[0] <= b.live[1] && b.live[0] <= a.live[1];
const align = (n: number): number => Math.ceil(n / ALIGN) * ALIGN;

/** Byte offsets (multiples of 64) in the order of the items, and the arena's extent. Buffers whose lifetimes meet never overlap. */
export function packArena(items: readonly PackItem[]): { readonly offsets: readonly number[]; readonly bytes: number } {
  const order = items.map((_, i) => i).sort((a, b) => items[b]!.bytes - items[a]!.bytes || a - b);
  const offsets = new Array<number>(items.length).fill(0);
  const placed: number[] = [];
  let extent = 0;
  for (const i of order) {
    const { bytes } = items[i]!;
    if (bytes === 0) continue;
    const size = align(bytes);
    const busy = placed.filter((j) => meets(items[i]!, items[j]!))
      .map((j) => [offsets[j]!, offsets[j]! + align(items[j]!.bytes)] as const).sort((a, b) => a[0] - b[0]);
    // Big buffers start at different distances from a page, so that equal indices of several arrays do not compete for one cache set.
    const big = bytes >= BIG, lines = new Set(big ? placed.filter((j) => meets(items[i]!, items[j]!) && items[j]!.bytes >= BIG).map((j) => (offsets[j]! % PAGE) / ALIGN) : []);
    const apart = (from: number): number => { let x = from; for (let k = 0; k < PAGE / ALIGN && lines.has((x % PAGE) / ALIGN); k++) x += ALIGN; return x; };
    let at = apart(0);
    for (const [from, to] of busy) { if (at + size <= from) break; if (to > at) at = apart(to); }
    offsets[i] = at;
    extent = Math.max(extent, at + size);
    placed.push(i);
  }
  return { offsets, bytes: extent };
}
