/** Python's scoping rules: which names a function binds. */
import type { Expr } from "../array/ast.js";
import { importedNames } from "./imports.js";
import { node, nodes, strings, text, walk, type PyNode } from "./tree.js";

/** A function (or comprehension) being converted. */
export interface Scope {
  /** Names bound here, by the name they have in the array program (comprehension variables may be renamed). */
  readonly names: Map<string, string>;
  /** The array program's locals of the function; shared by the comprehensions inside. */
  readonly locals: Set<string>;
  /** Imports inside the function: local name → dotted path. */
  readonly imports: ReadonlyMap<string, string>;
  readonly parent: Scope | undefined;
  /** Labels of the loops around, innermost last. */
  readonly labels: string[];
}

export function targetNames(t: PyNode): readonly string[] {
  if (t.nodeType === "Name") return [text(t["id"])];
  if (t.nodeType === "Tuple" || t.nodeType === "List") return nodes(t["elts"]).flatMap(targetNames);
  if (t.nodeType === "Starred") return targetNames(node(t["value"]));
  return [];
}

export interface Bound {
  readonly names: ReadonlySet<string>;
  /** All names that are assigned to, whoever owns them. */
  readonly assigned: ReadonlySet<string>;
  readonly imports: ReadonlyMap<string, string>;
  /** `nonlocal` and `global` declarations, with their statements. */
  readonly nonlocals: ReadonlyMap<string, PyNode>;
  readonly globals: ReadonlyMap<string, PyNode>;
}

/** What the statements of a function body bind, nested blocks included, nested functions not. */
export function boundIn(body: readonly PyNode[]): Bound {
  const names = new Set<string>(), imports = new Map<string, string>(), nonlocals = new Map<string, PyNode>(), globals = new Map<string, PyNode>();
  const addAll = (t: PyNode): void => { for (const n of targetNames(t)) names.add(n); };
  walk(body, (n) => {
    switch (n.nodeType) {
      case "Assign": for (const t of nodes(n["targets"])) addAll(t); break;
      case "AugAssign": case "AnnAssign": case "For": case "AsyncFor": case "NamedExpr": addAll(node(n["target"])); break;
      case "WithItem": if (n["optional_vars"]) addAll(node(n["optional_vars"])); break;
      case "MatchAs": if (n["name"]) names.add(text(n["name"])); break;
      case "ExceptHandler": if (n["name"]) names.add(text(n["name"])); break;
      case "Import": case "ImportFrom": for (const [k, v] of importedNames(n)) imports.set(k, v); break;
      case "Nonlocal": for (const k of strings(n["names"])) nonlocals.set(k, n); break;
      case "Global": for (const k of strings(n["names"])) globals.set(k, n); break;
      case "FunctionDef": case "AsyncFunctionDef": case "ClassDef": names.add(text(n["name"])); return false;
      case "Lambda": return false;
      default: break;
    }
    return true;
  });
  const assigned = new Set(names);
  for (const n of [...nonlocals.keys(), ...globals.keys()]) names.delete(n);
  for (const n of names) imports.delete(n);
  return { names, assigned, imports, nonlocals, globals };
}

/** Where the names that a function does not bind are found. */
export interface Globals {
  /** The expression that a module-level name stands for at this point; undefined if the module does not bind it. Notes that it is needed. */
  resolve(name: string, n: PyNode): Expr | undefined;
  /** Whether the module binds the name at all. */
  has(name: string): boolean;
  /** The dotted path of an imported name. */
  importPath(name: string): string | undefined;
}
