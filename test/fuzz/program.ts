/** Random structured programs: a small language of its own, made from a list of choices so that a shorter list is a simpler program. */

/** Integer expressions: a loop variable plus a constant, n plus a constant, or a constant. */
export type Index = { readonly base: string | undefined; readonly plus: number };
export type Expression =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "scalar"; readonly name: string }
  /** An element; `row` is absent for vectors. */
  | { readonly kind: "element"; readonly array: string; readonly at: readonly Index[] }
  /** In slice assignments: the element that goes with position k of the slice. */
  | { readonly kind: "slice"; readonly array: string; readonly row?: Index; readonly start: number }
  | { readonly kind: "counter"; readonly variable: string }
  | { readonly kind: "call"; readonly f: "sin" | "tanh" | "sqrt1" | "square" | "max0"; readonly arg: Expression }
  | { readonly kind: "binary"; readonly op: "+" | "-" | "*" | "/1"; readonly left: Expression; readonly right: Expression };
export interface Test { readonly left: Expression; readonly right: Expression }
export type Statement =
  | { readonly kind: "store"; readonly array: string; readonly at: readonly Index[]; readonly op: "=" | "+=" | "*="; readonly value: Expression }
  | { readonly kind: "assign"; readonly name: string; readonly op: "=" | "+=" | "*="; readonly value: Expression }
  /** array[row?, start : n - cut] op value, evaluated before anything is stored. */
  | { readonly kind: "slice"; readonly array: string; readonly row?: Index; readonly start: number; readonly cut: number; readonly op: "=" | "+=" | "*="; readonly value: Expression }
  | { readonly kind: "for"; readonly variable: string; readonly from: Index; readonly to: Index; readonly step: number; readonly body: readonly Statement[] }
  /** At most `limit` times, counted from 1 in `variable` at the head of the body; ended by the data, too, if there is a test. `after`: tested after the body. */
  | { readonly kind: "while"; readonly variable: string; readonly limit: number; readonly test: Test | undefined; readonly after: boolean; readonly body: readonly Statement[] }
  /** if test: first, then out of the loop, on with its next iteration, or out of the function (with a value, in the main one). */
  | { readonly kind: "exit"; readonly how: "break" | "continue" | "return"; readonly test: Test | { readonly even: string }; readonly first: readonly Statement[]; readonly value: Expression | undefined }
  | { readonly kind: "if"; readonly test: Test | { readonly even: string }; readonly then: readonly Statement[]; readonly otherwise: readonly Statement[] }
  /** helper(array, other, scalar): what it does is fixed per program. */
  | { readonly kind: "help"; readonly array: string; readonly other: string; readonly value: Expression }
  /** A view of a vector, changed through the view, seen through the base. */
  | { readonly kind: "view"; readonly array: string; readonly start: number; readonly cut: number; readonly value: Expression }
  | { readonly kind: "swap" };

export interface FuzzProgram { readonly body: readonly Statement[]; readonly helper: readonly Statement[]; readonly result: Expression }

export const VECTORS = ["v", "w"], MATRICES = ["a"], SCALARS = ["s"];
/** Of the helper: its vector parameters and its scalar. */
const HELPER_VECTORS = ["x", "y"], HELPER_SCALARS = ["c"];

class Choices {
  #at = 0;
  constructor(readonly list: readonly number[]) {}
  /** 0 … n−1; 0 when the list is used up. */
  pick(n: number): number { return (this.list[this.#at++] ?? 0) % n; }
  of<T>(list: readonly T[]): T { return list[this.pick(list.length)]!; }
  get spent(): boolean { return this.#at >= this.list.length; }
}

/** A variable in scope with how far it stays from both ends of [0, n), where n is 7 or more. */
interface Variable { readonly name: string; readonly low: number; readonly high: number }
interface Scope { readonly variables: readonly Variable[]; readonly vectors: readonly string[]; readonly matrices: readonly string[]; readonly scalars: readonly string[]; readonly helper: boolean; readonly views: boolean; /** Whether break, and continue, have a loop. */ readonly loop: "none" | "break" | "both" }

export function makeProgram(list: readonly number[]): FuzzProgram {
  const c = new Choices(list);
  let counter = 0;
  const index = (scope: Scope): Index => {
    if (scope.variables.length === 0 || c.pick(5) === 4) return c.pick(2) === 0 ? { base: undefined, plus: c.pick(3) } : { base: "n", plus: -1 - c.pick(3) };
    const v = c.of(scope.variables);
    return { base: v.name, plus: c.pick(v.low + v.high + 1) - v.low };
  };
  const element = (scope: Scope): { array: string; at: Index[] } => {
    if (scope.matrices.length > 0 && c.pick(2) === 1) return { array: c.of(scope.matrices), at: [index(scope), index(scope)] };
    return { array: c.of(scope.vectors), at: [index(scope)] };
  };
  /** `slice`: start and cut of the slice that the expression fills. */
  const expression = (scope: Scope, depth: number, slice?: { start: number; cut: number }): Expression => {
    const kind = c.pick(depth <= 0 ? 4 : 8);
    switch (kind) {
      case 0: case 1:
        if (slice) {
          // A slice of the same length, shifted by up to 2 within the array.
          const total = slice.start + slice.cut, start = c.pick(total + 1);
          return scope.matrices.length > 0 && c.pick(3) === 2 ? { kind: "slice", array: c.of(scope.matrices), row: index(scope), start } : { kind: "slice", array: c.of(scope.vectors), start };
        }
        return { kind: "element", ...element(scope) };
      case 2: return { kind: "scalar", name: c.of(scope.scalars) };
      case 3: return scope.variables.length > 0 && c.pick(3) === 2 ? { kind: "counter", variable: c.of(scope.variables).name } : { kind: "constant", value: [0.5, -0.7, 1.3, 0.25][c.pick(4)]! };
      case 4: return { kind: "call", f: c.of(["sin", "tanh", "sqrt1", "square", "max0"] as const), arg: expression(scope, depth - 1, slice) };
      default: return { kind: "binary", op: c.of(["*", "+", "-", "/1"] as const), left: expression(scope, depth - 1, slice), right: expression(scope, depth - 1, slice) };
    }
  };
  const op = (): "=" | "+=" | "*=" => c.of(["=", "=", "+=", "*="] as const);
  const statement = (scope: Scope, depth: number): Statement => {
    switch (c.pick(depth <= 0 ? 6 : 16)) {
      case 0: case 1: case 2: return { kind: "store", ...element(scope), op: op(), value: expression(scope, 2) };
      case 3: return { kind: "assign", name: c.of(scope.scalars), op: op(), value: expression(scope, 2) };
      case 4: case 5: {
        const slice = { start: c.pick(3), cut: c.pick(3) }, row = scope.matrices.length > 0 && c.pick(3) === 2 ? index(scope) : undefined;
        if (scope.views && !row && c.pick(4) === 3) return { kind: "view", array: c.of(scope.vectors), ...slice, value: expression(scope, 1, slice) };
        return { kind: "slice", array: row ? c.of(scope.matrices) : c.of(scope.vectors), ...(row ? { row } : {}), ...slice, op: op(), value: expression(scope, 2, slice) };
      }
      case 6: {
        const inner = (): Statement[] => block(scope, depth - 1, 2);
        const test = scope.variables.length > 0 && c.pick(2) === 1 ? { even: c.of(scope.variables).name } : { left: expression(scope, 1), right: expression(scope, 0) };
        const then = inner();
        return { kind: "if", test, then, otherwise: c.pick(2) === 1 ? inner() : [] };
      }
      case 7: if (scope.helper) return { kind: "help", array: c.of(scope.vectors), other: c.of(scope.vectors), value: expression(scope, 1) }; return loop(scope, depth);
      case 8: if (scope.helper) return { kind: "swap" }; return loop(scope, depth);
      case 12: case 13: {
        const how = scope.loop === "none" ? "return" : scope.loop === "break" ? c.of(["break", "return"] as const) : c.of(["break", "continue", "return"] as const);
        const test = scope.variables.length > 0 && c.pick(3) === 2 ? { even: c.of(scope.variables).name } : { left: expression(scope, 1), right: expression(scope, 0) };
        return { kind: "exit", how, test, first: c.pick(2) === 1 ? block(scope, 0, 1) : [], value: how === "return" && scope.helper ? expression(scope, 1) : undefined };
      }
      case 14: case 15: {
        const variable = `k${counter++}`, limit = 1 + c.pick(4), after = c.pick(3) === 2, test = c.pick(2) === 1 ? { left: expression(scope, 1), right: expression(scope, 0) } : undefined;
        const body = block({ ...scope, variables: [...scope.variables, { name: variable, low: 1, high: 2 }], loop: after ? "break" : "both" }, depth - 1, 3);
        return { kind: "while", variable, limit, test, after, body };
      }
      default: return loop(scope, depth);
    }
  };
  const loop = (scope: Scope, depth: number): Statement => {
    const variable = `i${counter++}`, low = c.pick(3), high = c.pick(3), shape = c.pick(6), outer = scope.variables.length > 0 ? c.of(scope.variables) : undefined;
    let from: Index = { base: undefined, plus: low }, to: Index = { base: "n", plus: -high }, v: Variable = { name: variable, low, high };
    // Triangular: from the outer variable up, or from the start up to it.
    if (outer && shape === 4) { from = { base: outer.name, plus: 0 }; v = { name: variable, low: outer.low, high }; }
    else if (outer && shape === 5) { to = { base: outer.name, plus: 0 }; v = { name: variable, low, high: outer.high + 1 }; }
    const step = [1, 1, 2, -1, -2][c.pick(5)]!;
    return { kind: "for", variable, from, to, step, body: block({ ...scope, variables: [...scope.variables, v], loop: "both" }, depth - 1, 3) };
  };
  const block = (scope: Scope, depth: number, most: number): Statement[] => Array.from({ length: 1 + c.pick(most) }, () => statement(scope, depth));
  const helper = block({ variables: [], vectors: HELPER_VECTORS, matrices: [], scalars: HELPER_SCALARS, helper: false, views: true, loop: "none" }, 1, 2);
  const scope: Scope = { variables: [], vectors: VECTORS, matrices: MATRICES, scalars: SCALARS, helper: true, views: true, loop: "none" };
  const body: Statement[] = [];
  do body.push(...block(scope, 3, 3)); while (!c.spent && body.length < 6);
  return { body, helper, result: expression(scope, 2) };
}
