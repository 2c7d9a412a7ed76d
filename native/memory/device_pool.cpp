// Size classes over the driver's plain allocation, which waits for the device: it must be rare.
#include "memory/device_pool.h"

#include <algorithm>
#include <bit>

namespace dace::cuda {
namespace {

// Four classes per power of two from 512 bytes (the driver's alignment times two) on: at most a fifth is slack.
size_t capacityOf(size_t bytes) {
  const size_t n = std::max(bytes, size_t(512));
  const int e = std::bit_width(n - 1) - 3;
  return (n + (size_t(1) << e) - 1) >> e << e;
}

}  // namespace

// The pool's context for the time of one call; the caller's own is current again afterwards.
DevicePool::~DevicePool() {
  trim();
  if (!pool_ || abandoned_) return;
  const InContext current(driver_, context_);
  if (current.result == kSuccess) driver_.destroyPool(pool_);
}

void DevicePool::useDriverPool(Device device, Stream stream) {
  if (!driver_.hasPools()) return;
  const std::lock_guard guard(mutex_);
  const InContext current(driver_, context_);
  if (current.result != kSuccess) return;
  PoolProperties properties;
  properties.device = device;
  MemoryPool made = nullptr;
  if (driver_.createPool(&made, &properties) != kSuccess) return;
  uint64_t keep = cap_;
  // With the driver's own threshold, zero, everything would go back at every wait.
  if (driver_.setPool(made, kReleaseThreshold, &keep) != kSuccess) {
    driver_.destroyPool(made);
    return;
  }
  pool_ = made, stream_ = stream;
}

// With the context current.
Result DevicePool::take(Address* address, size_t bytes) { return pool_ ? driver_.poolAllocate(address, bytes, pool_, stream_) : driver_.allocate(address, bytes); }

Result DevicePool::acquire(size_t bytes, DeviceBlock* block) {
  *block = {};
  if (bytes == 0) return kSuccess;
  if (bytes > size_t(1) << 55) return kOutOfMemory;
  const std::lock_guard guard(mutex_);
  if (bytes > most_ || s_.inUse > most_ - bytes) return kOutOfMemory;
  const size_t capacity = pool_ ? bytes : capacityOf(bytes);
  Address address = 0;
  if (const auto it = free_.find(capacity); it != free_.end() && !it->second.empty()) {
    address = it->second.back();
    it->second.pop_back();
    s_.pooled -= capacity;
    s_.reuses++;
  } else {
    const InContext current(driver_, context_);
    if (current.result != kSuccess) return current.result;
    Result r = take(&address, capacity);
    if (r == kOutOfMemory) {
      s_.retries++;
      if (const Result freed = drain(); freed != kSuccess) return freed;
      r = take(&address, capacity);
    }
    if (r != kSuccess) return r;
    s_.allocations++;
  }
  s_.inUse += bytes;
  s_.blocks++;
  s_.highWater = std::max(s_.highWater, s_.inUse);
  *block = {address, bytes, capacity};
  return kSuccess;
}

Result DevicePool::release(const DeviceBlock& block) {
  if (block.capacity == 0) return kSuccess;
  const std::lock_guard guard(mutex_);
  s_.inUse -= block.bytes;
  s_.blocks--;
  if (abandoned_) return kSuccess;
  if (pool_ || s_.pooled + block.capacity > cap_) {
    const InContext current(driver_, context_);
    return current.result != kSuccess ? current.result : pool_ ? driver_.poolFree(block.address, stream_) : driver_.free(block.address);
  }
  free_[block.capacity].push_back(block.address);
  s_.pooled += block.capacity;
  return kSuccess;
}

// With the context current.
Result DevicePool::drain() {
  if (pool_) {
    // What was given back belongs to the stream until the stream has got there.
    const Result waited = driver_.wait(stream_);
    return waited != kSuccess ? waited : driver_.trimPool(pool_, 0);
  }
  Result first = kSuccess;
  for (auto& [capacity, list] : free_)
    for (const Address a : list)
      if (const Result r = driver_.free(a); r != kSuccess && first == kSuccess) first = r;
  free_.clear();
  s_.pooled = 0;
  return first;
}

Result DevicePool::trim() {
  const std::lock_guard guard(mutex_);
  if (abandoned_ || (!pool_ && s_.pooled == 0)) return kSuccess;
  const InContext current(driver_, context_);
  return current.result != kSuccess ? current.result : drain();
}

DevicePoolStatistics DevicePool::statistics() {
  const std::lock_guard guard(mutex_);
  DevicePoolStatistics s = s_;
  if (!pool_ || abandoned_) return s;
  const InContext current(driver_, context_);
  uint64_t reserved = 0, used = 0;
  if (current.result == kSuccess && driver_.getPool(pool_, kReservedNow, &reserved) == kSuccess && driver_.getPool(pool_, kUsedNow, &used) == kSuccess) s.pooled = reserved - std::min(reserved, used);
  return s;
}

void DevicePool::resetHighWater() {
  const std::lock_guard guard(mutex_);
  s_.highWater = s_.inUse;
}

void DevicePool::limit(size_t cap, size_t most) {
  const std::lock_guard guard(mutex_);
  cap_ = cap, most_ = most;
  if (!pool_ || abandoned_) return;
  const InContext current(driver_, context_);
  uint64_t keep = cap;
  if (current.result == kSuccess) driver_.setPool(pool_, kReleaseThreshold, &keep);
}

void DevicePool::abandon() {
  const std::lock_guard guard(mutex_);
  abandoned_ = true;
  free_.clear();
  s_.pooled = 0;
}

}  // namespace dace::cuda
