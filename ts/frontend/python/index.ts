/** Python source → array program: the named function, and lazily the module constants and helpers that it reaches. */
import { DaceError, type SourceFile } from "../../base/errors.js";
import type { ArrayProgram, GlobalValue } from "../array/ast.js";
import { Converter } from "./convert.js";
import { boundNames, importedNames } from "./imports.js";
import { node, nodes, parseModule, Problems, Source, text, type PyNode } from "./tree.js";

/** Throws PARSE, SOURCE_UNAVAILABLE (no such function) or UNSUPPORTED with all problems of what the function reaches. */
export function parsePython(file: SourceFile, functionName: string): ArrayProgram {
  const source = new Source(file), body = parseModule(source), problems = new Problems();
  const imports = new Map<string, string>(), bindings = new Map<string, { readonly statement: PyNode; readonly conditional: boolean }>();
  const collect = (list: readonly PyNode[], conditional: boolean): void => {
    for (const s of list) {
      for (const [k, v] of importedNames(s)) { imports.set(k, v); bindings.delete(k); }
      for (const n of boundNames(s)) { bindings.set(n, { statement: s, conditional }); imports.delete(n); }
      if (s.nodeType === "If" && !isMainGuard(s)) { collect(nodes(s["body"]), true); collect(nodes(s["orelse"]), true); }
      if (s.nodeType === "Try") collect(nodes(s["body"]), false);
      if (s.nodeType === "For" || s.nodeType === "While" || s.nodeType === "With") collect(nodes(s["body"]), true);
    }
  };
  collect(body, false);

  const entry = bindings.get(functionName);
  if (!entry || entry.statement.nodeType !== "FunctionDef") {
    const names = [...bindings].filter(([, b]) => b.statement.nodeType === "FunctionDef").map(([n]) => n);
    throw new DaceError("SOURCE_UNAVAILABLE", `no function ${functionName} in ${file.name}`, { hint: names.length > 0 ? `it has ${names.join(", ")}` : "it defines no function at the top level" });
  }
  const globals = new Map<string, GlobalValue>(), pending: string[] = [];
  const converter = new Converter(source, problems, imports, (name) => { if (bindings.has(name) && !globals.has(name) && !pending.includes(name)) pending.push(name); return bindings.has(name); });
  const def = converter.functionDef(entry.statement, undefined);
  while (pending.length > 0) {
    const name = pending.pop()!;
    const { statement, conditional } = bindings.get(name)!;
    const value = globalOf(converter, problems, source, name, statement, conditional);
    if (value) globals.set(name, value);
  }
  problems.throwIfAny();
  return { language: "python", source: file, entry: def, globals };
}

function globalOf(converter: Converter, problems: Problems, source: Source, name: string, s: PyNode, conditional: boolean): GlobalValue | undefined {
  const loc = source.loc(s);
  if (conditional) { problems.add(`the module-level name ${name}, which is bound under a condition or in a loop`, loc, "bind it once at the top level, or pass it as an argument"); return undefined; }
  switch (s.nodeType) {
    case "FunctionDef": return { kind: "function", def: converter.functionDef(s, undefined) };
    case "Assign": case "AnnAssign": {
      const targets = s.nodeType === "Assign" ? nodes(s["targets"]) : [node(s["target"])];
      const value = converter.expr(node(s["value"]));
      for (const t of targets) {
        if (t.nodeType === "Name" && text(t["id"]) === name) return { kind: "expression", value };
        if (t.nodeType === "Tuple" || t.nodeType === "List") {
          const at = nodes(t["elts"]).findIndex((x) => x.nodeType === "Name" && text(x["id"]) === name);
          if (at >= 0) return { kind: "expression", value: { kind: "index", object: value, items: [{ kind: "expr", value: { kind: "number", value: at, integer: true, loc } }], loc } };
        }
      }
      break;
    }
    default: break;
  }
  problems.add(`the module-level name ${name}, bound by ${s.nodeType === "ClassDef" ? "a class" : "this statement"}`, loc, "pass it as an argument");
  return undefined;
}

function isMainGuard(s: PyNode): boolean {
  const t = node(s["test"]);
  return t?.nodeType === "Compare" && node(t["left"]).nodeType === "Name" && text(node(t["left"])["id"]) === "__name__";
}
