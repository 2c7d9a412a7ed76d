/** Everything wrong with a program, collected so that one error reports it all. */
import { DaceError, type ErrorCode, type Note, type SourceLoc } from "../../base/errors.js";

interface Problem { readonly code: ErrorCode; readonly message: string; readonly loc: SourceLoc | undefined; readonly hint: string | undefined }

export class Problems {
  private readonly list: Problem[] = [];
  private readonly seen = new Set<string>();

  add(code: ErrorCode, message: string, loc: SourceLoc | undefined, hint?: string): void {
    const key = `${message}@${loc?.file.name}:${loc?.line}:${loc?.column}`;
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.list.push({ code, message, loc, hint });
  }
  get any(): boolean { return this.list.length > 0; }

  /** Throws one DaceError: the first problem in `loc`, the rest in `notes`. Problems of one file are in source order. */
  throwIfAny(): void {
    if (this.list.length === 0) return;
    const files = [...new Set(this.list.map((p) => p.loc?.file.name))];
    const sorted = [...this.list].sort((a, b) =>
      files.indexOf(a.loc?.file.name) - files.indexOf(b.loc?.file.name)
      || (a.loc?.line ?? 0) - (b.loc?.line ?? 0) || (a.loc?.column ?? 0) - (b.loc?.column ?? 0));
    const [first, ...rest] = sorted as [Problem, ...Problem[]];
    const notes: Note[] = rest.map((p) => ({ message: p.message, ...(p.loc ? { loc: p.loc } : {}), ...(p.hint ? { hint: p.hint } : {}) }));
    throw new DaceError(first.code, first.message, { ...(first.loc ? { loc: first.loc } : {}), ...(first.hint ? { hint: first.hint } : {}), notes });
  }
}
