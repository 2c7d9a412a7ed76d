/** The public face of dace-ad-native. */
export { python, javascript, type FileOrSource } from "./api/program.js";
export { SDFG } from "./api/sdfg.js";
export type { Builder as SDFGBuilder, DataOptions, LibrarySpec, TaskletSpec } from "./api/sdfg-builder.js";
export { grad, valueAndGrad, vjp, jit, type Callable, type GradientOf, type Value, type VjpResult } from "./api/verbs.js";
export { gradcheck, type GradcheckOptions, type GradcheckResult } from "./api/gradcheck.js";
export type { DerivativeOptions, Options } from "./api/options.js";
export type { Lowered, Report } from "./api/core.js";
export type { RunOptions } from "./api/callable.js";
export { Program } from "./compile/program.js";
export { deviceMemory, ndarray, type DeviceMemory, type DeviceName, type NDArrayFactory } from "./api/arrays.js";
export { NDArray, type Complex, type NDArrayOptions } from "./runtime/ndarray.js";
export { DeviceArray } from "./runtime/device-array.js";
export type { TypedArray } from "./runtime/addon-types.js";
export { DaceError, type ErrorCode } from "./base/errors.js";
export type { DType } from "./base/dtypes.js";

import { buildId } from "./compile/program-cache.js";
import { nativeAddon } from "./runtime/addon.js";
import { parseExpr } from "./symbolic/parse.js";
// What the first call needs whatever its program: paid when the package is loaded.
nativeAddon();
buildId();
parseExpr("max(0, n0 + -1*n1)");
