// The device pool on the fake driver: prints the checks that do not hold. Argument: the driver's library.
#include <dlfcn.h>

#include <cstdio>
#include <random>

#include "memory/device_pool.h"

using namespace dace::cuda;

static int failures = 0;
#define CHECK(x) ((x) ? void() : (failures++, void(std::printf("line %d: %s\n", __LINE__, #x))))

int main(int, char** argv) {
  std::string why;
  const Driver* const opened = openDriver(argv[1], &why);
  if (!opened) return std::printf("%s\n", why.c_str()), 2;
  const Driver& d = *opened;
  CHECK(openDriver(argv[1], &why) == opened);
  void* const library = dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD);
  auto hook = [&](const char* name) { return static_cast<int*>(dlsym(library, name)); };
  auto& limit = *static_cast<size_t*>(dlsym(library, "fake_limit"));
  int &failAt = *hook("fake_fail_at"), &lost = *hook("fake_lost"), &bad = *hook("fake_bad_frees"), &wrong = *hook("fake_wrong_context"), &allocations = *hook("fake_allocations");
  const auto used = reinterpret_cast<size_t (*)()>(dlsym(library, "fake_used"));
  const auto depth = reinterpret_cast<int (*)()>(dlsym(library, "fake_depth"));
  Context context;
  CHECK(d.retainContext(&context, 0) == kSuccess);
  DeviceBlock a, b;

  {  // counted to the byte; a block of the same class comes back
    DevicePool p(d, context, size_t(1) << 30);
    CHECK(p.acquire(0, &a) == kSuccess && a.address == 0 && p.release(a) == kSuccess);
    for (const size_t bytes : {size_t(1), size_t(511), size_t(513), size_t(4097), size_t(1000003), (size_t(1) << 20) + 1, size_t(70000001)}) {
      CHECK(p.acquire(bytes, &a) == kSuccess && a.bytes == bytes && a.capacity >= bytes && a.capacity <= (bytes < 512 ? 512 : bytes + bytes / 4));
      CHECK(p.statistics().inUse == bytes && p.statistics().blocks == 1);
      CHECK(p.release(a) == kSuccess);
      const Address before = a.address;
      CHECK(p.acquire(bytes, &a) == kSuccess && a.address == before && p.release(a) == kSuccess);
    }
    CHECK(p.statistics().highWater == 70000001 && p.statistics().inUse == 0 && p.statistics().pooled == used());
    CHECK(p.trim() == kSuccess && used() == 0 && p.statistics().pooled == 0);
    CHECK(p.acquire((size_t(1) << 55) + 1, &a) == kOutOfMemory && a.address == 0);
  }
  {  // the cap
    DevicePool p(d, context, 4096);
    CHECK(p.acquire(4096, &a) == kSuccess && p.acquire(4096, &b) == kSuccess);
    CHECK(p.release(a) == kSuccess && p.release(b) == kSuccess);
    CHECK(p.statistics().pooled == 4096 && used() == 4096);
  }
  CHECK(used() == 0);  // by the destructor
  {  // out of memory: what is cached goes, then once more; then a failure that changes nothing
    DevicePool p(d, context, size_t(1) << 30);
    limit = 10000;
    CHECK(p.acquire(8192, &a) == kSuccess && p.release(a) == kSuccess && used() == 8192);
    CHECK(p.acquire(5000, &a) == kSuccess && p.statistics().retries == 1 && used() == a.capacity);
    const DevicePoolStatistics before = p.statistics();
    CHECK(p.acquire(8192, &b) == kOutOfMemory && b.address == 0 && b.capacity == 0);
    CHECK(p.statistics().inUse == before.inUse && p.statistics().blocks == 1 && p.statistics().allocations == before.allocations);
    limit = ~size_t(0);
    CHECK(p.acquire(8192, &b) == kSuccess && p.release(a) == kSuccess && p.release(b) == kSuccess);
  }
  for (int n = 1; n <= 8; n++) {  // the n-th allocation fails once: the retry serves it
    DevicePool p(d, context, size_t(1) << 30);
    failAt = n;
    std::vector<DeviceBlock> blocks(8);
    for (size_t k = 0; k < blocks.size(); k++) CHECK(p.acquire(1000 << k, &blocks[k]) == kSuccess);
    CHECK(failAt == 0 && p.statistics().retries == 1 && p.statistics().blocks == 8);
    for (const DeviceBlock& block : blocks) CHECK(p.release(block) == kSuccess);
    CHECK(p.statistics().inUse == 0);
  }
  {  // a lost device is reported as what it is, without a retry
    DevicePool p(d, context, size_t(1) << 30);
    CHECK(p.acquire(1000, &a) == kSuccess && p.acquire(3000, &b) == kSuccess && p.release(b) == kSuccess);
    lost = 700;
    CHECK(p.acquire(100000, &b) == 700 && p.statistics().retries == 0 && b.address == 0);
    CHECK(p.release(a) == kSuccess && p.trim() == 700 && p.statistics().pooled == 0 && p.statistics().blocks == 0);
    lost = 0;
  }
  const size_t stranded = used();  // what the lost device kept
  CHECK(wrong == 0);
  {  // a context that is none: refused before anything is allocated
    int none;
    DevicePool p(d, &none, 4096);
    CHECK(p.acquire(100, &a) == 201 && a.address == 0 && p.statistics().blocks == 0 && wrong == 1);
  }
  {  // ten thousand runs: nothing grows, and no two blocks in use are the same
    DevicePool p(d, context, size_t(1) << 30);
    std::mt19937 random(7);
    uint64_t pooled = 0;
    int taken = 0;
    for (int run = 0; run < 10000; run++) {
      const size_t sizes[] = {1024, 77777, 5, 1024};
      DeviceBlock mine[4];
      for (int k = 0; k < 4; k++) CHECK(p.acquire(sizes[k], &mine[k]) == kSuccess);
      CHECK(mine[0].address != mine[3].address);
      const unsigned first = random() % 4;
      for (unsigned k = 0; k < 4; k++) CHECK(p.release(mine[(first + k) % 4]) == kSuccess);
      if (run == 0) pooled = p.statistics().pooled, taken = allocations;
    }
    CHECK(p.statistics().pooled == pooled && allocations == taken && p.statistics().inUse == 0 && p.statistics().blocks == 0);
  }
  CHECK(used() == stranded && bad == 0 && depth() == 0);
  if (failures == 0) std::printf("all hold\n");
  return failures ? 1 : 0;
}
