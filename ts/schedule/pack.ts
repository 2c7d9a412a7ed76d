/** Places buffers with known sizes and lifetimes in one arena: first fit by decreasing size. */

export interface PackItem { readonly bytes: number; /** First and last position at which the buffer is live. */ readonly live: readonly [number, number] }

const ALIGN = 64;
const align = (n: number): number => Math.ceil(n / ALIGN) * ALIGN;

/** Byte offsets (multiples of 64) in the order of the items, and the arena's extent. Buffers whose lifetimes meet never overlap. */
export function packArena(items: readonly PackItem[]): { readonly offsets: readonly number[]; readonly bytes: number } {
  const order = items.map((_, i) => i).sort((a, b) => items[b]!.bytes - items[a]!.bytes || a - b);
  const offsets = new Array<number>(items.length).fill(0);
  const placed: number[] = [];
  let extent = 0;
  for (const [rank, i] of order.entries()) {
    const { bytes, live } = items[i]!;
    if (bytes === 0) continue;
    const size = align(bytes);
    const busy = placed.filter((j) => items[j]!.live[0] <= live[1] && live[0] <= items[j]!.live[1])
      .map((j) => [offsets[j]!, offsets[j]! + align(items[j]!.bytes)] as const).sort((a, b) => a[0] - b[0]);
    // Big buffers start at different distances from a page, so that equal indices of several arrays do not compete for one cache set.
    const skew = bytes >= 32768 ? (rank % 16) * ALIGN : 0;
    let at = skew;
    for (const [from, to] of busy) { if (at + size <= from) break; at = Math.max(at, bytes >= 32768 ? Math.ceil(to / 4096) * 4096 + skew : to); }
    offsets[i] = at;
    extent = Math.max(extent, at + size);
    placed.push(i);
  }
  return { offsets, bytes: extent };
}
