/** What a printer must offer: statements and expressions of one target language over the same scheduled graph. */
import type { DType } from "../base/dtypes.js";
import type { OpName } from "../scalar/expr.js";

/** Text of an integer (index) or of a value of some dtype. */
export type Text = string;

export interface LoopText {
  readonly variable: Text;
  readonly begin: Text;
  readonly end: Text;
  readonly down: boolean;
  /** Iterations are independent: the compiler may vectorise without looking for dependences. */
  readonly independent: boolean;
  /** Accumulators of an innermost reduction: variable and kind. */
  readonly accumulators: readonly { readonly name: Text; readonly wcr: "sum" | "prod" | "min" | "max" }[];
  /** Shared among threads. */
  readonly parallel?: { readonly work: Text };
  readonly innermost: boolean;
}

export interface Language {
  readonly name: "cpp" | "js";
  int(n: number): Text;
  /** Integer operators on 64-bit integers. */
  floordiv(a: Text, b: Text): Text;
  mod(a: Text, b: Text): Text;
  minInt(args: readonly Text[]): Text;
  maxInt(args: readonly Text[]): Text;
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
  combine(wcr: "sum" | "prod" | "min" | "max", a: Text, b: Text, dtype: DType): Text;
  loopOpen(l: LoopText): readonly Text[];
  whileOpen(counter: Text): readonly Text[];
  leaveUnless(condition: Text): Text;
  blockOpen(label: Text): Text;
  blockClose(label: Text): readonly Text[];
  exit(label: Text): Text;
  check(index: Text, extent: Text, site: number): Text;
  raise(code: number, site: number): Text;
  poll(): readonly Text[];
}
