/** Python syntax trees from py-ast, with positions in characters. */
import { DaceError, type Note, type SourceFile, type SourceLoc } from "../../base/errors.js";

// The package has a CommonJS build, but its types say ES module, which TypeScript refuses to import from here.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { parse } = require("py-ast") as { parse: (source: string, options: object) => unknown };

/** A node of CPython's `ast`, loosely typed: the converter checks what it uses. */
export interface PyNode {
  readonly nodeType: string;
  readonly lineno?: number; readonly col_offset?: number; readonly end_lineno?: number; readonly end_col_offset?: number;
  readonly [field: string]: unknown;
}
export const nodes = (x: unknown): readonly PyNode[] => (Array.isArray(x) ? (x as PyNode[]) : []);
export const node = (x: unknown): PyNode => x as PyNode;
export const text = (x: unknown): string => (typeof x === "string" ? x : "");

/** What a frontend collects before it gives up: all problems of what is reached, in one error. */
export class Problems {
  readonly #list: { readonly message: string; readonly loc: SourceLoc; readonly hint?: string }[] = [];
  add(message: string, loc: SourceLoc, hint?: string): void {
    if (!this.#list.some((p) => p.loc.line === loc.line && p.loc.column === loc.column && p.message === message)) this.#list.push({ message, loc, ...(hint ? { hint } : {}) });
  }
  throwIfAny(): void {
    if (this.#list.length === 0) return;
    this.#list.sort((a, b) => a.loc.line - b.loc.line || a.loc.column - b.loc.column);
    const [first, ...rest] = this.#list;
    const notes: Note[] = rest.map((p) => ({ message: p.message, loc: p.loc, ...(p.hint ? { hint: p.hint } : {}) }));
    throw new DaceError("UNSUPPORTED", first!.message, { loc: first!.loc, notes, ...(first!.hint ? { hint: first!.hint } : {}) });
  }
}

export class Source {
  readonly lines: readonly string[];
  readonly #ascii: readonly boolean[];
  constructor(readonly file: SourceFile) {
    this.lines = file.text.split(/\r?\n/);
    this.#ascii = this.lines.map((l) => /^[\x00-\x7f]*$/.test(l));
  }
  /** py-ast counts columns in UTF-8 bytes from 0. */
  column(line: number, bytes: number): number {
    const l = this.lines[line - 1] ?? "";
    return (this.#ascii[line - 1] ?? true ? bytes : Buffer.from(l, "utf8").subarray(0, bytes).toString("utf8").length) + 1;
  }
  loc(n: PyNode): SourceLoc {
    const line = n.lineno ?? 1, column = this.column(line, n.col_offset ?? 0);
    const endColumn = n.end_lineno === line && n.end_col_offset !== undefined ? this.column(line, n.end_col_offset) : (this.lines[line - 1]?.length ?? column) + 1;
    return { file: this.file, line, column, endColumn: Math.max(endColumn, column + 1) };
  }
  /** The text of a node on one line. */
  slice(n: PyNode): string {
    const l = this.loc(n);
    return (this.lines[l.line - 1] ?? "").slice(l.column - 1, (l.endColumn ?? l.column) - 1);
  }
}

export function parseModule(source: Source): readonly PyNode[] {
  try {
    return nodes((parse(source.file.text, {}) as PyNode)["body"]);
  } catch (e) {
    const err = e as { message?: string; lineno?: number; col_offset?: number; offset?: number; line?: number; column?: number };
    const message = err.message ?? String(e);
    const at = /line (\d+)(?:[^\d]+(?:column|col|offset)\s*(\d+))?/i.exec(message) ?? /(\d+):(\d+)/.exec(message);
    const line = err.lineno ?? err.line ?? (at ? Number(at[1]) : 1);
    const column = (err.col_offset ?? err.column ?? err.offset ?? (at?.[2] ? Number(at[2]) : 0)) + 1;
    throw new DaceError("PARSE", `not valid Python: ${message}`, { loc: { file: source.file, line, column }, cause: e });
  }
}
