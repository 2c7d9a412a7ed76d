/** What the parts of the evaluator share: the lowering's state, facts about functions, the path of calls and unrolled iterations. */
import type { SourceLoc } from "../../../base/errors.js";
import type * as ast from "../ast.js";
import type { Frame, Lowering } from "../context.js";
import { integerNames, powerNames } from "../usage.js";
import type { ArrayValue, ClassValue, NoneValue, ObjectValue, TupleValue, Value } from "../value.js";
import { FunctionFacts, visitExpr, visitOwn, visitStatements } from "./names.js";

/** Where a break, continue or jump out of a block goes, and how variables are put in order first. */
export interface Exit {
  readonly label: string;
  readonly kind: "break" | "continue";
  /** The block in the graph to leave; undefined if the statement stands where control gets there by itself. */
  readonly block: string;
  readonly settle: () => void;
  used: boolean;
  readonly frame: Frame;
}

export class Evaluator {
  readonly #facts = new Map<ast.FunctionDef, FunctionFacts>();
  readonly #integers: (def: ast.FunctionDef) => ReadonlySet<string>;
  readonly #powers: (def: ast.FunctionDef) => ReadonlySet<string>;
  /** Calls in progress, outermost first; for recursion and keys. */
  readonly calls: ast.FunctionDef[] = [];
  /** Calls of functions that were already running; undefined once there were too many. */
  recursions: number | undefined = 0;
  readonly exits: Exit[] = [];
  /** Values of globals that were asked for. */
  readonly globals = new Map<string, Value>();
  /** Arrays that the program captured, as parameters of their own. */
  readonly captures: { readonly name: string; readonly container: string }[] = [];
  readonly failedGlobals = new Map<string, Error>();
  /** Iterations of unrolled loops in progress. */
  readonly unrolled: number[] = [];
  /** Containers that a loop gave to an array variable of its own. */
  readonly slots = new Map<string, { readonly frame: Frame; readonly name: string }>();
  /** Nodes that store a new array of a variable to its container: for the source, not a change of the old one. */
  readonly rebindings = new Set<number>();
  /** Loops (and blocks) that are being evaluated, with the frames and objects that were there before and how their variables are kept. */
  readonly open: { readonly frames: ReadonlySet<Frame>; readonly objects: ReadonlySet<ObjectValue>; readonly missed: (frame: Frame, name: string) => void }[] = [];
  /** Containers of fields that hold arrays (see mutables.ts), and the fields' values with the moment at which they were made. */
  readonly boxes = new Set<string>();
  readonly boxed = new WeakMap<ArrayValue, number>();
  /** The classes of methods. */
  readonly owners = new WeakMap<ast.FunctionDef, ClassValue>();
  /** `Lowering.born` where the iterations in progress of loops began that end when the run says. */
  readonly rounds: number[] = [];
  /** Cells of loops: what is read before the first assignment may come from an earlier iteration. */
  readonly repeated = new Set<number>();
  /** Those of them that were read while nothing had been assigned. */
  readonly asked = new Set<number>();
  /** Cells that start as None, null or undefined, and as which; those that an iteration, or a way through a block, may leave as they are. */
  readonly nothing = new Map<number, NoneValue>();
  readonly passedBy = new Set<number>();
  /** Loops in progress, outermost first, with the lists that there were before them and the names by which they were reached. */
  readonly growing: { readonly key: string; readonly paths: ReadonlyMap<TupleValue, string> }[] = [];
  /** How many arms and loops whose execution is decided at run time are around. */
  conditional = 0;

  constructor(readonly ctx: Lowering) { this.#integers = integerNames(ctx.program); this.#powers = powerNames(ctx.program); }

  get frame(): Frame { return this.ctx.frames.at(-1)!; }
  facts(def: ast.FunctionDef): FunctionFacts {
    let f = this.#facts.get(def);
    if (!f) this.#facts.set(def, f = new FunctionFacts(def));
    return f;
  }
  /** The program needs the variable's value as an integer somewhere. */
  needsInteger(def: ast.FunctionDef | undefined, name: string): boolean { return def !== undefined && this.#integers(def).has(name); }
  /** The variable goes into a power that is a size or an index: its values must be known. */
  isExponent(def: ast.FunctionDef | undefined, name: string): boolean { return def !== undefined && this.#powers(def).has(name); }
  readonly #pushed = new Map<ast.FunctionDef, Set<string>>();
  /** The variable is a list that gets more elements, or loses some. */
  isPushed(def: ast.FunctionDef | undefined, name: string): boolean {
    if (!def) return false;
    let names = this.#pushed.get(def);
    if (!names) this.#pushed.set(def, names = namesPushed(def));
    return names.has(name);
  }
  /** A key for what is learnt about a statement. */
  key(loc: SourceLoc): string { return `${this.frame.key}/${this.unrolled.join(".")}/${loc.line}:${loc.column}`; }
}
/** Names of which a function, or one inside of it, calls a method that changes how many elements there are. */
function namesPushed(def: ast.FunctionDef): Set<string> {
  const out = new Set<string>();
  const inside = (body: readonly ast.Stmt[]): void => {
    visitStatements(body, (s) => {
      if (s.kind === "function") inside(s.def.body);
      visitOwn(s, (e) => { visitExpr(e, (x) => {
        if (x.kind === "function") inside(x.def.body);
        else if (x.kind === "call" && x.callee.kind === "attribute" && /^(push|pop|shift|unshift|splice)$/.test(x.callee.name) && x.callee.object.kind === "name") out.add(x.callee.object.name);
      }); });
    });
  };
  inside(def.body);
  return out;
}
