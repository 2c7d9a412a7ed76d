// Copies between ordinary memory of the host and the device, through pinned memory in pieces: the driver copies one while the processor fills the next.
#pragma once
#include "cuda/driver.h"

namespace dace::cuda {

class Staging {
 public:
  // With the context current. Where pinned memory cannot be had, copies are made without it.
  Staging(const Driver& driver, Stream stream);
  // With the context current.
  void close();

  // The host's bytes may be changed at return.
  Result upload(Address to, const void* from, size_t bytes);
  // The host's bytes are there at return.
  Result download(void* to, Address from, size_t bytes);
  bool pinned() const { return slots_[0].data != nullptr; }

 private:
  static constexpr size_t kSlots = 4, kBytes = size_t(2) << 20;
  struct Slot {
    unsigned char* data = nullptr;
    Event event = nullptr;
    bool busy = false;
  };
  Result idle(Slot& s);
  Result mark(Slot& s);
  const Driver& driver_;
  const Stream stream_;
  Slot slots_[kSlots];
  size_t next_ = 0;
};

}  // namespace dace::cuda
