/** Small helpers over Babel's syntax tree: children, unwrapping of type syntax, and recognised wrappers of build tools. */
import type * as t from "@babel/types";

export type FunctionNode = t.FunctionDeclaration | t.FunctionExpression | t.ArrowFunctionExpression | t.ObjectMethod | t.ClassMethod;

export function isFunction(n: t.Node): n is FunctionNode {
  return n.type === "FunctionDeclaration" || n.type === "FunctionExpression" || n.type === "ArrowFunctionExpression" || n.type === "ObjectMethod" || n.type === "ClassMethod" || (n.type as string) === "ClassPrivateMethod";
}

const SKIPPED = new Set(["loc", "extra", "leadingComments", "trailingComments", "innerComments", "typeAnnotation", "returnType", "typeParameters",
  "typeArguments", "superTypeParameters", "implements", "predicate", "errors", "comments", "tokens"]);

/** Child nodes in source order, without type annotations. */
export function children(n: t.Node): t.Node[] {
  const out: t.Node[] = [];
  const fields = n as unknown as Record<string, unknown>;
  for (const key of Object.keys(n)) {
    const value = fields[key];
    if (value === null || typeof value !== "object" || SKIPPED.has(key)) continue;
    if (Array.isArray(value)) {
      for (const v of value) if (isNode(v)) out.push(v);
    } else if (isNode(value)) out.push(value);
  }
  return out;
}
function isNode(v: unknown): v is t.Node { return typeof v === "object" && v !== null && typeof (v as { type?: unknown }).type === "string"; }

/** Istanbul's counters: `cov_1a2b().s[3]++`, older `__cov_x.s["3"]++`. They count, they change nothing of the program. */
export function isCoverageCounter(n: t.Node): boolean {
  if (n.type !== "UpdateExpression") return false;
  let o: t.Node = n.argument;
  while (o.type === "MemberExpression") o = o.object;
  return isCoverageRoot(o);
}
function isCoverageRoot(o: t.Node): boolean {
  if (o.type === "CallExpression") return o.arguments.length === 0 && o.callee.type === "Identifier" && /^cov_[0-9a-z]+$/.test(o.callee.name);
  return o.type === "Identifier" && /^__cov_/.test(o.name);
}
/** `cov_1a2b();` alone, which Istanbul leaves at the top. */
export function isCoverageStatement(n: t.Node): boolean { return isCoverageCounter(n) || isCoverageRoot(n); }

/** Evaluating it does nothing: literals, `void 0`, coverage counters. */
export function isInert(n: t.Node): boolean {
  switch (n.type) {
    case "NumericLiteral": case "StringLiteral": case "BooleanLiteral": case "NullLiteral": return true;
    case "UnaryExpression": return (n.operator === "void" || n.operator === "!" || n.operator === "-") && isInert(n.argument);
    default: return isCoverageCounter(n);
  }
}

/** Removes type syntax, parentheses, comma sequences of inert parts (`(0, m.f)`), and `__name(f, "f")` wrappers. */
export function unwrapWith(n: t.Node, isNamer: (callee: t.Identifier) => boolean): t.Node {
  for (;;) {
    switch (n.type) {
      case "TSAsExpression": case "TSSatisfiesExpression": case "TSNonNullExpression": case "TSTypeAssertion": case "TSInstantiationExpression":
      case "ParenthesizedExpression": case "TypeCastExpression":
        n = n.expression; continue;
      case "SequenceExpression": {
        const last = n.expressions.length - 1;
        if (!n.expressions.every((e, i) => i === last || isInert(e))) return n;
        n = n.expressions[last]!; continue;
      }
      case "CallExpression":
        if (n.callee.type === "Identifier" && n.arguments.length === 2 && n.arguments[1]!.type === "StringLiteral" && isNamer(n.callee)) {
          n = n.arguments[0]!; continue;
        }
        return n;
      default: return n;
    }
  }
}

/** The shape of esbuild's `__name` helper under whatever name minification gave it: `(f, n) => defineProperty(f, "name", { value: n, … })`. */
export function isNameHelper(n: FunctionNode): boolean {
  if (n.type !== "ArrowFunctionExpression" || n.params.length !== 2 || n.body.type !== "CallExpression") return false;
  const [target, value] = n.params, args = n.body.arguments;
  if (target?.type !== "Identifier" || value?.type !== "Identifier" || args.length !== 3) return false;
  const [a, b, c] = args;
  return a?.type === "Identifier" && a.name === target.name && b?.type === "StringLiteral" && b.value === "name"
    && c?.type === "ObjectExpression" && c.properties.some((p) => p.type === "ObjectProperty" && p.key.type === "Identifier" && p.key.name === "value" && p.value.type === "Identifier" && p.value.name === value.name);
}

/** The constant key of an object property or pattern, or undefined if computed. */
export function propertyKey(p: { key: t.Node; computed?: boolean | null }): string | undefined {
  if (p.key.type === "StringLiteral") return p.key.value;
  if (p.key.type === "NumericLiteral") return String(p.key.value);
  if (p.computed) return undefined;
  return p.key.type === "Identifier" ? p.key.name : undefined;
}

/** The class as the value of a function without parameters. */
export function classWrapper(cls: t.ClassExpression | t.ClassDeclaration): t.ArrowFunctionExpression {
  return { type: "ArrowFunctionExpression", params: [], body: { ...cls, type: "ClassExpression" }, async: false, expression: true, start: cls.start, end: cls.end } as unknown as t.ArrowFunctionExpression;
}
