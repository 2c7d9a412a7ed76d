// Loaded kernels: found in this process, in the cache, or built.
#pragma once
#include <cstdint>
#include <string>

#include "dace_ad/abi.h"
#include "jit/compile.h"

namespace dace {

// Lives as long as the process: unloading code that threads may still be in is not worth a few kilobytes.
struct Kernel {
  std::string key;
  dace_run_fn run = nullptr;
  uint64_t bytes = 0;
  bool openmp = false;
  void* gompParallel = nullptr;  // entry of the OpenMP runtime that it brought along
};

struct LoadedKernel {
  const Kernel* kernel;
  bool cached;  // no compiler ran
  double ms;
};

// Thread-safe. Throws Failure.
LoadedKernel loadKernel(const CompileRequest& request, const AbortFlag* abort);

}  // namespace dace
