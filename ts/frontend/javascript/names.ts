/** Unique names: every local of a function nest and every global of a program has one name of its own. */

export class Names {
  private readonly taken = new Set<string>();
  /** Marks a name as used. */
  reserve(name: string): void { this.taken.add(name); }
  /** `base`, or `base_1`, `base_2`, … : the first that is free. */
  fresh(base: string, alsoTaken?: (name: string) => boolean): string {
    const used = (n: string): boolean => this.taken.has(n) || (alsoTaken?.(n) ?? false);
    let name = base;
    for (let i = 1; used(name); i++) name = `${base}_${i}`;
    this.taken.add(name);
    return name;
  }
  has(name: string): boolean { return this.taken.has(name); }
}
