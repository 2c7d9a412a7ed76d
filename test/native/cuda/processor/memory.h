// Device memory made of the host's, watched: guards around every block, NaNs in what was never written, a quarantine for what was given back.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace processor {

using Address = unsigned long long;
enum : int { kOk = 0, kInvalid = 1, kNoMemory = 2, kBadContext = 201, kCapture = 900, kIllegalAddress = 700, kLaunchFailed = 719, kNotSupported = 801 };

// Said on standard error: a test that sees only a status would not know why.
inline void say(const std::string& what) {
  if (std::getenv("PROCESSOR_QUIET") == nullptr) std::fprintf(stderr, "processor: %s\n", what.c_str());
}

class Memory {
 public:
  static constexpr size_t kGuard = 256;
  uint64_t mistakes = 0;

  uint64_t used() const { return used_; }
  size_t blocks() const { return live_.size(); }
  Address take(size_t bytes) {
    unsigned char* const raw = static_cast<unsigned char*>(std::aligned_alloc(256, rounded(bytes)));
    if (!raw) return 0;
    std::memset(raw, kMark, kGuard);
    std::memset(raw + kGuard, 0xff, bytes);
    std::memset(raw + kGuard + bytes, kMark, rounded(bytes) - kGuard - bytes);
    const Address a = Address(reinterpret_cast<uintptr_t>(raw + kGuard));
    live_[a] = bytes, used_ += bytes;
    return a;
  }
  bool has(Address a) const { return live_.count(a) != 0; }
  size_t size(Address a) const { return live_.at(a); }
  // Is all of it inside one block?
  bool inside(Address a, size_t n) const {
    auto it = live_.upper_bound(a);
    if (it == live_.begin()) return false;
    --it;
    return a - it->first <= it->second && n <= it->second - (a - it->first);
  }
  // False: it is no block, or somebody wrote beyond it.
  bool give(Address a) {
    const auto it = live_.find(a);
    if (it == live_.end()) return mistake("an address is freed that is no block, or was freed before"), false;
    const bool whole = intact(a, it->second);
    std::memset(at(a), kDead, it->second);
    dead_.push_back({a, it->second}), deadBytes_ += it->second;
    used_ -= it->second;
    live_.erase(it);
    bool right = whole;
    while (dead_.size() > 64 || deadBytes_ > (size_t(4) << 20)) right = bury() && right;
    return right;
  }
  // All guards, and all that is freed and not yet forgotten.
  bool check() {
    bool right = true;
    for (const auto& [a, n] : live_) right = intact(a, n) && right;
    for (const auto& [a, n] : dead_) right = untouched(a, n) && right;
    return right;
  }
  void clear() {
    for (const auto& [a, n] : live_) std::free(static_cast<unsigned char*>(at(a)) - kGuard);
    live_.clear(), used_ = 0;
    while (!dead_.empty()) bury();
  }
  static void* at(Address a) { return reinterpret_cast<void*>(uintptr_t(a)); }

 private:
  static constexpr unsigned char kMark = 0x5a, kDead = 0xfb;
  static size_t rounded(size_t bytes) { return (bytes + 2 * kGuard + 255) / 256 * 256; }
  void mistake(const std::string& what) { mistakes++, say(what); }
  bool intact(Address a, size_t bytes) {
    const auto* raw = static_cast<unsigned char*>(at(a)) - kGuard;
    for (size_t k = 0; k < kGuard; k++)
      if (raw[k] != kMark) return mistake("something was written before a block of " + std::to_string(bytes) + " bytes"), false;
    for (size_t k = kGuard + bytes; k < rounded(bytes); k++)
      if (raw[k] != kMark) return mistake("something was written behind a block of " + std::to_string(bytes) + " bytes"), false;
    return true;
  }
  bool untouched(Address a, size_t bytes) {
    const auto* p = static_cast<unsigned char*>(at(a));
    for (size_t k = 0; k < bytes; k++)
      if (p[k] != kDead) return mistake("something was written into a block of " + std::to_string(bytes) + " bytes after it was freed"), false;
    return true;
  }
  bool bury() {
    const auto [a, n] = dead_.front();
    dead_.pop_front(), deadBytes_ -= n;
    const bool right = untouched(a, n);
    std::free(static_cast<unsigned char*>(at(a)) - kGuard);
    return right;
  }
  std::map<Address, size_t> live_;
  std::deque<std::pair<Address, size_t>> dead_;
  uint64_t used_ = 0;
  size_t deadBytes_ = 0;
};

}  // namespace processor
