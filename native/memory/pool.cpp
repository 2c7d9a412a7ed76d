// Memory for arenas. Four classes per power of two, so that at most a fifth of a block is slack; slack of mapped blocks is never touched.
#include "memory/pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace dace {
namespace {

constexpr size_t kAlign = 64;
constexpr size_t kMapped = size_t(1) << 20;  // from here on pages come straight from the system and go straight back
constexpr size_t kHuge = size_t(2) << 20;
// Requests from here on are checked against free memory: a system that overcommits would grant them and then kill us.
constexpr size_t kChecked = size_t(64) << 20;
constexpr uint64_t kPooledShare = 4;  // at most a quarter of the machine stays cached
alignas(64) char nothing[64];

int classOf(size_t bytes, size_t* capacity) {
  const size_t n = std::max(bytes, size_t(256));
  const int e = std::bit_width(n - 1) - 3;                     // capacity = (4 + j) << e or the next power
  const size_t units = (n + (size_t(1) << e) - 1) >> e;        // 5..8
  *capacity = units << e;
  return (e - 5) * 4 + int(units) - 5;
}

uint64_t physicalMemory() {
  static const uint64_t bytes = uint64_t(std::max(1l, ::sysconf(_SC_PHYS_PAGES))) * uint64_t(std::max(1l, ::sysconf(_SC_PAGESIZE)));
  return bytes;
}

void giveBack(void* p, size_t capacity) {
  if (capacity >= kMapped) ::munmap(p, capacity);
  else std::free(p);
}

}  // namespace

Pool& Pool::arenas() {
  static auto* p = new Pool;
  return *p;
}
Pool& Pool::copies() {
  static auto* p = new Pool;
  return *p;
}

void* Pool::fresh(size_t capacity) {
  if (capacity < kMapped) return std::aligned_alloc(kAlign, capacity);
  if (capacity >= kChecked && capacity > availableMemory()) return nullptr;
  const bool huge = capacity >= 2 * kHuge;
  const size_t span = huge ? capacity + kHuge : capacity;
  char* p = static_cast<char*>(::mmap(nullptr, span, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (p == MAP_FAILED) return nullptr;
  if (huge) {
    char* aligned = reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(p) + kHuge - 1) & ~(uintptr_t(kHuge) - 1));
    if (aligned > p) ::munmap(p, size_t(aligned - p));
    if (p + span > aligned + capacity) ::munmap(aligned + capacity, size_t(p + span - (aligned + capacity)));
    p = aligned;
#ifdef MADV_HUGEPAGE
    ::madvise(p, capacity, MADV_HUGEPAGE);
#endif
  }
  return p;
}

Block Pool::acquire(size_t bytes) {
  if (bytes == 0) return {nothing, 0, 0};
  if (bytes > (size_t(1) << 55)) return {};
  size_t capacity;
  const int c = classOf(bytes, &capacity);
  const std::lock_guard guard(mutex_);
  void* p = nullptr;
  if (!free_[c].empty()) {
    p = free_[c].back();
    free_[c].pop_back();
    s_.pooled -= capacity;
    s_.reuses++;
  } else {
    p = fresh(capacity);
    if (!p) {
      drain();
      p = fresh(capacity);
    }
    if (!p) return {};
    s_.allocations++;
  }
  s_.inUse += bytes;
  s_.highWater = std::max(s_.highWater, s_.inUse);
  return {p, bytes, capacity};
}

void Pool::release(const Block& b) {
  if (b.capacity == 0) return;
  size_t capacity;
  const int c = classOf(b.bytes, &capacity);
  const std::lock_guard guard(mutex_);
  s_.inUse -= b.bytes;
  if (s_.pooled + capacity > physicalMemory() / kPooledShare) return giveBack(b.data, capacity);
  free_[c].push_back(b.data);
  s_.pooled += capacity;
}

void Pool::drain() {
  for (int i = 0; i < kClasses; i++) {
    const size_t capacity = size_t(5 + i % 4) << (5 + i / 4);
    for (void* p : free_[i]) giveBack(p, capacity);
    free_[i].clear();
  }
  s_.pooled = 0;
}

void Pool::trim() {
  const std::lock_guard guard(mutex_);
  drain();
}

void Pool::resetHighWater() {
  const std::lock_guard guard(mutex_);
  s_.highWater = s_.inUse;
}

PoolStatistics Pool::statistics() {
  const std::lock_guard guard(mutex_);
  return s_;
}

}  // namespace dace
