/** A plan on a real GPU: what is asked of the addon, and what its answers mean at the user's line. */
import { DaceError, type SourceLoc } from "../base/errors.js";
import type { Plan } from "../lower/plan.js";
import type { GpuRequest, GpuStatus } from "./addon-types.js";

export function gpuRequest(plan: Plan, cache: Pick<GpuRequest, "cacheMode" | "cacheDir">): GpuRequest {
  const { host, device, deviceFlags, kernels } = plan.cuda!;
  return { sources: host.sources, flags: host.flags, link: host.link.flatMap((l) => (l === "libm" ? ["-lm"] : [])), device, deviceFlags, kernels: kernels.map((k) => k.name), ...cache };
}

/** Indices of the arguments that a run changes. */
export const writtenArguments = (plan: Plan): number[] => plan.arguments.flatMap((b, k) => (plan.buffers[b]!.writes === false ? [] : [k]));

/** The driver or a library failed. `locate`: of a kernel's line. */
export function gpuFailure(plan: Plan, s: GpuStatus, arenaBytes: number, locate: (at: { readonly file: string; readonly line: number; readonly column: number }) => { readonly loc?: SourceLoc }): DaceError {
  const at = plan.cuda?.kernels[s.kernel]?.loc;
  if (s.code === 5) return new DaceError("OOM", `${s.failure}; the program's intermediate arrays take ${arenaBytes} bytes`, { ...(at ? locate(at) : {}), hint: "give memoryLimit a smaller number, dispose of device arrays, or trim()" });
  return new DaceError("DEVICE", s.failure, { ...(at ? locate(at) : {}), ...(s.kernel < 0 ? { hint: "DACE_AD_CUDA_SYNC=1 waits for each kernel, so that the one that fails is named" } : {}) });
}
