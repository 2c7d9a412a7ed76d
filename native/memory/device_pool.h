// Device memory for the work of one stream, kept for the next run: by the driver's own pool where it has one, else by size. Blocks go back without waiting for the
// device: what is taken again is used by work that comes later in the same order.
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
  // The context must outlive the pool. cap: bytes that may stay cached. most: bytes that may be in use.
  DevicePool(const Driver& driver, Context context, size_t cap, size_t most = ~size_t(0)) : driver_(driver), context_(context), cap_(cap), most_(most) {}
  // Frees what is cached. Blocks still in use are leaks: ask for the statistics before.
  ~DevicePool();
  // Before the first block: takes memory from a pool of the driver, in the order of `stream`. A driver that refuses is no mistake: sizes are kept here then.
  void useDriverPool(Device device, Stream stream);
  DevicePool(const DevicePool&) = delete;
  DevicePool& operator=(const DevicePool&) = delete;

  // Where the driver has no memory left, everything cached is freed and the driver asked once more. Zero bytes: address 0. A failed call changes nothing.
  Result acquire(size_t bytes, DeviceBlock* block);
  // The first failure of the driver to free something; the pool forgets the block all the same.
  Result release(const DeviceBlock& block);
  Result trim();
  DevicePoolStatistics statistics();
  void resetHighWater();
  void limit(size_t cap, size_t most);
  // While a stream is recorded, nothing may be taken or given back: the recording would contain it.
  std::unique_lock<std::mutex> hold() { return std::unique_lock(mutex_); }
  // The context is dead, and all memory with it: nothing is asked of the driver any more.
  void abandon();

 private:
  Result drain();
  Result take(Address* address, size_t bytes);
  const Driver& driver_;
  const Context context_;
  size_t cap_, most_;
  MemoryPool pool_ = nullptr;
  Stream stream_ = nullptr;
  bool abandoned_ = false;
  std::mutex mutex_;
  std::map<size_t, std::vector<Address>> free_;  // by capacity
  DevicePoolStatistics s_;
};

}  // namespace dace::cuda
