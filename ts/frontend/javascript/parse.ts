/** Texts to Babel's syntax tree: whole files, and the text of one function as `toString` gives it. */
import { parse, type ParserOptions } from "@babel/parser";
import type * as t from "@babel/types";
import { DaceError, type SourceFile } from "../../base/errors.js";
import type { FunctionNode } from "./nodes.js";
import { SourceText } from "./source.js";

const LENIENT: ParserOptions = { allowReturnOutsideFunction: true, allowAwaitOutsideFunction: true, allowSuperOutsideMethod: true, allowNewTargetOutsideFunction: true, allowUndeclaredExports: true, createParenthesizedExpressions: false };

interface SyntaxProblem { readonly pos?: number; readonly message: string }
function parseError(e: unknown, text: SourceText): DaceError {
  const p = e as SyntaxProblem, at = p.pos ?? 0;
  return new DaceError("PARSE", p.message.replace(/\s*\(\d+:\d+\)$/, ""), { loc: text.loc({ start: at, end: at + 1 }) });
}

/** A module or script. TypeScript by the file's name, or where the text is not JavaScript. */
export function parseFile(file: SourceFile): t.Program {
  const options = (typescript: boolean): ParserOptions => ({ ...LENIENT, sourceType: file.name.endsWith(".cjs") ? "script" : "unambiguous", plugins: typescript ? ["typescript"] : [] });
  const typescript = /\.[cm]?tsx?$/.test(file.name);
  try { return parse(file.text, options(typescript)).program; } catch (e) {
    if (!typescript && !/\.[cm]?js$/.test(file.name)) {
      try { return parse(file.text, options(true)).program; } catch { /* it is neither: the first error stands */ }
    }
    throw parseError(e, new SourceText(file, 0));
  }
}

/** Ways to make an expression of a function's text: as it stands, as a method, as a private method. */
const WRAPPERS = [["(", "\n)"], ["({", "\n})"], ["(class {", "\n})"], ["(class extends Object { static ", "\n})"]] as const;

/** The function of a text that starts at `offset` in a file. `source` makes positions. */
export function parseFunction(text: string, source: (shift: number) => SourceText): { readonly node: FunctionNode | undefined; readonly text: SourceText } {
  let first: unknown, failed: SourceText | undefined;
  for (const [before, after] of WRAPPERS) {
    for (const sourceType of ["script", "module"] as const) {
      try {
        const program = parse(before + text + after, { ...LENIENT, sourceType }).program, s = program.body[0];
        if (program.body.length === 1 && s?.type === "ExpressionStatement") return { node: functionIn(s.expression), text: source(-before.length) };
      } catch (e) { first ??= e; failed ??= source(-before.length); }
    }
  }
  throw parseError(first, failed!);
}
/** The class of a text that starts at `offset` in a file. */
export function parseClass(text: string, source: (shift: number) => SourceText): { readonly node: t.ClassExpression; readonly text: SourceText } {
  try {
    const s = parse(`(${text}\n)`, { ...LENIENT, sourceType: "script" }).program.body[0];
    if (s?.type === "ExpressionStatement" && s.expression.type === "ClassExpression") return { node: s.expression, text: source(-1) };
  } catch (e) { throw parseError(e, source(-1)); }
  throw parseError({ message: "no class" }, source(-1));
}
function functionIn(e: t.Expression): FunctionNode | undefined {
  if (e.type === "FunctionExpression" || e.type === "ArrowFunctionExpression") return e;
  if (e.type === "ObjectExpression" && e.properties[0]?.type === "ObjectMethod") return e.properties[0];
  if (e.type === "ClassExpression" && (e.body.body[0]?.type === "ClassMethod" || e.body.body[0]?.type === "ClassPrivateMethod")) return e.body.body[0] as FunctionNode;
  return undefined;
}
