/** Which names of a module mean library functions: imports, and Python's built-ins. */
import { node, nodes, text, type PyNode } from "./tree.js";

/** Modules by their own name → the name under which the lowering knows them. */
const MODULES: Readonly<Record<string, string>> = { numpy: "np", "numpy.linalg": "np.linalg", "numpy.fft": "np.fft", "numpy.random": "np.random", math: "math", cmath: "cmath", "scipy.special": "scipy.special" };

export const BUILTINS: ReadonlySet<string> = new Set([
  "range", "len", "enumerate", "zip", "abs", "min", "max", "sum", "int", "float", "bool", "complex", "round", "pow", "reversed", "sorted", "isinstance", "tuple", "list", "print", "divmod", "any", "all", "map", "str", "slice",
]);

/** Local name → library name, for `import numpy as np`, `from numpy import sqrt as s`, `import numpy.linalg as la`. */
export function importedNames(statement: PyNode): ReadonlyMap<string, string> {
  const out = new Map<string, string>();
  if (statement.nodeType === "Import") {
    for (const a of nodes(statement["names"])) {
      const name = text(a["name"]), as = text(a["asname"]);
      if (as) { if (MODULES[name]) out.set(as, MODULES[name]); } else { const top = name.split(".")[0]!; if (MODULES[top]) out.set(top, MODULES[top]); }
    }
  } else if (statement.nodeType === "ImportFrom") {
    const module = MODULES[text(statement["module"])];
    if (module) for (const a of nodes(statement["names"])) {
      const name = text(a["name"]);
      if (name === "*") { if (module === "math") for (const f of MATH) out.set(f, `math.${f}`); } else out.set(text(a["asname"]) || name, `${module}.${name}`);
    }
  }
  return out;
}

const MATH = ["sqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "asin", "acos", "atan", "atan2", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "pow", "fabs", "floor", "ceil", "trunc", "hypot", "pi", "e", "inf", "nan", "erf", "erfc", "gamma", "lgamma", "copysign", "fmod", "isnan", "isinf", "isfinite", "radians", "degrees"];

/** Statements that bind a module-level name, with the name. */
export function boundNames(statement: PyNode): readonly string[] {
  switch (statement.nodeType) {
    case "FunctionDef": case "AsyncFunctionDef": case "ClassDef": return [text(statement["name"])];
    case "Assign": return nodes(statement["targets"]).flatMap(targetNames);
    case "AnnAssign": return statement["value"] ? targetNames(node(statement["target"])) : [];
    case "AugAssign": return targetNames(node(statement["target"]));
    default: return [];
  }
}
export function targetNames(t: PyNode): readonly string[] {
  if (t.nodeType === "Name") return [text(t["id"])];
  if (t.nodeType === "Tuple" || t.nodeType === "List") return nodes(t["elts"]).flatMap(targetNames);
  if (t.nodeType === "Starred") return targetNames(node(t["value"]));
  return [];
}
