/** Where statements of the array program jump to. */
import type { Stmt } from "../array/ast.js";

/** Does anything in the list leave the statement of this label? */
export function breaksTo(body: readonly Stmt[], label: string): boolean {
  return body.some((s) => {
    switch (s.kind) {
      case "break": return s.label === label;
      case "if": return breaksTo(s.then, label) || breaksTo(s.otherwise, label);
      case "for": case "count": case "block": return breaksTo(s.body, label);
      case "while": return breaksTo(s.body, label) || breaksTo(s.update, label);
      default: return false;
    }
  });
}
