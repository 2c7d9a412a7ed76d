// The table `rt->gpu` over the driver. All work goes to one stream in order, so a block may be used again as soon as the work that used it has been handed over.
#include "cuda/run.h"

#include "blas/gemm.h"

namespace dace::cuda {
namespace {

struct Call {
  const Place& place;
  const Program& program;
  RunResult& result;
  std::vector<DeviceBlock> blocks;  // arguments, arena, error words
  std::vector<DeviceBlock> grown;   // by slot
  int32_t failed = DACE_OK;         // status of the driver's first failure

  // The status to return at once; 0: all is well.
  int32_t check(Result r, const char* what) {
    if (r == kSuccess) return DACE_OK;
    const int32_t code = r == kOutOfMemory ? DACE_OOM : DACE_INTERNAL;
    if (failed == DACE_OK) failed = code, result.failure = std::string(what) + ": " + place.driver.describe(r);
    return code;
  }
  int32_t take(size_t bytes) {
    DeviceBlock b;
    const int32_t code = check(place.pool.acquire(bytes, &b), "device memory");
    if (code == DACE_OK) blocks.push_back(b);
    return code;
  }
  int32_t wait(const char* what) { return check(place.driver.wait(place.stream), what); }
};

Call& of(void* state) { return *static_cast<Call*>(state); }
Address address(const void* p) { return Address(reinterpret_cast<uintptr_t>(p)); }
void* pointer(Address a) { return reinterpret_cast<void*>(uintptr_t(a)); }

int32_t launch(void* state, int32_t kernel, uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz, uint32_t shared, void** params) {
  Call& c = of(state);
  if (kernel < 0 || size_t(kernel) >= c.program.kernels.size()) return DACE_INTERNAL;
  const int32_t code = c.check(c.place.driver.launch(c.program.kernels[size_t(kernel)], gx, gy, gz, bx, by, bz, shared, c.place.stream, params, nullptr), "launch");
  if (code != DACE_OK && c.result.kernel < 0) c.result.kernel = kernel;
  return code;
}
// The driver refuses lengths of zero in places; nothing to do is no mistake.
int32_t copy(void* state, void* to, const void* from, int64_t bytes) {
  Call& c = of(state);
  return bytes == 0 ? int32_t(DACE_OK) : c.check(c.place.driver.copy(address(to), address(from), size_t(bytes), c.place.stream), "copy on the device");
}
int32_t zero(void* state, void* to, int64_t bytes) {
  Call& c = of(state);
  return bytes == 0 ? int32_t(DACE_OK) : c.check(c.place.driver.fill(address(to), 0, size_t(bytes), c.place.stream), "clearing device memory");
}
int32_t read(void* state, void* host, const void* device, int64_t bytes) {
  Call& c = of(state);
  if (bytes > 0)
    if (const int32_t code = c.check(c.place.driver.download(host, address(device), size_t(bytes), c.place.stream), "copy to the host")) return code;
  return c.wait("waiting for the device");
}
// Waits: the driver does not promise that it has read ordinary memory when the call returns.
int32_t write(void* state, void* device, const void* host, int64_t bytes) {
  Call& c = of(state);
  if (bytes == 0) return DACE_OK;
  if (const int32_t code = c.check(c.place.driver.upload(address(device), host, size_t(bytes), c.place.stream), "copy to the device")) return code;
  return c.wait("waiting for the device");
}
// No library: the program has a kernel of its own.
int32_t gemm(void*, int32_t, int32_t, int32_t, int64_t, int64_t, int64_t, const void*, const void*, int64_t, const void*, int64_t, const void*, void*, int64_t) { return -1; }
// Nothing is recorded: the work is done now, each time.
int32_t sectionBegin(void*, int32_t, const int64_t*, int32_t) { return 1; }
int32_t sectionEnd(void*, int32_t) { return DACE_OK; }

void* grow(void* state, int32_t slot, int64_t bytes) {
  Call& c = of(state);
  if (size_t(slot) >= c.grown.size()) c.grown.resize(size_t(slot) + 1);
  DeviceBlock& old = c.grown[size_t(slot)];
  if (old.capacity > 0 && size_t(bytes) <= old.bytes) return pointer(old.address);
  DeviceBlock b;
  if (c.check(c.place.pool.acquire(size_t(bytes), &b), "device memory")) return nullptr;
  if (copy(state, pointer(b.address), pointer(old.address), int64_t(old.bytes))) return c.place.pool.release(b), nullptr;
  c.check(c.place.pool.release(old), "device memory");
  old = b;
  return pointer(b.address);
}

int32_t runOn(Call& c, const std::vector<Argument>& args, const int64_t* symbols, size_t arenaBytes, const int32_t* cancel, int64_t* progress) {
  const Driver& d = c.place.driver;
  std::vector<void*> addresses;
  for (const Argument& a : args) {
    if (const int32_t code = c.take(a.bytes)) return code;
    addresses.push_back(pointer(c.blocks.back().address));
    if (a.bytes > 0)
      if (const int32_t code = c.check(d.upload(c.blocks.back().address, a.host, a.bytes, c.place.stream), "copy to the device")) return code;
  }
  if (const int32_t code = c.take(arenaBytes)) return code;
  void* const arena = pointer(c.blocks.back().address);
  int64_t words[4] = {0, 0, 0, 0};
  if (const int32_t code = c.take(sizeof words)) return code;
  int64_t* const deviceWords = static_cast<int64_t*>(pointer(c.blocks.back().address));
  if (const int32_t code = zero(&c, deviceWords, sizeof words)) return code;

  const DeviceInfo& i = c.place.info;
  const dace_gpu gpu{&c, launch, copy, zero, read, write, gemm, sectionBegin, sectionEnd, deviceWords, i.multiprocessors, i.maxThreads, i.warp, i.sharedPerBlock};
  const dace_rt rt{DACE_ABI_VERSION, sizeof(dace_rt), 1, 0, cancel, progress, words, gemmF64, gemmF32, grow, &c, &gpu};
  int32_t code = c.program.run(&rt, addresses.data(), symbols, arena);
  if (code == DACE_OK) {
    if (const int32_t failed = read(&c, words, deviceWords, sizeof words)) return failed;
    code = int32_t(words[0]);
  }
  c.result.site = words[1], c.result.value = words[2], c.result.extent = words[3];
  if (code != DACE_OK) return code;
  for (size_t k = 0; k < args.size(); k++)
    if (args[k].written && args[k].bytes > 0)
      if (const int32_t failed = c.check(d.download(args[k].host, c.blocks[k].address, args[k].bytes, c.place.stream), "copy to the host")) return failed;
  return DACE_OK;
}

}  // namespace

RunResult run(const Place& place, const Program& program, const std::vector<Argument>& args, const int64_t* symbols, size_t arenaBytes, const int32_t* cancel, int64_t* progress) {
  RunResult result;
  Call c{place, program, result, {}, {}, DACE_OK};
  result.code = c.check(place.driver.pushContext(place.context), "the device's context");
  if (result.code != DACE_OK) return result;
  result.code = runOn(c, args, symbols, arenaBytes, cancel, progress);
  // Also after a failure: copies that are still under way read and write the caller's arrays.
  c.wait("waiting for the device");
  // Host code sees a buffer that cannot grow as out of memory, whatever the reason; and what a device that failed says of mistakes counts for nothing.
  if (c.failed != DACE_OK) result.code = c.failed;
  for (const auto* list : {&c.blocks, &c.grown})
    for (const DeviceBlock& b : *list) place.pool.release(b);
  Context popped;
  place.driver.popContext(&popped);
  return result;
}

}  // namespace dace::cuda
