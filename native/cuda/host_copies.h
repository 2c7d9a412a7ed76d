// What a run moves to the host's memory and takes back: through pinned memory, on a stream beside that of the work, which goes on meanwhile.
#pragma once
#include <atomic>
#include <map>
#include <vector>

#include "cuda/driver.h"

namespace dace::cuda {

struct HostStatistics {
  uint64_t inUse = 0, pooled = 0, highWater = 0, out = 0, in = 0;  // bytes; out and in: copied so far
};

// Used by the thread that does the device's work, with the context current; statistics from any.
class HostCopies {
 public:
  // work: the stream whose results are moved, and which reads what comes back.
  HostCopies(const Driver& driver, Stream work) : driver_(driver), work_(work) {}
  HostCopies(const HostCopies&) = delete;
  HostCopies& operator=(const HostCopies&) = delete;

  // To `at` in the slot's memory. Starts after all work handed over so far; the host's memory, `whole` bytes, is taken where the slot has none yet. `*room`: false if it was that memory that could not be had.
  Result out(size_t slot, Address from, size_t bytes, size_t at, size_t whole, bool* room);
  // Starts after all work handed over so far, and after the copies out.
  Result in(size_t slot, Address to, size_t bytes, size_t at);
  // Work handed over from now on begins when the slot's last copy is done; or its last one from or to that address of the device.
  Result settle(size_t slot);
  Result settle(size_t slot, Address device);
  // The run is over: waits for its copies, keeps the memory for the next one.
  Result end();
  // Gives what is kept back to the system.
  Result trim();
  // The context is dead, and pinned memory with it.
  void abandon();
  HostStatistics statistics() const { return {inUse_, pooled_, highWater_, out_, in_}; }
  void resetHighWater() { highWater_ = inUse_.load(); }

 private:
  struct Block {
    void* data = nullptr;
    size_t bytes = 0;  // as requested
    bool pinned = false;
  };
  // Copies from and to one address of the device: those of a slot follow one another, but a wait may be for an earlier one.
  struct Lane {
    Address device = 0;
    Event done = nullptr;
    bool copied = false;  // there is a copy to wait for
  };
  struct Slot {
    Block block;
    std::vector<Lane> lanes;
    size_t last = 0;  // of the last copy
  };
  Result begin();
  Result take(size_t bytes, Block* block, bool* room);
  Result copy(size_t slot, Address device, size_t bytes, size_t at, bool out);
  static size_t laneOf(Slot* s, Address device);
  const Driver& driver_;
  const Stream work_;
  Stream beside_ = nullptr;  // the work's own where the driver cannot let streams wait for one another
  Event handed_ = nullptr;
  std::vector<Slot> slots_;
  std::multimap<size_t, Block> free_;  // by bytes
  bool grew_ = false;                  // memory was asked of the system in this run
  std::atomic<uint64_t> inUse_{0}, pooled_{0}, highWater_{0}, out_{0}, in_{0};
};

}  // namespace dace::cuda
