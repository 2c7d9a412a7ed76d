import test from "ava";
import { grad, jit, python } from "../../../../ts/index.js";

test("np.roll of what is always empty", (t) => {
  const source = "import numpy as np\ndef f(u, k):\n    return np.sum(np.roll(u[1:-1], 2) * u[1:-1]) + np.sum(np.roll(u[3:], k)) + u[0]\n", f = python({ source }, { function: "f" });
  for (const n of [1, 2]) {
    t.is(Number(jit(f, { device: "js", cache: false })(new Float64Array(n).fill(2) as never, 3 as never)), 2);
    t.deepEqual([...grad(f, { device: "js", cache: false })(new Float64Array(n).fill(2) as never, 3 as never) as unknown as Float64Array], n === 1 ? [1] : [1, 0]);
  }
});
