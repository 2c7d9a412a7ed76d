/** Python and SymPy text in DaCe's files as syntax trees, through py-ast. `$N` and `symbol($N, dtype=…)` are spellings of names. */
import { DaceError } from "../../base/errors.js";

// The package has a CommonJS build, but its types say ES module, which TypeScript refuses to import from here.
// eslint-disable-next-line @typescript-eslint/no-require-imports
const { parse } = require("py-ast") as { parse: (source: string, options: object) => unknown };

export interface PyNode { readonly nodeType: string; readonly [field: string]: unknown }
export const node = (x: unknown): PyNode => x as PyNode;
export const nodes = (x: unknown): readonly PyNode[] => (Array.isArray(x) ? (x as PyNode[]) : []);
export const textOf = (x: unknown): string => (typeof x === "string" ? x : "");

const cache = new Map<string, readonly PyNode[]>();

/** The statements of a code text, each literal marked with how it is written. */
export function parseStatements(code: string): readonly PyNode[] {
  const known = cache.get(code);
  if (known) return known;
  const text = typedLiterals(code).replace(/\$\?/g, "__undefined__").replace(/\$(?=[A-Za-z_])/g, "").replace(/^\s+/, "");
  let body: readonly PyNode[];
  try { body = nodes((parse(`${text}\n`, {}) as PyNode)["body"]); } catch (e) { throw new DaceError("PARSE", `not Python: ${code.trim().slice(0, 200)}`, { cause: e }); }
  markLiterals(body, text.split("\n"));
  if (cache.size > 5000) cache.clear();
  cache.set(code, body);
  return body;
}
/** `3i64`, `0.5f32`: literals with a dtype. */
function typedLiterals(code: string): string {
  return code.replace(/(?<![A-Za-z0-9_.])((?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)([iu](?:8|16|32|64)|f(?:32|64))\b/g, (_, value: string, suffix: string) => `dace.${suffix.startsWith("i") ? "int" : suffix.startsWith("u") ? "uint" : "float"}${suffix.slice(1)}(${value})`);
}
/** A single expression. */
export function parseExpression(code: string): PyNode {
  const body = parseStatements(`(${code.trim()})`), only = body[0];
  if (body.length !== 1 || only?.nodeType !== "Expr") throw new DaceError("PARSE", `not an expression: ${code}`);
  return node(only["value"]);
}

/** py-ast gives 1.0 and 1 the same value: a literal that is written with a point or an exponent gets `isFloat`. */
function markLiterals(x: unknown, lines: readonly string[]): void {
  if (Array.isArray(x)) { for (const y of x) markLiterals(y, lines); return; }
  if (typeof x !== "object" || x === null || typeof (x as PyNode).nodeType !== "string") return;
  const n = x as Record<string, unknown>;
  if (n["nodeType"] === "Constant" && typeof n["value"] === "number" && typeof n["lineno"] === "number") {
    const source = lines[n["lineno"] - 1]!.slice(n["col_offset"] as number, n["end_col_offset"] as number);
    n["isFloat"] = !/^0[xXoObB]/.test(source) && /[.eE]/.test(source);
    n["source"] = source;
  }
  for (const v of Object.values(n)) if (typeof v === "object") markLiterals(v, lines);
}

/** `a.b.c` of names and attributes; undefined for anything else. */
export function dotted(n: PyNode): string | undefined {
  if (n.nodeType === "Name") return textOf(n["id"]);
  if (n.nodeType !== "Attribute") return undefined;
  const base = dotted(node(n["value"]));
  return base === undefined ? undefined : `${base}.${textOf(n["attr"])}`;
}
/** The index expressions of a subscript. */
export function indices(n: PyNode): readonly PyNode[] {
  const s = node(n["slice"]), inner = s.nodeType === "Index" ? node(s["value"]) : s;
  return inner.nodeType === "Tuple" ? nodes(inner["elts"]) : [inner];
}
/** Names that are read. */
export function namesIn(x: unknown, into: Set<string> = new Set()): Set<string> {
  if (Array.isArray(x)) { for (const y of x) namesIn(y, into); return into; }
  if (typeof x !== "object" || x === null) return into;
  const n = x as PyNode;
  if (n.nodeType === "Name") into.add(textOf(n["id"]));
  for (const v of Object.values(n)) if (typeof v === "object") namesIn(v, into);
  return into;
}
