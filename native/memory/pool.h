// Memory for arenas: 64-byte aligned blocks, kept by size for the next run, counted to the byte.
#pragma once
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace dace {

struct Block {
  void* data = nullptr;
  size_t bytes = 0;     // as requested
  size_t capacity = 0;  // as taken from the system
};

struct PoolStatistics {
  uint64_t inUse = 0, pooled = 0, highWater = 0, allocations = 0, reuses = 0;
};

class Pool {
 public:
  // Arenas of runs; what statistics and limits are about.
  static Pool& arenas();
  // Copies of arguments of asynchronous runs: not part of what a program plans.
  static Pool& copies();

  // data == nullptr: out of memory. Zero bytes give an address that may not be read.
  Block acquire(size_t bytes);
  void release(const Block& b);
  void trim();
  void resetHighWater();
  PoolStatistics statistics();

 private:
  static constexpr int kClasses = 4 * 58;
  void* fresh(size_t capacity);
  void drain();
  std::mutex mutex_;
  std::vector<void*> free_[kClasses];
  PoolStatistics s_;
};

// Bytes that the machine and its control group could still give.
uint64_t availableMemory();

}  // namespace dace
