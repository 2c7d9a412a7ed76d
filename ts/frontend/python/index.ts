/** Python source → array program: the named function, and lazily the module constants and helpers that it reaches. */
import { DaceError, type SourceFile } from "../../base/errors.js";
import type { ArrayProgram } from "../array/ast.js";
import { hintFor } from "../array/library/suggest.js";
import "../array/library/index.js";
import { functionNamed } from "../array/registry.js";
import { ModuleNames } from "./module.js";
import { Converter } from "./statements.js";
import { parseNumpyFunctionsWith } from "./numpy-functions.js";
import { parseModule, Problems, Source } from "./tree.js";

/**
 * The array program of a module's function. Throws PARSE where the text is not Python, SOURCE_UNAVAILABLE if it has no such function (naming those
 * that it has), UNSUPPORTED with all problems of what the function reaches, in source order.
 */
export function parsePython(file: SourceFile, functionName: string): ArrayProgram {
  const source = new Source(file), body = parseModule(source), problems = new Problems();
  const names = new ModuleNames(source, problems, body), entry = names.function(functionName);
  if (!entry) {
    const there = names.functions();
    throw new DaceError("SOURCE_UNAVAILABLE", `no function ${functionName} in ${file.name}`, { hint: there.length > 0 ? `it has ${there.join(", ")}` : "it defines no function at the top level" });
  }
  const converter = new Converter(source, problems, names);
  const def = converter.functionDef(entry);
  names.convertPending(converter);
  problems.throwIfAny((name) => (functionNamed(name) ? undefined : hintFor(name)));
  return { language: "python", source: file, entry: def, globals: names.values };
}
parseNumpyFunctionsWith((file, name) => parsePython(file, name).entry);
