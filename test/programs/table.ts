/** The named programs with small inputs: each as the NumPy function's arguments and as the JavaScript function's. */

/** An input: an array of a shape (with values made from a seed) or a number. `add` shifts the diagonal, for well-conditioned factorisations. */
export type Input = number | { readonly shape: readonly number[]; readonly scale?: number; readonly shift?: number; readonly diagonal?: number; readonly symmetric?: boolean };

export interface NamedProgram {
  readonly name: string;
  readonly numpy: readonly Input[];
  /** JavaScript arguments: an index into `numpy` for shared data, or a size. */
  readonly js: readonly ({ readonly use: number } | number)[];
  /** Largest step of the differences, where the program has kinks near its inputs. */
  readonly step?: number;
}

const a = (...shape: number[]): Input => ({ shape });
const u = (i: number): { use: number } => ({ use: i });
/** Symmetric and diagonally dominant. */
const spd = (n: number): Input => ({ shape: [n, n], diagonal: n, symmetric: true });

export const PROGRAMS: readonly NamedProgram[] = [
  { name: "jacobi_1d", numpy: [4, a(9), a(9)], js: [4, u(1), u(2)] },
  { name: "jacobi_2d", numpy: [3, a(6, 6), a(6, 6)], js: [3, 6, u(1), u(2)] },
  { name: "heat_3d", numpy: [3, a(5, 5, 5), a(5, 5, 5)], js: [3, 5, u(1), u(2)] },
  { name: "seidel_2d", numpy: [3, a(6, 6)], js: [3, 6, u(1)] },
  { name: "fdtd_2d", numpy: [5, a(5, 6), a(5, 6), a(5, 6), a(5)], js: [5, 5, 6, u(1), u(2), u(3), u(4)] },
  { name: "adi", numpy: [3, 6, a(6, 6)], js: [3, 6, u(2)] },
  { name: "deriche", numpy: [0.25, a(6, 5)], js: [u(0), 6, 5, u(1)] },
  { name: "atax", numpy: [a(5, 4), a(4)], js: [5, 4, u(0), u(1)] },
  { name: "bicg", numpy: [a(5, 4), a(4), a(5)], js: [5, 4, u(0), u(1), u(2)] },
  { name: "mvt", numpy: [a(5), a(5), a(5), a(5), a(5, 5)], js: [5, u(0), u(1), u(2), u(3), u(4)] },
  { name: "gemm", numpy: [1.5, 1.2, a(4, 5), a(4, 3), a(3, 5)], js: [u(0), u(1), 4, 5, 3, u(2), u(3), u(4)] },
  { name: "gemver", numpy: [1.5, 1.2, a(5, 5), a(5), a(5), a(5), a(5), a(5), a(5), a(5), a(5)], js: [u(0), u(1), 5, u(2), u(3), u(4), u(5), u(6), u(7), u(8), u(9), u(10)] },
  { name: "gesummv", numpy: [1.5, 1.2, a(5, 5), a(5, 5), a(5)], js: [u(0), u(1), 5, u(2), u(3), u(4)] },
  { name: "symm", numpy: [1.5, 1.2, a(4, 5), a(4, 4), a(4, 5)], js: [u(0), u(1), 4, 5, u(2), u(3), u(4)] },
  { name: "syrk", numpy: [1.5, 1.2, a(5, 5), a(5, 3)], js: [u(0), u(1), 5, 3, u(2), u(3)] },
  { name: "syr2k", numpy: [1.5, 1.2, a(5, 5), a(5, 3), a(5, 3)], js: [u(0), u(1), 5, 3, u(2), u(3), u(4)] },
  { name: "trmm", numpy: [1.5, a(4, 4), a(4, 5)], js: [u(0), 4, 5, u(1), u(2)] },
  { name: "trisolv", numpy: [spd(5), a(5), a(5)], js: [5, u(0), u(1), u(2)] },
  { name: "lu", numpy: [spd(6)], js: [6, u(0)] },
  { name: "cholesky", numpy: [spd(6)], js: [6, u(0)] },
  { name: "gramschmidt", numpy: [{ shape: [6, 4], diagonal: 2 }], js: [6, 4, u(0)] },
  { name: "durbin", numpy: [{ shape: [20], scale: 0.05 }], js: [u(0)] },
  { name: "go_fast", numpy: [a(5, 5)], js: [5, u(0)] },
  { name: "softmax", numpy: [a(4, 5)], js: [4, 5, u(0)] },
  { name: "mlp", numpy: [a(3, 4), { shape: [4, 5], shift: -0.4 }, a(5), { shape: [5, 4], shift: -0.4 }, a(4), a(4, 3), a(3)], js: [3, 4, 5, 4, 3, u(0), u(1), u(2), u(3), u(4), u(5), u(6)] },
  { name: "hdiff", numpy: [a(7, 8, 3), a(3, 4, 3), a(3, 4, 3)], js: [3, 4, 3, u(0), u(1), u(2)], step: 2e-4 },
  { name: "vadv", numpy: [a(3, 4, 10), a(3, 4, 10), a(4, 4, 10), a(3, 4, 10), a(3, 4, 10), 3.5], js: [3, 4, 10, u(0), u(1), u(2), u(3), u(4), u(5)] },
  { name: "conv2d", numpy: [a(2, 6, 5, 2), a(3, 3, 2, 3), a(3)], js: [2, 6, 5, 2, 3, 3, u(0), u(1), u(2)] },
];
