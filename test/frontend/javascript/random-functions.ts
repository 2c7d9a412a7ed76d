/** Random JavaScript functions full of side effects inside expressions, as source texts `function f(a, n)` with an array of 8 numbers. */
import fc from "fast-check";

const VARIABLES = ["x", "y", "z", "i", "k"];

/** `depth` bounds the nesting. */
export function randomFunction(): fc.Arbitrary<string> {
  const name = fc.constantFrom(...VARIABLES);
  const { stmt } = fc.letrec<{ expr: string; index: string; stmt: string; stmts: string; leaf: string }>((tie) => ({
    leaf: fc.oneof(name, name, fc.constantFrom("0", "1", "2", "-1.5", "0.5", "n", "a[0]", "a[1]", "a[7]", "a.length", "(null ?? x)", "K")),
    index: fc.oneof({ depthSize: "small" }, fc.constantFrom("0", "1", "2"), fc.tuple(tie("expr")).map(([e]) => `(${e}) & 7`)),
    expr: fc.oneof({ depthSize: "small", withCrossShrink: true }, tie("leaf"), tie("leaf"),
      fc.tuple(tie("expr"), fc.constantFrom("+", "-", "*", "&", "|", "<", "===", "%"), tie("expr")).map(([a, op, b]) => (/[<=]/.test(op) ? `(${a} ${op} ${b} ? 1 : 2)` : `(${a} ${op} ${b})`)),
      fc.tuple(tie("expr"), fc.constantFrom("&&", "||", "??"), tie("expr")).map(([a, op, b]) => `((${a}) ${op} (${b}))`),
      fc.tuple(tie("expr"), tie("expr"), tie("expr")).map(([a, b, c]) => `((${a}) ? (${b}) : (${c}))`),
      fc.tuple(name, fc.constantFrom("=", "+=", "-=", "*=", "||=", "&&=", "??=", "|="), tie("expr")).map(([v, op, e]) => `(${v} ${op} ${e})`),
      fc.tuple(fc.constantFrom("++", "--"), name, fc.boolean()).map(([op, v, pre]) => (pre ? `${op}${v}` : `${v}${op}`)).map((e) => `(${e})`),
      fc.tuple(tie("index"), fc.constantFrom("=", "+=", "-=", "||=", "??="), tie("expr")).map(([i, op, e]) => `(a[${i}] ${op} ${e})`),
      fc.tuple(fc.constantFrom("++", "--"), tie("index"), fc.boolean()).map(([op, i, pre]) => (pre ? `(${op}a[${i}])` : `(a[${i}]${op})`)),
      tie("index").map((i) => `a[${i}]`),
      fc.tuple(tie("expr"), tie("expr")).map(([a, b]) => `(${a}, ${b})`),
      fc.tuple(fc.constantFrom("inc", "pure", "store", "Math.max", "Math.abs", "both"), tie("expr"), tie("expr")).map(([f, a, b]) => `${f}(${a}, ${b})`),
      fc.tuple(tie("expr"), tie("expr"), fc.constantFrom("0", "1")).map(([a, b, k]) => `[${a}, ${b}][${k}]`),
      fc.tuple(tie("expr"), tie("expr"), fc.constantFrom("p", "q")).map(([a, b, k]) => `({ p: ${a}, q: ${b} }).${k}`),
      tie("expr").map((e) => `(-${e.startsWith("-") ? `(${e})` : e})`), tie("expr").map((e) => `(!(${e}) ? 3 : 4)`),
    ),
    stmts: fc.array(tie("stmt"), { minLength: 1, maxLength: 3, depthIdentifier: "s" }).map((l) => `{ ${l.join(" ")} }`),
    stmt: fc.oneof({ depthSize: "small", withCrossShrink: true }, tie("expr").map((e) => `${/^[({]/.test(e) ? `void ${e}` : e};`),
      fc.tuple(name, tie("expr")).map(([v, e]) => `${v} = ${e};`),
      fc.tuple(tie("index"), tie("expr")).map(([i, e]) => `a[${i}] = ${e};`),
      fc.tuple(tie("expr"), tie("stmts"), tie("stmts")).map(([e, a, b]) => `if (${e}) ${a} else ${b}`),
      fc.tuple(fc.constantFrom("i", "j"), fc.constantFrom("<", "<="), fc.constantFrom("3", "n", "k", "a.length", "n / 2"), tie("stmts"))
        .map(([v, op, e, b]) => `for (${v === "j" ? "let j" : "i"} = 0; ${v} ${op} ${e}; ${v}++) { if (fuel-- < 0) return x; ${b} }`),
      fc.tuple(tie("expr"), tie("stmts")).map(([e, b]) => `while (fuel-- > 0 && ${e}) ${b}`),
      fc.tuple(tie("stmts"), tie("expr")).map(([b, e]) => `do ${b} while (fuel-- > 0 && (${e}));`),
      fc.tuple(tie("expr"), tie("expr"), tie("stmts"), tie("stmts"), tie("stmts"), fc.boolean(), fc.boolean())
        .map(([e, c, p, q, r, b1, b2]) => `switch (k + ${e}) { case 1: ${p}${b1 ? " break;" : ""} case ${c}: ${q}${b2 ? " break;" : ""} default: ${r} case 2: y++; }`),
      fc.tuple(tie("index"), tie("index")).map(([i, j]) => `[a[${i}], a[${j}]] = [a[${j}], a[${i}]];`).filter((s) => !/[=+-]{2}|[^=]=[^=]|\b(inc|store|both)\b/.test(s.replace("] = [", "")) ),
      fc.tuple(name, name, tie("expr"), tie("expr")).map(([u, v, a, b]) => `[${u}, ${v}] = [${a}, ${b}];`).filter((s) => s[1] !== s[4]),
      fc.tuple(tie("expr"), tie("stmts")).map(([e, b]) => `{ let w; if (${e}) w = x; ${b} y = w ?? 1; }`),
      fc.tuple(fc.constantFrom("break", "continue"), tie("expr"), tie("stmts"))
        // Labels of nested loops differ.
        .map(([j, e, b]) => { const l = `out${b.length}`; return `${l}: for (const v of [1, 2, n]) { if (fuel-- < 0) return x; ${b} if (${e}) ${j} ${l}; z += v; }`; }),
      tie("expr").map((e) => `if (${e}) return y;`),
    ),
  }));
  return fc.array(stmt, { minLength: 1, maxLength: 6 }).map((body) => [
    "const K = 3;",
    "function pure(p, q) { return p - q * K; }",
    "function f(a, n) {",
    "  let x = 1, y = 2, z = 3, i = 0, k = 4, fuel = 60;",
    "  const inc = (p) => { x++; return p + x; };",
    "  function store(p, q) { a[p & 7] = q; return p; }",
    "  const both = (p, q) => { y = p; a[1] += q; return inc(q); };",
    ...body.map((s) => `  ${s}`),
    "  return [x, y, z, i, k, fuel];",
    "}",
  ].join("\n"));
}
