// Copies through pinned memory.
#include "cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace dace::cuda {

Staging::Staging(const Driver& driver, Stream stream) : driver_(driver), stream_(stream) {
  if (!driver.hasPinned()) return;
  for (Slot& s : slots_) {
    void* data = nullptr;
    constexpr unsigned kNoTiming = 2;
    if (driver.hostAllocate(&data, kBytes, 0) != kSuccess) break;
    s.data = static_cast<unsigned char*>(data);
    if (driver.createEvent(&s.event, kNoTiming) != kSuccess) {
      close();
      return;
    }
  }
  if (!slots_[kSlots - 1].data) close();
}

void Staging::close() {
  for (Slot& s : slots_) {
    if (s.event) driver_.destroyEvent(s.event);
    if (s.data) driver_.hostFree(s.data);
    s = {};
  }
}

Result Staging::idle(Slot& s) {
  if (!s.busy) return kSuccess;
  s.busy = false;
  return driver_.waitEvent(s.event);
}

Result Staging::mark(Slot& s) {
  s.busy = true;
  return driver_.recordEvent(s.event, stream_);
}

Result Staging::upload(Address to, const void* from, size_t bytes) {
  if (bytes == 0) return kSuccess;
  if (!pinned()) {
    // The driver does not promise that it has read ordinary memory when the call returns.
    const Result r = driver_.upload(to, from, bytes, stream_);
    return r != kSuccess ? r : driver_.wait(stream_);
  }
  for (size_t at = 0; at < bytes;) {
    Slot& s = slots_[next_++ % kSlots];
    const size_t n = std::min(bytes - at, kBytes);
    if (const Result r = idle(s)) return r;
    std::memcpy(s.data, static_cast<const unsigned char*>(from) + at, n);
    if (const Result r = driver_.upload(to + at, s.data, n, stream_)) return r;
    if (const Result r = mark(s)) return r;
    at += n;
  }
  return kSuccess;
}

Result Staging::download(void* to, Address from, size_t bytes) {
  if (bytes == 0) return kSuccess;
  if (!pinned()) {
    const Result r = driver_.download(to, from, bytes, stream_);
    return r != kSuccess ? r : driver_.wait(stream_);
  }
  // Pieces are asked for ahead, as many as there are slots.
  const size_t pieces = (bytes + kBytes - 1) / kBytes, first = next_;
  const auto length = [&](size_t k) { return std::min(bytes - k * kBytes, kBytes); };
  size_t asked = 0;
  for (size_t k = 0; k < pieces; k++) {
    for (; asked < pieces && asked < k + kSlots; asked++) {
      Slot& s = slots_[(first + asked) % kSlots];
      if (const Result r = idle(s)) return r;
      if (const Result r = driver_.download(s.data, from + asked * kBytes, length(asked), stream_)) return r;
      if (const Result r = mark(s)) return r;
    }
    Slot& s = slots_[(first + k) % kSlots];
    if (const Result r = idle(s)) return r;
    std::memcpy(static_cast<unsigned char*>(to) + k * kBytes, s.data, length(k));
  }
  next_ = first + pieces;
  return kSuccess;
}

}  // namespace dace::cuda
