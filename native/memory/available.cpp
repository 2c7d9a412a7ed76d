// Bytes that the machine and its control group could still give.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "memory/pool.h"

namespace dace {
namespace {

// A number in a file of one number; "max" and absent files give `none`.
uint64_t number(const char* path, uint64_t none) {
  unsigned long long v = 0;
  FILE* f = std::fopen(path, "re");
  if (!f) return none;
  const bool ok = std::fscanf(f, "%llu", &v) == 1;
  std::fclose(f);
  return ok ? v : none;
}

// The value after `key` in lines of "key value".
uint64_t field(const char* path, const char* key, uint64_t none) {
  FILE* f = std::fopen(path, "re");
  if (!f) return none;
  char line[256];
  uint64_t out = none;
  while (std::fgets(line, sizeof line, f)) {
    unsigned long long v;
    if (std::strncmp(line, key, std::strlen(key)) == 0 && std::sscanf(line + std::strlen(key), "%llu", &v) == 1) { out = v; break; }
  }
  std::fclose(f);
  return out;
}

uint64_t under(uint64_t limit, uint64_t used, uint64_t reclaimable) {
  if (limit == UINT64_MAX) return limit;
  used -= std::min(used, reclaimable);
  return limit > used ? limit - used : 0;
}

}  // namespace

uint64_t availableMemory() {
  uint64_t bytes = UINT64_MAX;
  const uint64_t kib = field("/proc/meminfo", "MemAvailable:", UINT64_MAX);
  if (kib != UINT64_MAX) bytes = (kib + field("/proc/meminfo", "SwapFree:", 0)) * 1024;
  else bytes = uint64_t(std::max(1l, ::sysconf(_SC_PHYS_PAGES))) * uint64_t(std::max(1l, ::sysconf(_SC_PAGESIZE)));
  // Control groups, version 2 and version 1, as they look from inside a container.
  bytes = std::min(bytes, under(number("/sys/fs/cgroup/memory.max", UINT64_MAX), number("/sys/fs/cgroup/memory.current", 0), field("/sys/fs/cgroup/memory.stat", "inactive_file ", 0)));
  bytes = std::min(bytes, under(number("/sys/fs/cgroup/memory/memory.limit_in_bytes", UINT64_MAX), number("/sys/fs/cgroup/memory/memory.usage_in_bytes", 0), field("/sys/fs/cgroup/memory/memory.stat", "total_inactive_file ", 0)));
  return bytes;
}

}  // namespace dace
