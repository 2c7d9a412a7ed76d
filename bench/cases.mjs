// The benchmarked problems: data, arguments of our program, and arguments of the hand-written adjoint in bench/handwritten/NAME.cpp.

/** Reproducible numbers in [low, high). */
export function numbers(n, seed, low = 0, high = 1) {
  const a = new Float64Array(n);
  let s = (seed * 2654435761) >>> 0;
  for (let i = 0; i < n; i++) {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    let x = Math.imul(s ^ (s >>> 15), 0x2c1b3c6d);
    x = (x ^ (x >>> 12)) >>> 0;
    a[i] = low + (high - low) * (x / 4294967296);
  }
  return a;
}
const matrix = (shape, seed, low, high) => ({ shape, data: numbers(shape.reduce((a, b) => a * b, 1), seed, low, high) });

/**
 * lead: leading integer arguments; arrays: differentiated arguments; weights: the last argument.
 * work: lengths of the hand-written version's work arrays (after inputs, weights, gradients and the value); symbols: sizes after the mode.
 */
const stencil = (rank) => (steps, n) => {
  const shape = new Array(rank).fill(n), total = n ** rank;
  return { lead: [steps], arrays: [matrix(shape, 1), matrix(shape, 2)], weights: matrix(shape, 3, -0.5, 0.5), work: [total, total], symbols: [steps, n] };
};

export const CASES = {
  jacobi_2d: { sizes: { large: [100, 500], small: [20, 100] }, make: stencil(2) },
  seidel_2d: {
    sizes: { large: [60, 400], small: [8, 80] },
    make: (steps, n) => ({ lead: [steps], arrays: [matrix([n, n], 1)], weights: matrix([n, n], 3, -0.5, 0.5), work: [n * n, n + 1], symbols: [steps, n] }),
  },
  heat_3d: { sizes: { large: [40, 70], small: [10, 20] }, make: stencil(3) },
  vadv: {
    sizes: { large: [80, 40000], small: [20, 1000] },
    make: (k, c) => ({
      lead: [], arrays: [matrix([k + 1, c], 1, -0.5, 0.5), matrix([k, c], 2), matrix([k, c], 3), matrix([k, c], 4)], weights: matrix([k, c], 5, -0.5, 0.5),
      // The last row of the vertical velocity is not used by the program.
      rows: k, work: [k * c, k * c, k * c, k * c, c, c, c], symbols: [k, c],
    }),
  },
  lu: {
    sizes: { large: [700], small: [60] },
    make: (n) => {
      const a = matrix([n, n], 1);
      for (let i = 0; i < n; i++) a.data[i * n + i] += n / 2 + 1;
      return { lead: [], arrays: [a], weights: matrix([n, n], 3, -0.5, 0.5), work: [n * n, n], symbols: [n] };
    },
  },
  softmax: {
    sizes: { large: [65536, 256], small: [512, 64] },
    make: (r, n) => ({ lead: [], arrays: [matrix([r, n], 1, -2, 2)], weights: matrix([r, n], 3, -0.5, 0.5), work: [r * n], symbols: [r, n] }),
  },
};
