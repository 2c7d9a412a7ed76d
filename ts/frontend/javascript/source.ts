/** Positions: offsets in a parsed text mapped to line and column of the file that holds it. */
import type { SourceFile, SourceLoc } from "../../base/errors.js";

/** Where lines start, and where the second halves of characters of two UTF-16 units are: neither count as columns. */
interface Layout { readonly lines: number[]; readonly halves: number[] }
const LAYOUTS = new WeakMap<SourceFile, Layout>();

function layout(file: SourceFile): Layout {
  let l = LAYOUTS.get(file);
  if (!l) {
    l = { lines: [0], halves: [] };
    for (let i = 0; i < file.text.length; i++) {
      const c = file.text.charCodeAt(i);
      if (c === 10) l.lines.push(i + 1);
      else if (c >= 0xdc00 && c < 0xe000 && i > 0) { const before = file.text.charCodeAt(i - 1); if (before >= 0xd800 && before < 0xdc00) l.halves.push(i); }
    }
    LAYOUTS.set(file, l);
  }
  return l;
}
/** How many entries of a sorted list are below a number. */
function below(list: readonly number[], x: number): number {
  let lo = 0, hi = list.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (list[mid]! < x) lo = mid + 1; else hi = mid;
  }
  return lo;
}

/** Line and column (from 1, in characters, not UTF-16 units) of an offset in a file's text. */
export function position(file: SourceFile, offset: number): { line: number; column: number } {
  const { lines, halves } = layout(file), line = below(lines, offset + 1), start = lines[line - 1]!;
  return { line, column: offset - start + 1 - (halves.length === 0 ? 0 : below(halves, offset) - below(halves, start)) };
}

/** A node of the parser: only its offsets matter here. */
export interface Span { readonly start?: number | null; readonly end?: number | null }

/** Maps a place in the file that was parsed to the file the user wrote (source maps); undefined keeps the place. */
export type Remap = (line: number, column: number) => { file: SourceFile; line: number; column: number } | undefined;

/** A parsed text: `shift` is what to add to a parser offset to get the offset in `file.text`. */
export class SourceText {
  constructor(readonly file: SourceFile, private readonly shift: number, private readonly remap?: Remap) {}
  loc(node: Span): SourceLoc {
    const start = (node.start ?? 0) + this.shift, end = (node.end ?? 0) + this.shift;
    const from = position(this.file, start);
    const mapped = this.remap?.(from.line, from.column);
    if (mapped) return mapped;
    const to = position(this.file, end);
    return { file: this.file, line: from.line, column: from.column, ...(to.line === from.line ? { endColumn: to.column } : {}) };
  }
  /** The text of a node, on one line, shortened. */
  excerpt(node: Span, limit = 40): string {
    const text = this.file.text.slice((node.start ?? 0) + this.shift, (node.end ?? 0) + this.shift).replace(/\s+/g, " ");
    return text.length > limit ? `${text.slice(0, limit - 1)}…` : text;
  }
}
