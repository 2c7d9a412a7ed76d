/** Device arrays through the driver, which is the one made of the processor: its memory is apart from the program's, and it counts what is held. */
import test from "ava";
import type { DeviceArray} from "../../ts/index.js";
import { DaceError, deviceMemory, grad, jit, ndarray, python, valueAndGrad } from "../../ts/index.js";
import { registerDeviceArrays } from "../api/device-arrays.js";
import { processorEnvironment, useProcessor } from "./processor.js";
import { child } from "./support.js";

const control = useProcessor({ PROCESSOR_DEVICES: "2" });
registerDeviceArrays(test);

const square = python({ source: "import numpy as np\ndef f(x):\n    return np.sum(x * x)\n", name: "square.py" }, { function: "f" });

test.serial("another device's arrays are refused, and copied", (t) => {
  const x = ndarray(Float64Array.of(1, 2, 3), [3], { device: "cuda:1" });
  t.is(x.device, "cuda:1");
  const e = t.throws(() => grad(square, { device: "cuda" })(x), { instanceOf: DaceError });
  t.is(e.code, "ERR_DACE_DEVICE");
  t.regex(e.message, /cuda:1.*cuda:0/s);
  t.deepEqual([...(grad(square, { device: "cuda:1" })(x) as unknown as DeviceArray).toHost().data as Float64Array], [2, 4, 6]);
  t.deepEqual([...ndarray.zeros([3], { device: "cuda" }).assign(x).toHost().data as Float64Array], [1, 2, 3]);
  t.is(t.throws(() => ndarray([1], undefined, { device: "cuda:7" }), { instanceOf: DaceError }).code, "ERR_DACE_DEVICE");
});

test.serial("a thousand steps on the device hold no more memory than one, and nothing is copied", (t) => {
  const step = jit(python({ source: "def f(x):\n    x[:] = 0.5 * x + 1\n", name: "step.py" }, { function: "f" }), { device: "cuda" }), g = grad(square, { device: "cuda" }), x = ndarray.zeros([1000], { device: "cuda" });
  let held: number | undefined;
  for (let k = 0; k < 1000; k++) {
    step(x);
    using d = g(x) as unknown as DeviceArray;
    t.is(d.size, 1000);
    const { inUse } = deviceMemory();
    held ??= inUse;
    if (inUse !== held) t.fail(`step ${k}: ${inUse} bytes instead of ${held}`);
  }
  t.true((x.toHost().data as Float64Array).every((v) => Math.abs(v - 2) < 1e-12));
});

test.serial("calls with other arrays of the device take the short way: same results, nothing left behind, also where they fail", (t) => {
  const f = python({ source: "import numpy as np\ndef f(x, y, a):\n    return np.sum(a * x * x * y)\n", name: "short.py" }, { function: "f" }), g = grad(f, { device: "cuda", wrt: ["x", "a"] }), v = valueAndGrad(f, { device: "cuda", wrt: "y" });
  const put = (k: number): DeviceArray => ndarray(Float64Array.from({ length: 100 }, (_, i) => i + k), [100], { device: "cuda" }), before = deviceMemory().arrays, host = Float64Array.from({ length: 100 }, () => 3);
  for (let k = 0; k < 4; k++) {
    using x = put(k);
    using y = put(1);
    const [dx, da] = g(x, y, 2) as unknown as [DeviceArray, number];
    t.deepEqual([...dx.toHost().data as Float64Array], Array.from({ length: 100 }, (_, i) => 4 * (i + k) * (i + 1)));
    t.is(da, Array.from({ length: 100 }, (_, i) => (i + k) ** 2 * (i + 1)).reduce((a, b) => a + b));
    dx.dispose();
    // The gradient of an array of the host is the host's.
    const r = v(x, host, 2) as unknown as { value: number; grad: Float64Array };
    t.deepEqual([...r.grad], Array.from({ length: 100 }, (_, i) => 2 * (i + k) ** 2));
    t.is(deviceMemory().arrays, before + 2);
    // One array twice, an array of another kind, one that is gone: not what the short way is for.
    const [twice] = g(x, x, 2) as unknown as [DeviceArray];
    t.is((twice.toHost().data as Float64Array)[5], 6 * (5 + k) ** 2);
    twice.dispose();
    t.true((g(host, y, 2) as unknown[])[0] instanceof Float64Array);
    const gone = put(1);
    gone.dispose();
    t.is(t.throws(() => g(gone, y, 2), { instanceOf: DaceError }).code, "ERR_DACE_DISPOSED");
    (g(x, y, 2) as unknown as [DeviceArray])[0].dispose();
    for (let n = 1; n < 12; n++) {
      control.fail(n, 2);
      try { (g(x, y, 2) as unknown as [DeviceArray])[0].dispose(); } catch (e) { t.is((e as DaceError).code, "ERR_DACE_OOM", String(e)); }
      control.set("failAt", 0);
      t.is(deviceMemory().arrays, before + 2, `call ${n}`);
    }
  }
  t.is(deviceMemory().arrays, before);
});

test.serial("no memory left: OOM that names sizes; the pool and the arrays stay usable", (t) => {
  const x = ndarray(new Float64Array(100).fill(3), [100], { device: "cuda" }), before = deviceMemory().inUse!;
  let failed = 0;
  for (let n = 1; n < 12; n++) {
    control.fail(n, 2);
    try { (grad(square, { device: "cuda" })(x) as unknown as DeviceArray).dispose(); ndarray.zeros([200_000 + n], { device: "cuda" }).dispose(); } catch (e) { failed++; t.is((e as DaceError).code, "ERR_DACE_OOM", String(e)); }
    control.set("failAt", 0);
    t.is(deviceMemory().inUse, before, `call ${n}`);
  }
  t.true(failed > 0);
  t.deepEqual([...(grad(square, { device: "cuda" })(x) as unknown as DeviceArray).toHost().data as Float64Array].slice(0, 2), [6, 6]);
});

test.serial("what is dropped without having been disposed of goes back when it is collected", async (t) => {
  const r = await child(`const { deviceMemory, ndarray } = require(${JSON.stringify(require.resolve("../../ts/index.js"))}), before = deviceMemory().inUse;
    (() => { for (let k = 0; k < 200; k++) ndarray(new Float64Array(1000), [1000], { device: "cuda" }); })();
    assert.ok(deviceMemory().arrays > 0 && deviceMemory().inUse >= 8000);
    for (let k = 0; k < 100 && deviceMemory().arrays + deviceMemory().inUse > before; k++) { gc(); await new Promise((f) => { setTimeout(f, 10); }); }
    assert.equal(deviceMemory().arrays, 0); assert.equal(deviceMemory().arrayBytes, 0); assert.equal(deviceMemory().inUse, before);`, { env: processorEnvironment(), args: ["--expose-gc"] });
  t.is(r.status, 0, r.err);
});

test.serial("nothing went wrong that the driver noticed", (t) => { t.is(control.get("mistakes"), 0); });
