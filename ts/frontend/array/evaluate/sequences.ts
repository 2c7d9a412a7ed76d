/** What a `for` can run over. */
import type { SourceLoc } from "../../../base/errors.js";
import type { Lowering } from "../context.js";
import { elementRead, rowsOf } from "../grown.js";
import { type SequenceValue, type Value, describe } from "../value.js";
import { readIndex } from "./subscript.js";
import { materialise } from "../store.js";

export function sequenceOf(ctx: Lowering, v: Value, loc: SourceLoc): SequenceValue {
  switch (v.kind) {
    case "sequence": return v;
    case "lazy": return sequenceOf(ctx, materialise(ctx, v, { loc }), loc);
    case "grown": { const rows = rowsOf(ctx, v, loc), s = sequenceOf(ctx, rows, loc); return { ...s, at: (i) => elementRead(ctx, v, s.at(i)) }; }
    case "array": {
      const first = v.dims[0];
      if (!first) return ctx.fail("TYPE", "iterating over a single number", loc);
      return { kind: "sequence", length: first.size, at: (i) => readIndex(ctx, v, [{ kind: "value", value: ctx.int(i), loc }], loc) };
    }
    default: return ctx.fail("TYPE", `${describe(v)} cannot be iterated over`, loc);
  }
}
