// One call of a kernel: the table it sees, its arena, its time.
#pragma once
#include <cstddef>
#include <cstdint>

#include "dace_ad/abi.h"
#include "exec/cancel.h"
#include "jit/kernel.h"
#include "memory/pool.h"

namespace dace {

struct RunResult {
  int32_t code = DACE_OK;
  bool outOfMemory = false;  // the arena could not be had; the kernel did not run
  int64_t site = 0, value = 0, extent = 0, ns = 0;  // extent, of a run that ended well: bytes of the buffers that grew
};

// What a running kernel and those who watch it share.
struct RunControl {
  CancelFlag cancel;
  int64_t progress = 0;
};

RunResult runKernel(const Kernel& kernel, void* const* args, const int64_t* symbols, size_t arenaBytes, int32_t threads, RunControl& control);

}  // namespace dace
