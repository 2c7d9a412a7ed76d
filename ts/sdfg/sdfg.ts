/** The stateful dataflow multigraph: containers, symbols and a tree of nodes. Passes make new ones; nothing is changed in place. */
import type { Container, EntryCheck, Node, Parameter, ReturnValue } from "./nodes.js";
import type { Expr } from "../symbolic/expr.js";
import { Assumptions } from "../symbolic/assumptions.js";

export interface SDFGFields {
  readonly name: string;
  readonly containers: ReadonlyMap<string, Container>;
  /** Free integer symbols: sizes and integer parameters, in a fixed order. */
  readonly symbols: readonly string[];
  /** Facts `e >= 0` that hold on entry. */
  readonly assumptions: readonly Expr[];
  readonly parameters: readonly Parameter[];
  readonly result: ReturnValue;
  readonly checks: readonly EntryCheck[];
  readonly body: readonly Node[];
}

export class Graph implements SDFGFields {
  readonly name!: string;
  readonly containers!: ReadonlyMap<string, Container>;
  readonly symbols!: readonly string[];
  readonly assumptions!: readonly Expr[];
  readonly parameters!: readonly Parameter[];
  readonly result!: ReturnValue;
  readonly checks!: readonly EntryCheck[];
  readonly body!: readonly Node[];
  constructor(fields: SDFGFields) { Object.assign(this, fields); }
  with(changes: Partial<SDFGFields>): Graph { return new Graph({ ...this, ...changes }); }
  container(name: string): Container {
    const c = this.containers.get(name);
    if (!c) throw new Error(`no container ${name}`);
    return c;
  }
  get facts(): Assumptions { return Assumptions.none.with(...this.assumptions); }
}

let nextId = 1;
/** A node identity, unique in the process. Text forms number nodes by position instead, so that they are stable. */
export function freshId(): number { return nextId++; }
