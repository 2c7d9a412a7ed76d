import test from "ava";
import { jit, python } from "../../ts/index.js";

test("an array that is read before it is written again does not become its twin", (t) => {
  const source = `import numpy as np
def f(u, v, w, m):
    n = u.shape[0]
    S = np.empty(n)
    T = np.empty(n)
    s = 0.0
    for t in range(m):
        for i in range(n):
            T[i] = u[i] * (t + 1.0)
            w[i] += np.where(t > 0, S[i], 0.0) * v[i]
            S[i] = u[i] * (t + 1.0)
        s += np.sum(T * S)
    return s
`;
  const w = Float64Array.of(7, 8, 9), s = jit(python({ source }, { function: "f" }), { device: "js" })(Float64Array.of(1, 2, 3) as never, Float64Array.of(4, 5, 6) as never, w as never, 4 as never);
  t.is(Number(s), 420);
  // In step t the products of the step before: (1 + 2 + 3) u v.
  t.deepEqual([...w], [31, 68, 117]);
});
