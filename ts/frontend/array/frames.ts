/** The variables that a program can still get at: those of calls in progress, and those that the functions in them have kept from calls that are over. */
import type { Frame } from "./context.js";
import type { Value } from "./value.js";

/** Frames of calls in progress, what their functions see, and what functions that values hold see. Frames over one set of variables count once. */
export function reachableFrames(calls: readonly Frame[]): Frame[] {
  const out: Frame[] = [], seen = new Set<unknown>();
  const value = (v: Value): void => {
    switch (v.kind) {
      case "function": add(v.scope as Frame | undefined); if (v.self) value(v.self); return;
      case "method": value(v.self); return;
      case "tuple": case "list": if (!seen.has(v)) { seen.add(v); v.items.forEach(value); } return;
      case "object": if (!seen.has(v)) { seen.add(v); v.entries.forEach(value); } return;
      default: return;
    }
  };
  const add = (f: Frame | undefined): void => {
    if (!f || seen.has(f.vars)) return;
    seen.add(f.vars);
    add(f.parent);
    out.push(f);
    for (const b of f.vars.values()) if (b.kind === "value") value(b.value);
  };
  calls.forEach(add);
  return out;
}
