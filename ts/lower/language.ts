/** What a printer must offer: statements and expressions of one target language over the same scheduled graph. */
import type { DType } from "../base/dtypes.js";
import type { OpName } from "../scalar/expr.js";
import type { Wcr } from "../sdfg/nodes.js";

/** Text of an integer (index) or of a value of some dtype. */
export type Text = string;

export interface AccumulatorText { readonly name: Text; readonly wcr: Wcr; readonly dtype: DType }

export interface LoopText {
  readonly variable: Text;
  readonly begin: Text;
  readonly end: Text;
  readonly down: boolean;
  /** Innermost and independent up to these reductions: vectorise. */
  readonly simd?: readonly AccumulatorText[];
}

/** Room for `rows` rows of `row` elements; `have`: the variable that holds how many there are; `slot`: which of the program's growable buffers it is. */
export interface GrowText { readonly buffer: Text; readonly have: Text; readonly slot: number; readonly dtype: DType; readonly rows: Text; readonly row: Text }

export interface GemmText {
  readonly dtype: DType;
  readonly transA: boolean; readonly transB: boolean;
  readonly m: Text; readonly n: Text; readonly k: Text; readonly alpha: number;
  readonly a: Text; readonly aAt: Text; readonly lda: Text;
  readonly b: Text; readonly bAt: Text; readonly ldb: Text;
  readonly c: Text; readonly cAt: Text; readonly ldc: Text;
  readonly accumulate: boolean;
  /** Of complex operands. */
  readonly conjugateA: boolean; readonly conjugateB: boolean;
}

/** Where a failed check happens: in plain code it ends the run; in a loop that threads share it ends the iteration. */
export type Failure = "return" | "continue";

export interface Language {
  readonly name: "cpp" | "js";
  int(n: number): Text;
  /** Integer operators on 64-bit integers. */
  floordiv(a: Text, b: Text): Text;
  mod(a: Text, b: Text): Text;
  minInt(args: readonly Text[]): Text;
  maxInt(args: readonly Text[]): Text;
  /** `const name = integer` */
  declareInt(name: Text, value: Text): Text;
  /** A value of an integer dtype as an index. */
  toIndex(a: Text, dtype: DType): Text;
  constant(value: number | bigint | boolean, imag: number | undefined, dtype: DType): Text;
  /** An integer as a value. */
  fromInt(a: Text, dtype: DType): Text;
  op(name: OpName, dtype: DType, args: readonly Text[], argDtypes: readonly DType[]): Text;
  cast(a: Text, from: DType, to: DType): Text;
  read(buffer: Text, index: Text, dtype: DType): Text;
  /** An integer read for use as an index. */
  readIndex(buffer: Text, index: Text, dtype: DType): Text;
  store(buffer: Text, index: Text, value: Text, dtype: DType): Text;
  declare(name: Text, dtype: DType, value: Text | undefined, mutable: boolean): Text;
  combine(wcr: Wcr, a: Text, b: Text, dtype: DType): Text;
  /** The value that `wcr` leaves others unchanged with. */
  identity(wcr: Wcr, dtype: DType): Text;
  loopOpen(l: LoopText): readonly Text[];
  /** A loop over [begin, low) and then [high, end). */
  outsideOpen(variable: Text, counter: Text, begin: Text, low: Text, high: Text, end: Text): Text;
  whileOpen(counter: Text): readonly Text[];
  leaveUnless(condition: Text): Text;
  blockOpen(label: Text): Text;
  blockClose(label: Text): readonly Text[];
  exit(label: Text): Text;
  check(index: Text, extent: Text, site: number, failure: Failure): Text;
  raise(code: number, site: number): Text;
  /** Looks at the cancel flag; `steps`: added to the progress counter. */
  poll(steps: number): readonly Text[];
  /** The same in a round of a loop of unknown length. `counter`: rounds before it; `short`: a round is short, whatever the sizes. */
  pollRound(counter: Text, short: boolean): readonly Text[];
  /** A loop around strips of `steps` iterations of a long loop, for what is to be done now and then; undefined where nothing is. `inner`: the strip. */
  stripOpen(l: LoopText, name: Text, steps: number): { readonly lines: readonly Text[]; readonly inner: LoopText } | undefined;
  gemm(g: GemmText, inParallel: boolean): readonly Text[];
  grow(g: GrowText): Text;
}
