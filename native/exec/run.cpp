// One call of a kernel: the table it sees, its arena, its time.
#include "exec/run.h"

#include <cstring>
#include <vector>

#include "blas/gemm.h"
#include "clock.h"

namespace dace {
namespace {

// Buffers that a run makes larger as it goes.
struct Grown {
  Pool& pool;
  std::vector<Block> blocks;
  ~Grown() {
    for (const Block& b : blocks) pool.release(b);
  }
};

void* grow(void* grown, int32_t slot, int64_t bytes) {
  Grown& g = *static_cast<Grown*>(grown);
  if (size_t(slot) >= g.blocks.size()) g.blocks.resize(size_t(slot) + 1);
  Block& old = g.blocks[size_t(slot)];
  if (old.data && size_t(bytes) <= old.bytes) return old.data;
  const Block b = g.pool.acquire(size_t(bytes));
  if (!b.data) return nullptr;
  if (old.bytes > 0) std::memcpy(b.data, old.data, old.bytes);
  g.pool.release(old);
  old = b;
  return b.data;
}

}  // namespace

RunResult runKernel(const Kernel& kernel, void* const* args, const int64_t* symbols, size_t arenaBytes, int32_t threads, RunControl& control) {
  RunResult r;
  Pool& pool = Pool::arenas();
  const Block arena = pool.acquire(arenaBytes);
  if (!arena.data) {
    r.code = DACE_OOM, r.outOfMemory = true;
    return r;
  }
  Grown grown{pool, {}};
  int64_t error[4] = {0, 0, 0, 0};
  const dace_rt rt{DACE_ABI_VERSION, sizeof(dace_rt), threads, 0, control.cancel.word(), &control.progress, error, gemmF64, gemmF32, grow, &grown, nullptr};
  const int64_t start = nowNs();
  r.code = kernel.run(&rt, args, symbols, arena.data);
  r.ns = nowNs() - start;
  pool.release(arena);
  r.site = error[1], r.value = error[2], r.extent = error[3];
  if (r.code == DACE_OK)
    for (const Block& b : grown.blocks) r.extent += int64_t(b.bytes);
  return r;
}

}  // namespace dace
