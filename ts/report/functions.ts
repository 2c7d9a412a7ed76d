/** The table of supported library functions, made from the registry that the compiler itself looks names up in, so that it cannot lie. */
import "../frontend/array/library/index.js";
import "../frontend/python/numpy-functions.js";
import { knownAttributes, knownMethods, knownNames } from "../frontend/array/registry.js";

const GROUPS: readonly (readonly [title: string, belongs: RegExp])[] = [
  ["NumPy", /^np\.(?!linalg\.)/],
  ["NumPy: linear algebra", /^np\.linalg\./],
  ["Python's `math`", /^math\./],
  ["Python's `cmath`", /^cmath\./],
  ["Python's own", /^[a-z]+$/],
  ["JavaScript's `Math`", /^Math\./],
  ["JavaScript's own", /./],
];

const list = (names: readonly string[]): string => names.map((n) => `\`${n}\``).join(", ");

/** Markdown, sorted, one section per namespace. */
export function functionsTable(): string {
  const left = new Set(knownNames().filter((n) => /^[\w.$]+$/.test(n)));
  const out = ["# Supported functions", "", "Made by `npm run docs` from the compiler's own table; a test compares the two.", ""];
  for (const [title, belongs] of GROUPS) {
    const mine = [...left].filter((n) => belongs.test(n)).sort();
    for (const n of mine) left.delete(n);
    if (mine.length > 0) out.push(`## ${title}`, "", list(mine), "");
  }
  for (const language of ["python", "javascript"] as const) {
    out.push(`## Methods and attributes of ${language === "python" ? "NumPy arrays and Python values" : "JavaScript arrays and values"}`, "", `Methods: ${list(knownMethods(language))}`, "", `Attributes: ${list(knownAttributes(language))}`, "");
  }
  return out.join("\n");
}
