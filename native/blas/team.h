// Threads for matrix products: the OpenMP team that kernels already have, or a few of our own.
#pragma once
#include <cstdint>

namespace dace {

class Team {
 public:
  // To be called by the thread that runs parallel kernels.
  static void ownsOpenmp();
  // Address of libgomp's (or libomp's) GOMP_parallel, once a kernel has brought the runtime into the process.
  static void useOpenmp(void* gompParallel);
  /**
   * Calls body(context, i) for every i below `tasks`, on at most `threads` threads, this one among them; returns when all are done.
   * Which thread takes which task is left open, so a task must compute the same whoever runs it.
   */
  static void each(int64_t tasks, int32_t threads, void (*body)(void* context, int64_t task), void* context);
};

}  // namespace dace
