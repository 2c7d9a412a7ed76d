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
export const strings = (x: unknown): readonly string[] => (Array.isArray(x) ? (x as string[]) : []);

/** Calls `f` on each node beneath `x` (and on `x`), parents first; `f` returns false to leave a node's children out. */
export function walk(x: unknown, f: (n: PyNode) => boolean | void): void {
  if (Array.isArray(x)) { for (const y of x) walk(y, f); return; }
  if (!x || typeof x !== "object" || typeof (x as PyNode).nodeType !== "string") return;
  if (f(x as PyNode) === false) return;
  for (const v of Object.values(x)) if (v && typeof v === "object") walk(v, f);
}

/** What a frontend collects before it gives up: all problems of what is reached, in one error. */
export class Problems {
  readonly #list: { readonly message: string; readonly loc: SourceLoc; readonly hint: string }[] = [];
  add(message: string, loc: SourceLoc, hint: string): void {
    if (!this.#list.some((p) => p.loc.line === loc.line && p.loc.column === loc.column && p.message === message)) this.#list.push({ message, loc, hint });
  }
  readonly #calls: { readonly name: string; readonly loc: SourceLoc }[] = [];
  /** A call of a library function, which the lowering would refuse if it were the only problem and the program got there. */
  calls(name: string, loc: SourceLoc): void { this.#calls.push({ name, loc }); }
  /** `hintFor`: what to write instead of an unknown function; undefined for a known one. */
  throwIfAny(hintFor?: (name: string) => string | undefined): void {
    if (this.#list.length === 0) return;
    for (const c of this.#calls) { const hint = hintFor?.(c.name); if (hint !== undefined) this.add(c.name, c.loc, hint); }
    this.#list.sort((a, b) => a.loc.line - b.loc.line || a.loc.column - b.loc.column);
    const [first, ...rest] = this.#list;
    const notes: Note[] = rest;
    throw new DaceError("UNSUPPORTED", first!.message, { loc: first!.loc, notes, hint: first!.hint });
  }
}

/** The text of a file by lines, and positions in it. py-ast counts columns in UTF-8 bytes from 0; we count characters from 1. */
export class Source {
  readonly lines: readonly string[];
  readonly #ascii: readonly boolean[];
  constructor(readonly file: SourceFile) {
    this.lines = file.text.replace(/^\ufeff/, "").split(/\r\n|\r|\n/);
    this.#ascii = this.lines.map((l) => /^[\x00-\x7f]*$/.test(l));
  }
  /** Index into the line (in UTF-16 units) of a byte column. */
  #unit(line: number, bytes: number): number {
    const l = this.lines[line - 1] ?? "";
    return this.#ascii[line - 1] ?? true ? Math.min(bytes, l.length) : Buffer.from(l, "utf8").subarray(0, bytes).toString("utf8").length;
  }
  /** Column in characters from 1 of a byte column. */
  column(line: number, bytes: number): number {
    return this.#ascii[line - 1] ?? true ? bytes + 1 : [...(this.lines[line - 1] ?? "").slice(0, this.#unit(line, bytes))].length + 1;
  }
  /** A node's place; one that goes over several lines ends with its first line, before a comment. */
  loc(n: PyNode): SourceLoc {
    const line = n.lineno ?? 1, column = this.column(line, n.col_offset ?? 0);
    const endColumn = n.end_lineno === line && n.end_col_offset !== undefined ? this.column(line, n.end_col_offset) : [...(this.lines[line - 1] ?? "").replace(/\s+(#[^'"]*)?$/, "")].length + 1;
    return { file: this.file, line, column, endColumn: Math.max(endColumn, column + 1) };
  }
  /** A node's text, its lines joined by single spaces. */
  slice(n: PyNode): string {
    const first = n.lineno ?? 1, last = n.end_lineno ?? first, from = this.#unit(first, n.col_offset ?? 0);
    const parts: string[] = [];
    for (let line = first; line <= last; line++) {
      const l = this.lines[line - 1] ?? "", end = line === last && n.end_col_offset !== undefined ? this.#unit(line, n.end_col_offset) : l.length;
      parts.push(l.slice(line === first ? from : 0, end).trim());
    }
    return parts.join(" ");
  }
}

export function parseModule(source: Source): readonly PyNode[] {
  let body: readonly PyNode[];
  try {
    body = nodes((parse(source.file.text.replace(/^\ufeff/, ""), {}) as PyNode)["body"]);
  } catch (e) {
    const err = e as { message?: string; lineno?: number; col_offset?: number; end_lineno?: number; end_col_offset?: number };
    const message = err.message ?? String(e), at = /\bat line (\d+)(?:, column (\d+))?/i.exec(message);
    // An error at the end of the text is shown on its last line.
    const line = Math.max(1, Math.min(err.lineno ?? (at ? Number(at[1]) : 1), source.lines.length));
    const column = source.column(line, err.col_offset ?? (at?.[2] ? Number(at[2]) : 0));
    const endColumn = err.end_lineno === line && err.end_col_offset !== undefined ? Math.max(source.column(line, err.end_col_offset), column + 1) : column + 1;
    const summary = message.replace(/\s*\bat line \d+(, column \d+)?/i, "");
    throw new DaceError("PARSE", `not valid Python: ${summary.charAt(0).toLowerCase()}${summary.slice(1)}`, { loc: { file: source.file, line, column, endColumn }, cause: e });
  }
  checkSyntax(source, body);
  return body;
}

const DIGITS = String.raw`\d(?:_?\d)*`, EXPONENT = `[eE][+-]?${DIGITS}`;
const NUMBER = new RegExp(String.raw`^(0[xX](_?[0-9a-fA-F])+|0[oO](_?[0-7])+|0[bB](_?[01])+|0(_?0)*|[1-9](_?\d)*|(${DIGITS}\.(${DIGITS})?|\.${DIGITS})(${EXPONENT})?[jJ]?|${DIGITS}(${EXPONENT}[jJ]?|[jJ]))$`);

/** What CPython's compiler refuses and py-ast lets through. */
function checkSyntax(source: Source, body: readonly PyNode[]): void {
  const fail = (message: string, n: PyNode): never => { throw new DaceError("PARSE", `not valid Python: ${message}`, { loc: source.loc(n) }); };
  const visit = (x: unknown, inFunction: boolean, inLoop: boolean): void => {
    walk(x, (n) => {
      switch (n.nodeType) {
        case "FunctionDef": case "AsyncFunctionDef": case "Lambda": {
          const args = node(n["args"]), seen = new Set<string>();
          for (const a of [...nodes(args["posonlyargs"]), ...nodes(args["args"]), ...nodes(args["kwonlyargs"]), ...[args["vararg"], args["kwarg"]].filter(Boolean).map(node)]) {
            if (seen.has(text(a["arg"]))) fail(`duplicate argument '${text(a["arg"])}' in function definition`, a);
            seen.add(text(a["arg"]));
          }
          visit(args, inFunction, false);
          visit(n["decorator_list"], inFunction, false);
          visit(n["body"], true, false);
          return false;
        }
        case "ClassDef": visit(n["body"], false, false); return false;
        case "For": case "AsyncFor": case "While": visit(n["body"], inFunction, true); visit([n["test"], n["iter"], n["target"], n["orelse"]], inFunction, inLoop); return false;
        case "Return": if (!inFunction) fail("'return' outside function", n); return true;
        case "Break": if (!inLoop) fail("'break' outside loop", n); return true;
        case "Continue": if (!inLoop) fail("'continue' not properly in loop", n); return true;
        case "JoinedStr": return false;
        case "Constant": {
          const v = n["value"];
          if (typeof v === "number" || typeof v === "bigint" || (v && typeof v === "object" && "imag" in v)) { const t = source.slice(n); if (!NUMBER.test(t)) fail(`invalid number '${t}'`, n); }
          return false;
        }
        default: return true;
      }
    });
  };
  visit(body, false, false);
}
