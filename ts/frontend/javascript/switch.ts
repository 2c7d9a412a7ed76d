/** `switch`: a chain of ifs where no case falls through into the next, else a chosen position and a run of guarded bodies. */
import type * as t from "@babel/types";
import type { SourceLoc } from "../../base/errors.js";
import type { Expr, Stmt } from "../array/ast.js";
import type { Context } from "./context.js";
import { expr, numberLiteral, stable } from "./expressions.js";
import { breaksTo } from "./jumps.js";
import { hoistFunctions, list } from "./statements.js";

interface Group { readonly tests: (t.Expression | null)[]; readonly body: Stmt[]; readonly loc: SourceLoc }

export function switchStatement(c: Context, s: t.SwitchStatement, names: readonly string[]): void {
  const loc = c.loc(s), label = c.label("switch");
  const subject = stable(c, expr(c, s.discriminant), s.discriminant);
  // The subject may be a variable that evaluating a case's test assigns.
  const on = subject.kind === "name" && s.cases.some((k) => k.test && !isConstant(k.test)) ? c.save(subject, loc) : subject;
  c.targets.push({ label, kind: "switch", names });
  hoistFunctions(c, s.cases.flatMap((k) => k.consequent));
  const groups: Group[] = [];
  let open: (t.Expression | null)[] = [];
  for (const k of s.cases) {
    open.push(k.test ?? null);
    if (k.consequent.length === 0 && k !== s.cases.at(-1)) continue;
    const body = c.collect(() => { list(c, k.consequent); }).stmts;
    groups.push({ tests: open, body, loc: c.loc(k) });
    open = [];
  }
  c.targets.pop();
  if (groups.length === 0) return;
  const separate = groups.every((g, i) => i === groups.length - 1 || ends(g.body));
  const stmts = separate ? chain(c, s, on, groups, label) : positions(c, s, on, groups, label);
  if (groups.some((g) => breaksTo(g.body, label)) && stmts.some((x) => breaksTo([x], label))) c.emit({ kind: "block", label, body: stmts, loc });
  else c.out.push(...stmts);
}

function isConstant(n: t.Node): boolean {
  return n.type === "NumericLiteral" || n.type === "StringLiteral" || n.type === "BooleanLiteral" || (n.type === "UnaryExpression" && n.operator === "-" && n.argument.type === "NumericLiteral");
}

/** Control never runs off the end. */
function ends(body: readonly Stmt[]): boolean {
  const last = body.at(-1);
  if (!last) return false;
  if (last.kind === "return" || last.kind === "break" || last.kind === "continue" || last.kind === "raise") return true;
  return last.kind === "if" && ends(last.then) && ends(last.otherwise);
}

function withoutFinalBreak(body: readonly Stmt[], label: string): readonly Stmt[] {
  const last = body.at(-1);
  return last?.kind === "break" && last.label === label ? body.slice(0, -1) : body;
}

function equals(c: Context, on: Expr, test: t.Expression): { readonly stmts: Stmt[]; readonly value: Expr } {
  const r = c.collect(() => expr(c, test));
  return { stmts: r.stmts, value: { kind: "compare", op: "==", left: on, right: r.value, loc: c.loc(test) } };
}

function chain(c: Context, s: t.SwitchStatement, on: Expr, groups: readonly Group[], label: string): Stmt[] {
  const fallback = groups.find((g) => g.tests.includes(null));
  let otherwise: readonly Stmt[] = fallback ? withoutFinalBreak(fallback.body, label) : [];
  // From the last case to the first, each the else of the one before. The tests that share a body with `default` choose nothing, but may have effects.
  for (const g of [...groups].reverse()) {
    const then = withoutFinalBreak(g.body, label), loc = c.loc(s);
    if (g === fallback) {
      const own = g.tests.filter((x) => x !== null).map((x) => equals(c, on, x));
      if (own.some((x) => x.stmts.length > 0)) otherwise = [...own.flatMap((x) => x.stmts), ...otherwise];
      // A later case equal to one of these would come second, so these come as a case of their own where any case follows.
      if (groups.indexOf(g) < groups.length - 1 && !s.cases.every((k) => !k.test || isConstant(k.test))) for (const x of own.reverse()) otherwise = [...x.stmts, { kind: "if", test: x.value, then, otherwise, loc }];
      continue;
    }
    const tests = g.tests.map((x) => equals(c, on, x!));
    if (tests.every((x) => x.stmts.length === 0)) {
      const test = tests.map((x) => x.value).reduce((left, right): Expr => ({ kind: "logical", op: "or", left, right, loc: left.loc }));
      otherwise = [{ kind: "if", test, then, otherwise, loc: test.loc }];
    } else for (const x of tests.reverse()) otherwise = [...x.stmts, { kind: "if", test: x.value, then, otherwise, loc: x.value.loc }];
  }
  return [...otherwise];
}

/** The position of the body to start from is chosen first; bodies that run into one another come together, each skipped if it stands before that position. */
function positions(c: Context, s: t.SwitchStatement, on: Expr, groups: readonly Group[], label: string): Stmt[] {
  const loc = c.loc(s), at = c.temporary("at"), self: Expr = { kind: "name", name: at, loc };
  const choose = (i: number): Stmt => ({ kind: "assign", targets: [{ kind: "name", name: at, loc }], value: numberLiteral(i, c, s), loc });
  const upTo = (i: number): Expr => ({ kind: "compare", op: "<=", left: self, right: numberLiteral(i, c, s), loc: groups[i]!.loc });
  const fallback = groups.findIndex((g) => g.tests.includes(null));
  let pick: Stmt[] = [choose(fallback < 0 ? groups.length : fallback)];
  for (let i = groups.length - 1; i >= 0; i--) {
    for (const test of [...groups[i]!.tests].reverse()) {
      if (!test) continue;
      const e = equals(c, on, test);
      pick = [...e.stmts, { kind: "if", test: e.value, then: [choose(i)], otherwise: pick, loc: e.value.loc }];
    }
  }
  const runs: number[][] = [[]];
  groups.forEach((g, i) => {
    runs.at(-1)!.push(i);
    if (ends(g.body) && i < groups.length - 1) runs.push([]);
  });
  let rest: Stmt[] = [];
  for (const run of runs.reverse()) {
    const last = run.at(-1)!;
    const then = run.flatMap((i): readonly Stmt[] => {
      const body = i === last ? withoutFinalBreak(groups[i]!.body, label) : groups[i]!.body;
      return i === last ? body : [{ kind: "if", test: upTo(i), then: body, otherwise: [], loc: groups[i]!.loc }];
    });
    rest = [{ kind: "if", test: upTo(last), then, otherwise: rest, loc: groups[run[0]!]!.loc }];
  }
  return [...pick, ...rest];
}
