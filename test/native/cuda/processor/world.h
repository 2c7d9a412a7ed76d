// Devices, contexts, streams and graphs, and the words that tests steer and read.
#pragma once
#include <fcntl.h>

#include <functional>
#include <memory>
#include <mutex>
#include <set>

#include "image.h"

namespace processor {

// A file that the test maps or reads (PROCESSOR_CONTROL), 64-bit words.
enum Word { kFailAt, kFailWith, kSticky, kCalls, kUsed, kBlocks, kLaunches, kGraphLaunches, kMistakes, kWaits, kReserved, kContexts, kBlas, kUnpinned, kSolver, kWords = 16 };

inline volatile int64_t* control() {
  static volatile int64_t* const words = [] {
    static int64_t own[kWords];
    const char* path = std::getenv("PROCESSOR_CONTROL");
    const int fd = path ? ::open(path, O_RDWR | O_CLOEXEC) : -1;
    void* p = fd >= 0 ? ::mmap(nullptr, sizeof own, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) : MAP_FAILED;
    return p == MAP_FAILED ? own : static_cast<int64_t*>(p);
  }();
  return words;
}
inline long number(const char* name, long otherwise) {
  const char* v = std::getenv(name);
  return v && *v ? std::atol(v) : otherwise;
}

struct Device;
struct Op {
  std::function<int()> run;
  const void* kind = nullptr;  // the function, or what else it is: graphs are updated only among equals
};
struct GraphData { std::vector<Op> ops; };
struct Exec { Device* device; std::shared_ptr<const std::vector<Op>> ops; };

struct Stream {
  Device* device = nullptr;
  std::vector<Op> queue;
  uint64_t queued = 0, executed = 0;
  GraphData* recording = nullptr;
  bool spoiled = false, eager = false;
};
struct Event { Stream* stream = nullptr; uint64_t ticket = 0; };
struct Pool {
  Device* device = nullptr;
  uint64_t keep = 0, used = 0, cached = 0;
  std::map<size_t, std::vector<Address>> free;  // by size; usable in the stream's order
};
struct Context { Device* device = nullptr; };

struct Device {
  int index = 0;
  int lost = 0;  // once a call has failed so that all others do
  std::unique_ptr<Context> context;
  int retained = 0;
  Memory memory;
  std::set<Stream*> streams;
  std::set<Pool*> pools;
  std::map<Address, Pool*> ofPool;  // blocks of pools
  uint64_t limit = uint64_t(number("PROCESSOR_MEMORY", 1l << 30));

  // The stream's work up to `ticket`.
  int catchUp(Stream& s, uint64_t ticket) {
    while (s.executed < ticket && !s.queue.empty()) {
      std::vector<Op> work;
      work.swap(s.queue);
      size_t k = 0;
      for (; k < work.size() && s.executed < ticket; k++) {
        s.executed++;
        if (lost) continue;
        if (const int r = work[k].run()) lost = r;
      }
      s.queue.insert(s.queue.begin(), work.begin() + long(k), work.end());
    }
    if (!lost && !memory.check()) lost = kIllegalAddress;
    return lost;
  }
  int catchUpAll() {
    for (Stream* s : streams)
      if (const int r = catchUp(*s, s->queued)) return r;
    return lost;
  }
  void tell() {
    volatile int64_t* const c = control();
    c[kUsed] = int64_t(memory.used());
    c[kBlocks] = int64_t(memory.blocks());
    c[kMistakes] = int64_t(memory.mistakes);
    uint64_t cached = 0;
    for (const Pool* p : pools) cached += p->cached;
    c[kReserved] = int64_t(cached);
  }
};

inline std::recursive_mutex& worldMutex() { static auto* m = new std::recursive_mutex; return *m; }
inline std::vector<std::unique_ptr<Device>>& devices() {
  static auto* all = [] {
    auto* v = new std::vector<std::unique_ptr<Device>>;
    for (long k = 0; k < number("PROCESSOR_DEVICES", 1); k++) v->push_back(std::make_unique<Device>()), v->back()->index = int(k);
    return v;
  }();
  return *all;
}
inline std::vector<void*>& contextStack() { static thread_local std::vector<void*> s; return s; }

// The device whose context is current; nullptr where there is none that lives.
inline Device* current() {
  if (contextStack().empty()) return nullptr;
  for (const auto& d : devices())
    if (d->context.get() == contextStack().back() && d->retained > 0) return d.get();
  return nullptr;
}
// Failures on demand: the n-th call from now on, once or for good.
inline int trouble(Device* d) {
  volatile int64_t* const c = control();
  c[kCalls] = c[kCalls] + 1;
  if (c[kFailAt] > 0) {
    c[kFailAt] = c[kFailAt] - 1;
    if (c[kFailAt] == 0) {
      if (c[kSticky] && d) d->lost = int(c[kFailWith]);
      return int(c[kFailWith]);
    }
  }
  return d ? d->lost : 0;
}
// Work for later: into the queue, or into what is being recorded.
inline int later(Stream& s, std::function<int()> run, const void* kind) {
  if (s.recording) return s.recording->ops.push_back({std::move(run), kind}), kOk;
  s.queue.push_back({std::move(run), kind}), s.queued++;
  // A device would have begun, too.
  return s.eager || s.queue.size() > 20000 ? s.device->catchUp(s, s.queued) : kOk;
}

}  // namespace processor
