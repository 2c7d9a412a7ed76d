// One call of a kernel: the table it sees, its arena, its time.
#include "exec/run.h"

#include "blas/gemm.h"
#include "clock.h"

namespace dace {
RunResult runKernel(const Kernel& kernel, void* const* args, const int64_t* symbols, size_t arenaBytes, int32_t threads, RunControl& control) {
  RunResult r;
  Pool& pool = Pool::arenas();
  const Block arena = pool.acquire(arenaBytes);
  if (!arena.data) {
    r.code = DACE_OOM, r.outOfMemory = true;
    return r;
  }
  int64_t error[4] = {0, 0, 0, 0};
  const dace_rt rt{DACE_ABI_VERSION, sizeof(dace_rt), threads, 0, &control.cancel, &control.progress, error, gemmF64, gemmF32};
  const int64_t start = nowNs();
  r.code = kernel.run(&rt, args, symbols, arena.data);
  r.ns = nowNs() - start;
  pool.release(arena);
  r.site = error[1], r.value = error[2], r.extent = error[3];
  return r;
}

}  // namespace dace
