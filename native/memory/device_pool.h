// Device memory kept by size for the next run. Blocks go back without waiting for the device, so one pool serves the work of one stream: what is taken again
// is used by work that comes later in the same order.
#pragma once
#include <map>
#include <mutex>
#include <vector>

#include "cuda/driver.h"

namespace dace::cuda {

struct DeviceBlock {
  Address address = 0;
  size_t bytes = 0;     // as requested
  size_t capacity = 0;  // as taken from the driver
};

struct DevicePoolStatistics {
  uint64_t inUse = 0, blocks = 0, pooled = 0, highWater = 0, allocations = 0, reuses = 0, retries = 0;
};

class DevicePool {
 public:
  // The context must outlive the pool. cap: bytes that may stay cached.
  DevicePool(const Driver& driver, Context context, size_t cap) : driver_(driver), context_(context), cap_(cap) {}
  // Frees what is cached. Blocks still in use are leaks: ask for the statistics before.
  ~DevicePool() { trim(); }
  DevicePool(const DevicePool&) = delete;
  DevicePool& operator=(const DevicePool&) = delete;

  // Where the driver has no memory left, everything cached is freed and the driver asked once more. Zero bytes: address 0. A failed call changes nothing.
  Result acquire(size_t bytes, DeviceBlock* block);
  // The first failure of the driver to free something; the pool forgets the block all the same.
  Result release(const DeviceBlock& block);
  Result trim();
  DevicePoolStatistics statistics();

 private:
  class Current;
  Result drain();
  const Driver& driver_;
  const Context context_;
  const size_t cap_;
  std::mutex mutex_;
  std::map<size_t, std::vector<Address>> free_;  // by capacity
  DevicePoolStatistics s_;
};

}  // namespace dace::cuda
