/**
 * Small functions written once and printed in C++ and in JavaScript, so that both compute the same. The subset: `fn` (real), `cfn` (complex) and `bfn` (boolean)
 * functions of reals and complex numbers (parameters z, w); `var` (named w…: complex), if, while, return, the operators that both languages share, and
 * floor, sqrt, abs, copysign, muladd(a, b, c), C(re, im), INF, NAN. `$name` is the elementary function of that name as the precision wants it.
 */
import { COMPLEX } from "./complex.js";
import { ELEMENTARY } from "./elementary.js";
import { nativesFor } from "./portable-natives.js";

interface PortableFunction { readonly name: string; readonly kind: "fn" | "cfn" | "bfn"; readonly parameters: readonly string[]; readonly body: string }

function parse(text: string): Map<string, PortableFunction> {
  const out = new Map<string, PortableFunction>();
  for (const m of text.matchAll(/^(fn|cfn|bfn) (\w+)\(([^)]*)\) (\{(?:[^\n]*\}$|[\s\S]*?\n\}))/gm)) out.set(m[2]!, { name: m[2]!, kind: m[1] as "fn", parameters: m[3]!.split(",").map((s) => s.trim()), body: m[4]! });
  return out;
}
const FUNCTIONS = parse(COMPLEX + ELEMENTARY);

/** Elementary functions that `elementary.ts` has, under the name `m_NAME`. */
export function hasElementary(name: string): boolean { return FUNCTIONS.has(`m_${name}`); }

/** The functions that those named need, dependencies first. `strict`: `$exp` is our own `m_exp`, else the platform's, whose names go to `platform`. */
function closure(names: Iterable<string>, strict: boolean, platform: Set<string>): PortableFunction[] {
  const out: PortableFunction[] = [], seen = new Set<string>();
  const visit = (name: string): void => {
    const f = FUNCTIONS.get(name);
    if (!f || seen.has(name)) return;
    seen.add(name);
    for (const m of f.body.matchAll(/(\$?)\b([a-z]\w*)\(/g)) { if (m[1] === "$" && !strict) platform.add(m[2]!); else visit(m[1] === "$" ? `m_${m[2]}` : m[2]!); }
    out.push(f);
  };
  for (const n of names) visit(n);
  return out;
}

const complex = (name: string): boolean => /^[zw]\d*$/.test(name);

export function portableCpp(names: Iterable<string>, strict: boolean, platform: Set<string>): string {
  const text = closure(names, strict, platform).map((f) => {
    const type = f.kind === "cfn" ? "c128" : f.kind === "bfn" ? "bool" : "double";
    const body = f.body.replace(/\bvar (\w+)/g, (_, v: string) => `${complex(v) ? "c128" : "double"} ${v}`).replace(/\$(\w+)\(/g, (_, v: string) => (strict ? `m_${v}(` : `${v}(`))
      .replace(/\b(floor|sqrt|copysign)\(/g, "__builtin_$1(").replace(/\babs\(/g, "__builtin_fabs(").replace(/\bC\(/g, "mk(").replace(/\bINF\b/g, "__builtin_inf()").replace(/\bNAN\b/g, "__builtin_nan(\"\")");
    return `static ${f.body.length < 120 ? "inline " : ""}${type} ${f.name}(${f.parameters.map((p) => `${complex(p) ? "c128" : "double"} ${p}`).join(", ")}) ${body}`;
  }).join("\n");
  return `${nativesFor(text, "cpp", strict)}${text}`;
}

export function portableJs(names: Iterable<string>, strict: boolean): string {
  const platform = new Set<string>();
  const text = closure(names, strict, platform).map((f) => {
    const body = f.body.replace(/\bvar /g, "let ").replace(/\$(\w+)\(/g, (_, v: string) => (strict ? `m_${v}(` : `Math.${v}(`))
      .replace(/\b(floor|sqrt|abs)\(/g, "Math.$1(").replace(/\bC\(/g, "mk(").replace(/\bINF\b/g, "Infinity").replace(/\bNAN\b/g, "NaN").replace(/([^<>=!])==([^=])/g, "$1===$2").replace(/!=([^=])/g, "!==$1");
    return `const ${f.name} = (${f.parameters.join(", ")}) => ${body};`;
  }).join("\n");
  return `${nativesFor(text, "js", strict)}${text}`;
}
