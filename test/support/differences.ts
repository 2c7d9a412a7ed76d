/** Derivatives along a direction by central differences, extrapolated (Ridders' table); the error estimate comes with it. */
export function slope(f: (h: number) => number, h0 = 0.05): { readonly value: number; readonly error: number } {
  const table: number[][] = [];
  let best = NaN, error = Infinity;
  for (let i = 0, h = h0; i < 10; i++, h /= 2) {
    const row = [(f(h) - f(-h)) / (2 * h)];
    for (let j = 1; j <= i; j++) {
      row.push(row[j - 1]! + (row[j - 1]! - table[i - 1]![j - 1]!) / (4 ** j - 1));
      const e = Math.max(Math.abs(row[j]! - row[j - 1]!), Math.abs(row[j]! - table[i - 1]![j - 1]!));
      if (e <= error) { error = e; best = row[j]!; }
    }
    table.push(row);
    if (i > 2 && Math.abs(table[i]![i]! - table[i - 1]![i - 1]!) > 2 * error) break;
  }
  return { value: best, error };
}
