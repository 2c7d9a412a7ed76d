/** try and catch, the rest of arrays and objects, methods that search and replace: against the functions themselves and differences. */
import test from "ava";
import { DaceError, jit } from "../../../ts/index.js";
import { type F, OPTIONS, register } from "./functions.js";

const X = Float64Array.of(0.62, -0.31, 0.85, 0.47, -0.13, 0.94);

const PROGRAMS: Readonly<Record<string, F>> = {
  "what is thrown is caught": (x) => { let s = 0; for (const v of x) { try { if (v < 0) throw new Error("negative"); s += Math.sqrt(v); } catch { s -= v; } } return s; },
  "thrown from a loop": (x) => { let s = 1; try { for (const v of x) { if (v > 0.9) throw new RangeError("large"); s *= v; } s += 10; } catch { s *= 3; } return s; },
  "thrown by a catch clause": (x) => { let s = 0; try { try { if (x[0]! > 0) throw new Error("a"); } catch { s = 1; throw new Error("b"); } s = 5; } catch { s += x[1]!; } return s; },
  "continue and break in a try": (x) => { let s = 0; for (const v of x) { try { if (v < 0.3) continue; if (v > 0.9) throw new Error("large"); s += v * v; } catch { s += 1; break; } } return s; },
  "a result of a try": (x) => { try { if (x[0]! > 5) throw new Error("large"); return x[0]! * 2; } catch { return x[1]!; } },
  "finally": (x) => { let s = 0; try { if (x[0]! > 0) throw new Error("positive"); s = 1; } catch { s = x[2]! * 2; } finally { s += x[3]!; } return s; },
  "the rest of an array": (x) => { const [a, ...r] = x; r[0] = 5; return a! * r[1]! + r.length + r[0] + x[1]!; },
  "the rest of an object": (x) => { const f = ({ a, ...o }: { a: number; b: number; c: number }): number => a * o.b + Object.keys(o).length; return f({ a: x[0]!, b: x[1]!, c: 2 }); },
  "found or not": (x) => (x.find((v) => v > 0.8) ?? 1) * x.findLast((v) => v < 0.8)! + x.findLastIndex((v) => v < 0) + (x.find((v) => v > 5) ?? x[0]!),
  "found in a list of objects": (x) => { const ps = [{ k: 1, v: x[0]! }, { k: 2, v: x[1]! }]; return ps.find((p) => p.k === 2)!.v * 3 + ps.findIndex((p) => p.k === 2); },
  "reduceRight": (x) => x.reduceRight((a, v, i) => a * 0.5 + v * i) + x.reduceRight((a, v) => a * 0.5 + v, 1),
  "with": (x) => { const y = x.with(1, 5).with(-1, x[0]! * 2); return y[1]! * x[1]! + y[y.length - 1]!; },
  "flatMap": (x) => Array.from(x).flatMap((v, i) => [v, v * i]).reduce((a, b) => a * 0.9 + b, 0),
  "names of properties": (x) => { const k = "ab", o: Record<string, number> = { [k]: x[0]!, ["c"]: 2 }; return ("ab" in o ? o["ab"]! : 0) * o["c"]! + ("z" in o ? 5 : 1) + o[k]!; },
};
register(PROGRAMS, X);
test("what a try may not", (t) => {
  const refused: [F, RegExp][] = [
    [(x) => { const f = (v: number): number => { if (v > 0) throw new Error("a"); return v; }; let s = 0; try { s = f(x[0]!); } catch { s = 2; } return s; }, /catching what a function throws/],
    [(x) => { let s = 0; try { if (x[0]! > 0) throw new Error("a"); } catch (e) { s = e as number; } return s; }, /using what is caught/],
    [(x) => { for (;;) { try { return x[0]!; } finally { x[0] = 2; } } }, /leaving a try that has a finally/],
    // eslint-disable-next-line @typescript-eslint/only-throw-error
    [(x) => { let s = 0; try { if (x[0]! > 0) throw (s += 1); } catch { s += 2; } return s; }, /throwing what has to be computed/],
  ];
  for (const [f, message] of refused) t.regex(t.throws(() => jit(f, OPTIONS)(X.slice()), { instanceOf: DaceError }).message, message);
});
