/** Device arrays through the driver, which is the one made of the processor: its memory is apart from the program's, and it counts what is held. */
import test from "ava";
import type { DeviceArray} from "../../ts/index.js";
import { DaceError, deviceMemory, grad, jit, ndarray, python } from "../../ts/index.js";
import { registerDeviceArrays } from "../api/device-arrays.js";
import { useProcessor } from "./processor.js";

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

test.serial("nothing went wrong that the driver noticed", (t) => { t.is(control.get("mistakes"), 0); });
