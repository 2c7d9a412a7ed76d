/** FILE:FUNCTION → a program. */
import { extname } from "node:path";
import { DaceError } from "../base/errors.js";
import type { Program } from "../compile/program.js";
import { javascript, python } from "../api/program.js";
import { SDFG } from "../api/sdfg.js";

export function programOf(target: string): Program {
  const at = target.lastIndexOf(":");
  // A drive letter is not a separator.
  const [file, name] = at > 1 ? [target.slice(0, at), target.slice(at + 1)] : [target, ""];
  const extension = extname(file).toLowerCase();
  if (extension === ".sdfg") return SDFG.load(file);
  if (name === "") throw new DaceError("ARGUMENT", `${target} names no function`, { hint: "write FILE:FUNCTION, such as model.py:loss" });
  switch (extension) {
    case ".py": return python({ file }, { function: name });
    case ".js": case ".mjs": case ".cjs": case ".ts": case ".mts": case ".cts": return javascript({ file }, { function: name });
    default: throw new DaceError("ARGUMENT", `${file} is no .py, .js, .mjs, .cjs, .ts or .sdfg file`);
  }
}
