/** A DaCe SDFG as typed data, read from its JSON (`read.ts`). Expressions and code are still text; names are resolved by the lowering. */
import type { DType } from "../../base/dtypes.js";

export interface Dimension { readonly begin: string; /** Inclusive. */ readonly end: string; readonly step: string }

export interface Descriptor {
  readonly kind: "array" | "scalar" | "view";
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly string[];
  readonly strides: readonly string[];
  readonly transient: boolean;
  /** Keeps its contents between executions of the SDFG that declares it. */
  readonly persistent: boolean;
}

export interface Constant { readonly dtype: DType; readonly shape: readonly number[]; readonly values: readonly (number | boolean)[] }

export interface DaceSDFG {
  readonly name: string;
  readonly argNames: readonly string[];
  readonly arrays: ReadonlyMap<string, Descriptor>;
  /** Symbols with their dtypes (opaque names kept: only a used one matters). */
  readonly symbols: ReadonlyMap<string, string>;
  readonly constants: ReadonlyMap<string, Constant>;
  readonly region: Region;
}

export interface Region { readonly kind: "region"; readonly label: string; readonly blocks: readonly Block[]; readonly edges: readonly InterstateEdge[]; readonly start: number }

export interface InterstateEdge { readonly src: number; readonly dst: number; readonly condition: string | undefined; readonly assignments: readonly Assignment[] }
export interface Assignment { readonly symbol: string; readonly value: string }

export interface LoopBlock {
  readonly kind: "loop";
  readonly label: string;
  readonly variable: string;
  readonly init: string | undefined;
  readonly condition: string;
  readonly update: string | undefined;
  /** The condition is tested after the body. */
  readonly inverted: boolean;
  readonly updateBeforeCondition: boolean;
  readonly body: Region;
}
export interface ConditionalBlock { readonly kind: "conditional"; readonly label: string; readonly branches: readonly { readonly condition: string | undefined; readonly body: Region }[] }
/** A map whose body is control flow. Only the builder makes these; in files such a map holds a nested SDFG. */
export interface MapBlock { readonly kind: "map"; readonly label: string; readonly params: readonly string[]; readonly ranges: readonly Dimension[]; readonly body: Region }
export interface ExitBlock { readonly kind: "break" | "continue" | "return"; readonly label: string }
export type Block = State | LoopBlock | ConditionalBlock | MapBlock | ExitBlock | Region;

export interface State { readonly kind: "state"; readonly label: string; readonly nodes: ReadonlyMap<number, DataflowNode>; readonly edges: readonly Edge[] }

export interface Edge { readonly src: number; readonly dst: number; readonly from: string | undefined; readonly to: string | undefined; /** Absent: an ordering edge, or a value passed from code to code. */ readonly memlet?: DaceMemlet }
export interface DaceMemlet {
  readonly data: string;
  /** Of `data`; absent: all of it. */
  readonly subset?: readonly Dimension[];
  /** Of the other side of a copy. */
  readonly other?: readonly Dimension[];
  readonly wcr?: string;
  readonly dynamic: boolean;
}

interface NodeBase { readonly id: number; readonly label: string; /** Map entry around it. */ readonly scope: number | undefined; /** For messages: what and where. */ readonly where: string; readonly line?: { readonly file: string; readonly line: number; readonly column: number } }
export interface AccessNode extends NodeBase { readonly kind: "access"; readonly data: string; readonly setzero: boolean }
export interface TaskletNode extends NodeBase { readonly kind: "tasklet"; readonly code: string; readonly inputs: ReadonlyMap<string, Connector>; readonly outputs: ReadonlyMap<string, Connector> }
/** What a connector says of its type: nothing, a pointer, or a value of a dtype. */
export interface Connector { readonly pointer: boolean; readonly dtype?: DType }
export interface MapEntry extends NodeBase { readonly kind: "entry"; readonly params: readonly string[]; readonly ranges: readonly Dimension[]; readonly exit: number }
export interface MapExit extends NodeBase { readonly kind: "exit" }
export interface NestedNode extends NodeBase { readonly kind: "nested"; readonly sdfg: DaceSDFG; readonly mapping: ReadonlyMap<string, string>; readonly inputs: ReadonlySet<string>; readonly outputs: ReadonlySet<string> }
export interface LibraryNode extends NodeBase { readonly kind: "library"; readonly className: string; readonly attributes: Readonly<Record<string, unknown>> }
export type DataflowNode = AccessNode | TaskletNode | MapEntry | MapExit | NestedNode | LibraryNode;
