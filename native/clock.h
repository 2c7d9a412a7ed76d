// The clock that only goes forward.
#pragma once

#include <time.h>

#include <cstdint>

namespace dace {

inline int64_t nowNs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t(t.tv_sec) * 1000000000 + t.tv_nsec;
}

inline int64_t nowMs() { return nowNs() / 1000000; }

}  // namespace dace
