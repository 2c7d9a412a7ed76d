/** Programs that come through a frontend as an array program. */
import { createHash } from "node:crypto";
import type { ArrayProgram } from "../frontend/array/ast.js";
import type { Signature } from "../frontend/array/signature.js";
import { integerParameters } from "../frontend/array/usage.js";
import { lowerProgram } from "../frontend/array/index.js";
import type { Graph } from "../sdfg/sdfg.js";
import { simplifyGraph } from "./pipeline.js";
import { Program, type ProgramFacts } from "./program.js";

export class ArraySource<A extends unknown[] = unknown[], R = unknown> extends Program<A, R> {
  #parsed: ArrayProgram | undefined;
  #facts: ProgramFacts | undefined;
  constructor(readonly parse: () => ArrayProgram) { super(); }

  get program(): ArrayProgram { return (this.#parsed ??= this.parse()); }
  facts(): ProgramFacts {
    if (!this.#facts) {
      const p = this.program, params = p.entry.params.filter((x) => !x.keywordOnly);
      this.#facts = { name: p.entry.name, language: p.language, parameters: params.map((x) => x.name), integers: integerParameters(p), required: params.filter((x) => !x.default).length };
    }
    return this.#facts;
  }
  graph(signature: Signature): Graph { return simplifyGraph(lowerProgram(this.program, signature), signature.speculate); }
  cacheKey(): string | undefined {
    const p = this.program;
    // Captured arrays are by reference: their contents are not part of the program's text.
    for (const g of p.globals.values()) if (g.kind === "value" && typeof g.value === "object" && g.value !== null) return undefined;
    const values = [...p.globals].map(([k, g]) => (g.kind === "value" ? `${k}=${String(g.value)}` : k)).sort();
    return createHash("sha256").update(`${p.language}\0${p.entry.name}\0${p.source.text}\0${values.join("\0")}`).digest("hex");
  }
}
