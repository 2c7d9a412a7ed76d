/** The public verbs, with the types of what they return. */
import type { Program } from "../compile/program.js";
import type { TypedArray } from "../runtime/addon-types.js";
import type { DeviceArray } from "../runtime/device-array.js";
import type { Complex, NDArray } from "../runtime/ndarray.js";
import { makeCallable, type RunOptions } from "./callable.js";
import type { Lowered, Report } from "./core.js";
import type { DerivativeOptions, Options } from "./options.js";

/** Anything that holds numbers of a program. */
export type Value = number | bigint | boolean | Complex | TypedArray | NDArray | DeviceArray | readonly unknown[];

export interface Callable<A extends unknown[], R> {
  (...args: A): R;
  /** Runs off the JavaScript thread; a trailing `{ signal, onProgress }` is allowed. */
  async(...args: [...A, RunOptions] | A): Promise<R>;
  /** Text of the stages for these arguments. */
  lower(...args: A): Lowered;
  /** Of the last run. */
  readonly report: Report | undefined;
  dispose(): void;
}

type FirstFloat<A extends unknown[]> = A extends [infer H, ...infer T] ? (H extends bigint | boolean ? FirstFloat<T> : H) : Value;
type At<A extends unknown[], I> = I extends keyof A ? A[I] : I extends number ? A[I] : Value;
type Each<A extends unknown[], W extends readonly unknown[]> = { -readonly [K in keyof W]: W[K] extends number ? At<A, W[K]> : Value };

/** The gradient's type: that of the parameter which `wrt` names. */
export type GradientOf<A extends unknown[], O> = O extends { readonly wrt: infer W }
  ? W extends number ? At<A, W> : W extends string ? Value : W extends readonly unknown[] ? Each<A, W> : Value
  : FirstFloat<A>;

type Source<A extends unknown[], R = unknown> = Program<A, R> | ((...args: A) => R);
export interface VjpResult { readonly outputs: Record<string, Value>; readonly grads: Record<string, Value> }

/** Runs the program: changes its array arguments as the source would, and returns what it returns. */
export function jit<A extends unknown[], R>(f: Source<A, R>, options: Options = {}): Callable<A, R> { return makeCallable("jit", f, options) as Callable<A, R>; }

/** Gradient of one scalar output; never changes the caller's arrays. */
export function grad<A extends unknown[], const O extends DerivativeOptions = Record<never, never>>(f: Source<A>, options?: O): Callable<A, GradientOf<A, O>> {
  return makeCallable("grad", f, options ?? {}) as Callable<A, GradientOf<A, O>>;
}
/** `{ value, grad }` in one run. */
export function valueAndGrad<A extends unknown[], const O extends DerivativeOptions = Record<never, never>>(f: Source<A>, options?: O): Callable<A, { readonly value: number; readonly grad: GradientOf<A, O> }> {
  return makeCallable("valueAndGrad", f, options ?? {}) as Callable<A, { readonly value: number; readonly grad: GradientOf<A, O> }>;
}
/** Vector–Jacobian product: `vjp(p)(args, cotangents)` gives `{ outputs, grads }`, objects by name. */
export function vjp<A extends unknown[]>(f: Source<A>, options: DerivativeOptions = {}): Callable<[args: A, cotangents?: Readonly<Record<string, Value>>], VjpResult> {
  return makeCallable("vjp", f, options) as Callable<[args: A, cotangents?: Readonly<Record<string, Value>>], VjpResult>;
}
