/** DaceError: what went wrong, where in the user's source, and what to write instead. */

export type ErrorCode =
  | "PARSE" | "UNSUPPORTED" | "SOURCE_UNAVAILABLE" | "CAPTURE" | "ARGUMENT" | "TYPE" | "SHAPE" | "NOT_SCALAR"
  | "NOT_DIFFERENTIABLE" | "MEMORY_INFEASIBLE" | "TOOLCHAIN" | "DEVICE" | "OOM" | "NAN" | "BOUNDS" | "RAISED" | "DISPOSED"
  | "CACHE" | "PLAN" | "INTERNAL";

/** A text that positions refer to: a file, or `<source>` for text given directly. */
export interface SourceFile { readonly name: string; readonly text: string }

/** A place in a source, counted from 1, columns in characters. */
export interface SourceLoc {
  readonly file: SourceFile;
  readonly line: number;
  readonly column: number;
  /** Column just after the construct, on the same line; for the caret's width only. */
  readonly endColumn?: number;
}

export interface Note { readonly message: string; readonly loc?: SourceLoc; readonly hint?: string }

export interface DaceErrorOptions { readonly loc?: SourceLoc; readonly notes?: readonly Note[]; readonly hint?: string; readonly cause?: unknown }

/** `file:line:column` */
export function formatLoc(loc: SourceLoc): string { return `${loc.file.name}:${loc.line}:${loc.column}`; }

/** The source line before and at `loc`, with a caret beneath the construct. */
export function sourceFrame(loc: SourceLoc): string {
  const lines = loc.file.text.split(/\r?\n/);
  const width = String(loc.line).length;
  const out: string[] = [];
  for (let n = Math.max(1, loc.line - 1); n <= loc.line; n++) {
    if (n <= lines.length) out.push(`  ${String(n).padStart(width)} | ${lines[n - 1]!.replace(/\t/g, " ")}`);
  }
  const carets = Math.max(1, (loc.endColumn ?? loc.column + 1) - loc.column);
  out.push(`  ${" ".repeat(width)} | ${" ".repeat(loc.column - 1)}${"^".repeat(Math.min(carets, 120))}`);
  return out.join("\n");
}

function render(code: ErrorCode, message: string, o: DaceErrorOptions): string {
  const parts = [`ERR_DACE_${code}: ${message}`];
  // The text may not be at hand (a .sdfg names the lines of a file that is elsewhere).
  if (o.loc) parts.push(`  ${formatLoc(o.loc)}`, ...(o.loc.file.text === "" ? [] : [sourceFrame(o.loc)]));
  if (o.hint) parts.push(`  hint: ${o.hint}`);
  for (const n of o.notes ?? []) {
    parts.push(`  note: ${n.message}${n.loc ? ` (${formatLoc(n.loc)})` : ""}`);
    if (n.hint) parts.push(`    hint: ${n.hint}`);
  }
  return parts.join("\n");
}

/** A place as users see it. */
export interface Place { readonly file: string; readonly line: number; readonly column: number }
function placeOf(loc: SourceLoc): Place { return { file: loc.file.name, line: loc.line, column: loc.column }; }

/** The only class of error that public calls throw (an aborted call rejects with its signal's reason instead). */
export class DaceError extends Error {
  /** `ERR_DACE_` and one of the codes in the README's table. */
  readonly code: `ERR_DACE_${ErrorCode}`;
  /** File name, line and column of the user's source, where one is to blame. */
  readonly loc: Place | undefined;
  /** Further problems, and what else there is to know. */
  readonly notes: readonly { readonly message: string; readonly loc?: Place; readonly hint?: string }[];
  readonly hint: string | undefined;
  /** The message without frame and hint. */
  readonly summary: string;
  readonly #options: DaceErrorOptions;

  constructor(code: ErrorCode, message: string, options: DaceErrorOptions = {}) {
    super(render(code, message, options), options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "DaceError";
    this.code = `ERR_DACE_${code}`;
    this.summary = message;
    this.loc = options.loc && placeOf(options.loc);
    this.notes = (options.notes ?? []).map(({ loc, ...n }) => ({ ...n, ...(loc ? { loc: placeOf(loc) } : {}) }));
    this.hint = options.hint;
    this.#options = options;
  }

  /** The same error in other words. */
  withSummary(summary: string): DaceError { return new DaceError(this.code.slice("ERR_DACE_".length) as ErrorCode, summary, this.#options); }
  /** This error as a note of another. */
  asNote(): Note { const { loc, hint } = this.#options; return { message: `${this.code}: ${this.summary}`, ...(loc ? { loc } : {}), ...(hint === undefined ? {} : { hint }) }; }
  /** The same error with more notes. */
  withNotes(notes: readonly Note[]): DaceError {
    return new DaceError(this.code.slice("ERR_DACE_".length) as ErrorCode, this.summary, { ...this.#options, notes: [...this.#options.notes ?? [], ...notes] });
  }
}

/** A mistake of ours: an invariant that did not hold. */
export class InternalError extends DaceError {
  constructor(message: string, options: DaceErrorOptions = {}) {
    super("INTERNAL", message, { hint: "this is a bug in dace-ad-native; please report it with the program", ...options });
  }
}

export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new InternalError(message);
}
