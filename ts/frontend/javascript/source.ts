/** Positions: offsets in a parsed text mapped to line and column of the file that holds it. */
import type { SourceFile, SourceLoc } from "../../base/errors.js";

const LINE_STARTS = new WeakMap<SourceFile, number[]>();

function lineStarts(file: SourceFile): number[] {
  let starts = LINE_STARTS.get(file);
  if (!starts) {
    starts = [0];
    for (let i = 0; i < file.text.length; i++) if (file.text.charCodeAt(i) === 10) starts.push(i + 1);
    LINE_STARTS.set(file, starts);
  }
  return starts;
}

/** Line and column (from 1, in characters, not UTF-16 units) of an offset in a file's text. */
export function position(file: SourceFile, offset: number): { line: number; column: number } {
  const starts = lineStarts(file);
  let lo = 0, hi = starts.length - 1;
  while (lo < hi) {
    const mid = (lo + hi + 1) >> 1;
    if (starts[mid]! <= offset) lo = mid; else hi = mid - 1;
  }
  const before = file.text.slice(starts[lo], offset);
  return { line: lo + 1, column: [...before].length + 1 };
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
