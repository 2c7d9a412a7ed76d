// The kernel cache on disk: entries that verify themselves, one builder per key, least recently used ones go first.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jit/process.h"

namespace dace {

enum class CacheMode { on, readonly, off };

// Folder of kernels in `cacheDir` ("": the per-user default). "" if there is no home to put it in.
std::string kernelDirectory(const std::string& cacheDir);
std::string defaultCacheDir();
// Name and version of the C library that kernels are linked against.
std::string libcIdentity();

struct CacheEntry {
  std::string key;
  uint64_t bytes;
  double usedMs;
};

class KernelCache {
 public:
  KernelCache(const std::string& cacheDir, CacheMode mode);
  // Why it cannot be used, or "".
  const std::string& trouble() const { return trouble_; }
  bool readable() const { return mode_ != CacheMode::off && trouble_.empty(); }
  bool writable() const { return mode_ == CacheMode::on && trouble_.empty(); }

  struct Found {
    std::string path;
    uint64_t bytes;
  };
  // An entry whose contents are what was written. A damaged one is removed.
  std::optional<Found> lookup(const std::string& key) const;
  // The same, for what is not loaded from its file.
  std::optional<std::string> contents(const std::string& key) const;
  // Puts an artefact in. Nothing if that failed: the caller goes on without.
  std::optional<Found> publish(const std::string& key, std::string_view artefact) const;
  void discard(const std::string& key) const;
  std::vector<CacheEntry> entries() const;
  // Removes entries, oldest use first, until at most `bytes` are left; returns how many went.
  size_t limit(uint64_t bytes) const;

  // Held by the process that builds `key`; others wait.
  class Lock {
   public:
    Lock(const KernelCache& cache, const std::string& key, int timeoutMs, const AbortFlag* abort);
    ~Lock();
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    std::string path_;
    int fd_ = -1;
  };

 private:
  std::string path(const std::string& key) const { return dir_ + "/" + key + ".so"; }
  std::string dir_, trouble_;
  CacheMode mode_;
};

}  // namespace dace
