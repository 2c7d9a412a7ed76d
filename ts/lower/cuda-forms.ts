/** Prints two forms of a kernel's innermost loops that have a shape of their own: sums into elements that warps own, and tiles of matrix products. */
import { accessesOf } from "../analysis/accesses.js";
import { localsOf, loopFacts } from "../analysis/dependence.js";
import { isComplex } from "../base/dtypes.js";
import { InternalError } from "../base/errors.js";
import type { LibraryNode, Loop, Node } from "../sdfg/nodes.js";
import { productTiles } from "./cuda.js";
import { cppType } from "./cpp-types.js";
import { Emitter } from "./emit.js";
import type { Text } from "./language.js";
import { checkIndices, checkLoads } from "./values.js";

export abstract class FormEmitter extends Emitter {
  // ---- sums into elements that data choose

  /** A warp has every so-many-th element, a power of two. Lanes go through 32 iterations together; those whose element is the warp's combine one after the other, in order. */
  protected owned(l: Loop): void {
    for (const e of [l.begin, l.end]) checkLoads(this, e, l.loc);
    const begin = this.bound(l.begin), end = this.bound(l.end), [variable, q, runs, facts] = [this.fresh("i"), this.fresh("q"), this.fresh("z"), this.facts], locals = localsOf([l]);
    this.integers.variables.set(l.variable, variable);
    this.facts = this.facts.with(...loopFacts(l));
    this.line(`for (i64 ${q} = ${begin}; ${q} < ${end}; ${q} += 32) {`);
    this.indent(() => {
      this.line(`const i64 ${variable} = ${q} + threadIdx.x % 32;`, `bool ${runs} = ${variable} < ${end};`);
      const declared = this.privates(l);
      this.#combine(l.body, locals, runs, "");
      for (const name of declared) this.scope.locals.delete(name);
    });
    this.line("}");
    this.facts = facts;
  }

  /** `runs`: has the lane an iteration, and no mistake in it; `where`: conditions around, as "&& flag". */
  #combine(body: readonly Node[], locals: ReadonlyMap<string, number>, runs: Text, where: Text): void {
    const isPrivate = (n: Node): boolean => accessesOf(this.graph, [n]).every((a) => !a.write || locals.has(a.base));
    // Who makes a mistake does no more in this iteration.
    const alone = (f: () => void): void => {
      this.line(`if (${runs}${where}) do {`);
      this.indent(() => { this.scope.nested(() => { this.line(`${runs} = false;`); f(); this.line(`${runs} = true;`); }); });
      this.line("} while (false);");
    };
    for (let i = 0; i < body.length; i++) {
      const n = body[i]!, from = i;
      if (isPrivate(n)) {
        while (i + 1 < body.length && isPrivate(body[i + 1]!)) i++;
        alone(() => { this.list(body.slice(from, i + 1)); });
      } else if (n.kind === "conditional") {
        const rest = this.fresh("z");
        this.line(`bool ${rest} = true;`);
        for (const b of n.branches) {
          const flag = this.fresh("z"), { condition } = b;
          this.line(`bool ${flag} = ${condition ? "false" : rest};`);
          if (condition) {
            const outer = where;
            where = `${outer} && ${rest}`;
            alone(() => { this.line(`${flag} = ${this.condition(condition, n.loc)};`, `${rest} = !${flag};`); });
            where = outer;
          }
          this.#combine(b.body, locals, runs, `${where} && ${flag}`);
        }
      } else if (n.kind === "tasklet") {
        const at = this.fresh("q");
        this.line(`i64 ${at} = -1;`);
        alone(() => {
          checkIndices(this, n.output.data, n.output.index, n.loc);
          this.line(`${at} = ${this.integers.print(this.integers.flat(this.graph.container(n.output.data), n.output.index))};`);
        });
        this.line(`for (u32 left = __ballot_sync(0xffffffffu, ${at} >= 0 && (u32(${at}) & (gridDim.x * blockDim.x / 32 - 1)) == (blockIdx.x * blockDim.x + threadIdx.x) / 32); left != 0; left &= left - 1) {`);
        this.indent(() => {
          this.line("if ((left & (0u - left)) == 1u << threadIdx.x % 32) do {");
          this.indent(() => { this.list([n]); });
          this.line("} while (false);", "__syncwarp();");
        });
        this.line("}");
      } else throw new InternalError(`no warp owns a ${n.kind}`);
    }
  }

  // ---- products of matrices

  protected raw(text: Text): void { for (const x of text.split("\n")) if (x !== "") this.line(x.slice(2)); }
  /** The product of an iteration, or the sum of several: the loops of the terms are around the sum over k. */
  protected tiles(n: Node): void {
    const terms: Loop[] = [], facts = this.facts;
    for (; n.kind === "loop"; n = n.body[0]!) { this.integers.variables.set(n.variable, this.fresh("i")); this.facts = this.facts.with(...loopFacts(n)); terms.push(n); }
    const g = this.gemmText(n as LibraryNode), t = cppType(g.dtype), constants: readonly (readonly [name: Text, type: Text, value: Text])[] = [
      ["ta", "i32", String(Number(g.transA))], ["tb", "i32", String(Number(g.transB))], ["m", "i64", g.m], ["n", "i64", g.n], ["k", "i64", g.k], ["alpha", t, this.language.constant(g.alpha, undefined, g.dtype)], ["lda", "i64", g.lda], ["ldb", "i64", g.ldb],
      ["beta", t, this.language.constant(g.accumulate ? 1 : 0, undefined, g.dtype)], ["ldc", "i64", g.ldc], ...(isComplex(g.dtype) ? [["ca", "i32", String(Number(g.conjugateA))], ["cb", "i32", String(Number(g.conjugateB))]] as const : []),
    ];
    this.line("{");
    this.indent(() => {
      for (const [name, type, value] of constants) this.line(`const ${type} ${name} = ${value};`);
      this.line(`${t}* const c = ${g.c} + ${g.cAt};`);
      const loops = terms.map((x) => `    ${this.language.loopOpen({ variable: this.integers.variables.get(x.variable)!, begin: this.integers.print(x.begin), end: this.integers.print(x.end), down: false }).join(" ")}\n`).join("");
      this.raw(productTiles(g.dtype, [`${loops}    ${terms.length > 0 ? "" : "{ "}const ${t}* const a = ${g.a} + ${g.aAt}; const ${t}* const b = ${g.b} + ${g.bAt};\n`, `    }${" }".repeat(Math.max(0, terms.length - 1))}\n`]));
    });
    this.line("}");
    this.facts = facts;
  }
}
