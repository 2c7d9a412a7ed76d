// Copies to the host's memory and back, beside the work. Three edges keep the order: a copy begins when what was handed over before it is done, copies follow one another, and
// work that uses what they leave behind waits for their events.
#include "cuda/host_copies.h"

#include <cstdlib>

#include "memory/pool.h"

namespace dace::cuda {
namespace {
constexpr uint64_t kKept = 4;  // at most a quarter of what the machine could give stays pinned between runs

// What may be in use at once; the planner has checked that it is a number.
uint64_t most() {
  const char* v = std::getenv("DACE_AD_CUDA_HOST_LIMIT");
  return v && *v ? std::strtoull(v, nullptr, 10) : UINT64_MAX;
}
}

Result HostCopies::begin() {
  if (beside_) return kSuccess;
  if (!driver_.hasOverlap()) return beside_ = work_, kSuccess;
  constexpr unsigned kNonBlocking = 1, kNoTiming = 2;
  if (!handed_)
    if (const Result r = driver_.createEvent(&handed_, kNoTiming)) return handed_ = nullptr, r;
  Stream made = nullptr;
  if (const Result r = driver_.createStream(&made, kNonBlocking)) return r;
  beside_ = made;
  return kSuccess;
}

// Memory of the sizes of the last run comes from what was kept: pinning takes the system longer than copying does.
Result HostCopies::take(size_t bytes, Block* block, bool* room) {
  const uint64_t limit = most();
  if (inUse_ > limit || bytes > limit - inUse_) return *room = false, kOutOfMemory;
  if (const auto it = free_.find(bytes); it != free_.end()) {
    *block = it->second;
    free_.erase(it);
    pooled_ -= bytes;
  } else {
    // A system that overcommits would grant it, and then kill us.
    const auto fresh = [&] {
      *block = {nullptr, bytes, false};
      if (bytes > availableMemory()) return false;
      if (driver_.hostAllocate && driver_.hostFree && driver_.hostAllocate(&block->data, bytes, 0) == kSuccess) return block->pinned = true;
      // Copies to ordinary memory are slower, and right all the same.
      return (block->data = std::malloc(bytes)) != nullptr;
    };
    if (!fresh()) {
      if (const Result r = trim()) return r;
      if (!fresh()) return *room = false, kOutOfMemory;
    }
    grew_ = true;
  }
  inUse_ += bytes;
  if (inUse_ > highWater_) highWater_ = inUse_.load();
  return kSuccess;
}

// The lane of the address, one that nobody waits for, or a new one.
size_t HostCopies::laneOf(Slot* s, Address device) {
  size_t free = s->lanes.size();
  for (size_t k = 0; k < s->lanes.size(); k++) {
    if (s->lanes[k].copied && s->lanes[k].device == device) return k;
    if (!s->lanes[k].copied && free == s->lanes.size()) free = k;
  }
  if (free == s->lanes.size()) s->lanes.emplace_back();
  s->lanes[free].device = device;
  return free;
}

Result HostCopies::copy(size_t slot, Address device, size_t bytes, size_t at, bool out) {
  Slot& s = slots_[slot];
  const size_t number = beside_ == work_ ? 0 : laneOf(&s, device);
  if (beside_ != work_) {
    Event& done = s.lanes[number].done;
    if (!done)
      if (const Result r = driver_.createEvent(&done, 2)) return done = nullptr, r;
    if (const Result r = driver_.recordEvent(handed_, work_)) return r;
    if (const Result r = driver_.waitInStream(beside_, handed_, 0)) return r;
  }
  char* const host = static_cast<char*>(s.block.data) + at;
  if (const Result r = out ? driver_.download(host, device, bytes, beside_) : driver_.upload(device, host, bytes, beside_)) return r;
  (out ? out_ : in_) += bytes;
  if (beside_ == work_) return kSuccess;
  s.lanes[number].copied = true;
  s.last = number;
  return driver_.recordEvent(s.lanes[number].done, beside_);
}

Result HostCopies::out(size_t slot, Address from, size_t bytes, size_t at, size_t whole, bool* room) {
  *room = true;
  if (const Result r = begin()) return r;
  if (slot >= slots_.size()) slots_.resize(slot + 1);
  if (bytes == 0) return kSuccess;
  Block& block = slots_[slot].block;
  if (!block.data)
    if (const Result r = take(whole, &block, room)) return block = {}, r;
  if (at > block.bytes || bytes > block.bytes - at) return kInvalid;
  return copy(slot, from, bytes, at, true);
}

Result HostCopies::in(size_t slot, Address to, size_t bytes, size_t at) {
  if (bytes == 0) return kSuccess;
  if (slot >= slots_.size() || at > slots_[slot].block.bytes || bytes > slots_[slot].block.bytes - at) return kInvalid;
  return copy(slot, to, bytes, at, false);
}

Result HostCopies::settle(size_t slot) {
  if (slot >= slots_.size()) return kSuccess;
  const Slot& s = slots_[slot];
  return s.last < s.lanes.size() && s.lanes[s.last].copied ? driver_.waitInStream(work_, s.lanes[s.last].done, 0) : kSuccess;
}

Result HostCopies::settle(size_t slot, Address device) {
  if (slot >= slots_.size()) return kSuccess;
  for (const Lane& l : slots_[slot].lanes)
    if (l.copied && l.device == device) return driver_.waitInStream(work_, l.done, 0);
  return kSuccess;
}

Result HostCopies::end() {
  Result result = kSuccess;
  if (inUse_ == 0) return result;
  if (beside_ && beside_ != work_) result = driver_.wait(beside_);
  for (Slot& s : slots_) {
    for (Lane& l : s.lanes) l.copied = false;
    if (!s.block.data) continue;
    inUse_ -= s.block.bytes, pooled_ += s.block.bytes;
    free_.emplace(s.block.bytes, s.block);
    s.block = {};
  }
  if (grew_ && pooled_ > availableMemory() / kKept)
    if (const Result r = trim(); r != kSuccess && result == kSuccess) result = r;
  grew_ = false;
  return result;
}

Result HostCopies::trim() {
  Result first = kSuccess;
  for (const auto& [bytes, b] : free_) {
    if (!b.pinned) std::free(b.data);
    else if (const Result r = driver_.hostFree(b.data); r != kSuccess && first == kSuccess) first = r;
  }
  free_.clear();
  pooled_ = 0;
  return first;
}

void HostCopies::abandon() {
  for (const auto& [bytes, b] : free_)
    if (!b.pinned) std::free(b.data);
  free_.clear();
  slots_.clear();
  inUse_ = pooled_ = 0;
}

}  // namespace dace::cuda
