// Sections of launches as graphs of the driver: what is met a second time is recorded, and from then on started by one call.
#pragma once
#include <list>
#include <mutex>
#include <vector>

#include "memory/device_pool.h"

namespace dace::cuda {

// What a section depends on. Addresses apart: where only they differ, the graph is made over instead of made anew.
struct SectionKey {
  int32_t section = 0;
  std::vector<int64_t> words;      // symbols and the section's own
  std::vector<uint64_t> addresses;
};

struct GraphStatistics {
  uint64_t replayed = 0, recorded = 0, updated = 0;
};

// Of one program on one device; used by the thread that runs its work.
class Graphs {
 public:
  explicit Graphs(const Driver& driver) : driver_(driver) {}
  // With the context current.
  void close();

  enum class Step { launched, record, plain };
  // launched: done. record: `end` must follow, or `drop`. plain: launch directly.
  Result begin(SectionKey key, Stream stream, DevicePool& pool, Step* step);
  // What was recorded becomes a graph, and is launched.
  Result end(Stream stream);
  // A recording that will not end.
  void drop(Stream stream);
  bool recording() const { return recording_; }
  GraphStatistics statistics() const { return s_; }

 private:
  struct Entry {
    SectionKey key;
    GraphExec exec = nullptr;
  };
  static constexpr size_t kMost = 64;
  const Driver& driver_;
  std::list<Entry> entries_;  // last used first
  std::vector<uint64_t> addresses_;  // of what is being recorded
  std::unique_lock<std::mutex> hold_;
  bool recording_ = false;
  GraphStatistics s_;
};

}  // namespace dace::cuda
