// The flag that stops a run. Set from any thread; processors look at it where it is, a device at a copy in memory that it can read.
#pragma once
#include <cstdint>
#include <mutex>

namespace dace {

class CancelFlag {
 public:
  void set() {
    const std::lock_guard guard(mutex_);
    __atomic_store_n(&flag_, 1, __ATOMIC_RELAXED);
    if (copy_) __atomic_store_n(copy_, 1, __ATOMIC_RELEASE);
  }
  bool isSet() const { return __atomic_load_n(&flag_, __ATOMIC_RELAXED) != 0; }
  const int32_t* word() const { return &flag_; }
  // From now on this word says the same; nullptr: no more, and it is not touched once this returns.
  void copyTo(int32_t* word) {
    const std::lock_guard guard(mutex_);
    copy_ = word;
    if (word) __atomic_store_n(word, flag_, __ATOMIC_RELEASE);
  }

 private:
  std::mutex mutex_;
  int32_t flag_ = 0;
  int32_t* copy_ = nullptr;
};

}  // namespace dace
