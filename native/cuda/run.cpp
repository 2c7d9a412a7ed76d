// The table `rt->gpu` over the driver. All work goes to one stream in order, so a block may be used again as soon as the work that used it has been handed over.
#include "cuda/run.h"

#include <algorithm>

#include "blas/gemm.h"
#include "clock.h"
#include "cuda/graphs.h"
#include "cuda/host_copies.h"
#include "cuda/linear.h"
#include "cuda/staging.h"

namespace dace::cuda {
namespace {

struct Call {
  const Place& place;
  const Program& program;
  const Helpers& helpers;
  const int64_t* symbols;
  RunResult& result;
  std::vector<DeviceBlock> blocks;  // arguments, arena, error words
  std::vector<DeviceBlock> grown;   // by slot
  int32_t failed = DACE_OK;         // status of the driver's first failure
  std::vector<uint64_t> addresses;  // of arguments, arena and error words: what graphs have in them
  Linear* linear = nullptr;

  // The status to return at once; 0: all is well.
  int32_t check(Result r, const char* what) {
    if (r == kSuccess) return DACE_OK;
    const int32_t code = r == kOutOfMemory ? DACE_OOM : DACE_INTERNAL;
    if (failed == DACE_OK) failed = code, result.failure = std::string(what) + ": " + place.driver.describe(r), result.driver = r;
    return code;
  }
  // Somebody beside the driver failed.
  int32_t refuse(const std::string& what) {
    if (failed == DACE_OK) failed = DACE_INTERNAL, result.failure = what;
    return DACE_INTERNAL;
  }
  int32_t acquire(size_t bytes, DeviceBlock* b) {
    const Result r = place.pool.acquire(bytes, b);
    if (r != kOutOfMemory) return check(r, "device memory");
    const DevicePoolStatistics s = place.pool.statistics();
    size_t free = 0, all = place.info.memory;
    const bool asked = place.driver.memoryInfo && place.driver.memoryInfo(&free, &all) == kSuccess;
    return check(r, ("no device memory for " + std::to_string(bytes) + " bytes (in use by programs and arrays: " + std::to_string(s.inUse) + ", kept for later: " + std::to_string(s.pooled) +
                     (asked ? ", free: " + std::to_string(free) : "") + ", of the device: " + std::to_string(all) + ")").c_str());
  }
  int32_t take(size_t bytes) {
    DeviceBlock b;
    const int32_t code = acquire(bytes, &b);
    if (code == DACE_OK) blocks.push_back(b);
    return code;
  }
  int32_t upload(Address to, const void* from, size_t bytes) {
    if (bytes == 0) return DACE_OK;
    if (helpers.staging) return check(helpers.staging->upload(to, from, bytes), "copy to the device");
    return check(place.driver.upload(to, from, bytes, place.stream), "copy to the device");
  }
  int32_t download(void* to, Address from, size_t bytes) {
    if (bytes == 0) return DACE_OK;
    if (helpers.staging) return check(helpers.staging->download(to, from, bytes), "copy to the host");
    return check(place.driver.download(to, from, bytes, place.stream), "copy to the host");
  }
  bool recording() const { return helpers.graphs && helpers.graphs->recording(); }
  int32_t wait(const char* what) { return check(place.driver.wait(place.stream), what); }
};

Call& of(void* state) { return *static_cast<Call*>(state); }
Address address(const void* p) { return Address(reinterpret_cast<uintptr_t>(p)); }
void* pointer(Address a) { return reinterpret_cast<void*>(uintptr_t(a)); }

int32_t launch(void* state, int32_t kernel, uint32_t gx, uint32_t gy, uint32_t gz, uint32_t bx, uint32_t by, uint32_t bz, uint32_t shared, void** params) {
  Call& c = of(state);
  if (kernel < 0 || size_t(kernel) >= c.program.kernels.size()) return DACE_INTERNAL;
  int32_t code = c.check(c.place.driver.launch(c.program.kernels[size_t(kernel)], gx, gy, gz, bx, by, bz, shared, c.place.stream, params, nullptr), "launch");
  if (code == DACE_OK && c.helpers.waitForEach) code = c.wait("a kernel");
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
    if (const int32_t code = c.download(host, address(device), size_t(bytes))) return code;
  return c.wait("waiting for the device");
}
// Without staging it waits: the driver does not promise that it has read ordinary memory when the call returns.
int32_t write(void* state, void* device, const void* host, int64_t bytes) {
  Call& c = of(state);
  if (bytes == 0) return DACE_OK;
  if (const int32_t code = c.upload(address(device), host, size_t(bytes))) return code;
  return c.helpers.staging ? int32_t(DACE_OK) : c.wait("waiting for the device");
}
int32_t gemm(void* state, int32_t type, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int64_t lda, const void* b, int64_t ldb, const void* beta, void* to, int64_t ldc) {
  return of(state).linear->gemm({type, ta, tb, m, n, k, alpha, a, b, beta, to, lda, ldb, ldc}, false);
}
int32_t sectionBegin(void* state, int32_t section, const int64_t* extra, int32_t count) {
  Call& c = of(state);
  if (!c.helpers.graphs || c.helpers.waitForEach) return 1;
  SectionKey key{section, {c.symbols, c.symbols + c.helpers.symbols}, c.addresses};
  for (int32_t k = 0; k < count; k++) key.words.push_back(extra[k]);
  Graphs::Step step;
  if (const int32_t code = c.check(c.helpers.graphs->begin(std::move(key), c.place.stream, c.place.pool, &step), "a section")) return code;
  return step == Graphs::Step::launched ? 0 : 1;
}
int32_t offloadRows(void* state, int32_t slot, const void* device, int64_t bytes, int64_t at, int64_t whole) {
  Call& c = of(state);
  if (!c.helpers.host || slot < 0 || bytes < 0 || at < 0 || whole < 0 || c.recording()) return DACE_INTERNAL;
  bool room = true;
  const Result r = c.helpers.host->out(size_t(slot), address(device), size_t(bytes), size_t(at), size_t(whole), &room);
  return c.check(r, room ? "copy to the host" : ("no memory on the host for " + std::to_string(whole) + " bytes that leave the device").c_str());
}
int32_t offload(void* state, int32_t slot, const void* device, int64_t bytes) { return offloadRows(state, slot, device, bytes, 0, bytes); }
int32_t fetchRows(void* state, int32_t slot, void* device, int64_t bytes, int64_t at) {
  Call& c = of(state);
  if (!c.helpers.host || slot < 0 || bytes < 0 || at < 0 || c.recording()) return DACE_INTERNAL;
  return c.check(c.helpers.host->in(size_t(slot), address(device), size_t(bytes), size_t(at)), "copy back to the device");
}
int32_t fetch(void* state, int32_t slot, void* device, int64_t bytes) { return fetchRows(state, slot, device, bytes, 0); }
int32_t settle(void* state, int32_t slot) {
  Call& c = of(state);
  if (!c.helpers.host || slot < 0 || c.recording()) return DACE_INTERNAL;
  return c.check(c.helpers.host->settle(size_t(slot)), "waiting for a copy");
}
int32_t settleRows(void* state, int32_t slot, const void* device) {
  Call& c = of(state);
  if (!c.helpers.host || slot < 0 || c.recording()) return DACE_INTERNAL;
  return c.check(c.helpers.host->settle(size_t(slot), address(device)), "waiting for a copy");
}
int32_t sectionEnd(void* state, int32_t) {
  Call& c = of(state);
  return c.recording() ? c.check(c.helpers.graphs->end(c.place.stream), "a section's graph") : int32_t(DACE_OK);
}

void* grow(void* state, int32_t slot, int64_t bytes) {
  Call& c = of(state);
  if (size_t(slot) >= c.grown.size()) c.grown.resize(size_t(slot) + 1);
  DeviceBlock& old = c.grown[size_t(slot)];
  if (old.capacity > 0 && size_t(bytes) <= old.bytes) return pointer(old.address);
  DeviceBlock b;
  // The pool is held while a section is recorded, and the recording would contain the copy.
  if (c.recording()) return nullptr;
  if (c.acquire(size_t(bytes), &b)) return nullptr;
  if (copy(state, pointer(b.address), pointer(old.address), int64_t(old.bytes))) return c.place.pool.release(b), nullptr;
  c.check(c.place.pool.release(old), "device memory");
  old = b;
  return pointer(b.address);
}

// Blocks for the arguments, one for host ranges that overlap, with what is in them.
int32_t place(Call& c, const std::vector<Argument>& args, std::vector<void*>* addresses) {
  const auto begin = [](const Argument& a) { return reinterpret_cast<uintptr_t>(a.host); };
  std::vector<size_t> order;
  for (size_t k = 0; k < args.size(); k++)
    if (args[k].device == 0 && args[k].bytes > 0) order.push_back(k);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return begin(args[a]) != begin(args[b]) ? begin(args[a]) < begin(args[b]) : a < b; });
  addresses->assign(args.size(), nullptr);
  for (size_t k = 0; k < args.size(); k++) (*addresses)[k] = pointer(args[k].device);
  struct Group {
    uintptr_t begin, end;
    std::vector<size_t> members;
  };
  std::vector<Group> groups;
  for (const size_t k : order) {
    const uintptr_t from = begin(args[k]), to = from + args[k].bytes;
    if (groups.empty() || from >= groups.back().end) groups.push_back({from, to, {}});
    groups.back().end = std::max(groups.back().end, to);
    groups.back().members.push_back(k);
  }
  // In the order of arguments, not of where the host has them this time: the same call gets the same addresses.
  for (Group& g : groups) std::sort(g.members.begin(), g.members.end());
  std::sort(groups.begin(), groups.end(), [](const Group& x, const Group& y) { return x.members[0] < y.members[0]; });
  for (const Group& g : groups) {
    if (const int32_t code = c.take(g.end - g.begin)) return code;
    const Address at = c.blocks.back().address;
    for (const size_t k : g.members) {
      const Address to = at + (begin(args[k]) - g.begin);
      (*addresses)[k] = pointer(to);
      if (const int32_t code = c.upload(to, args[k].host, args[k].bytes)) return code;
    }
  }
  return DACE_OK;
}

int32_t runOn(Call& c, const std::vector<Argument>& args, size_t arenaBytes, const int32_t* cancel, int64_t* progress) {
  std::vector<void*> addresses;
  if (const int32_t code = place(c, args, &addresses)) return code;
  if (const int32_t code = c.take(arenaBytes)) return code;
  void* const arena = pointer(c.blocks.back().address);
  int64_t words[4] = {0, 0, 0, 0};
  if (const int32_t code = c.take(sizeof words)) return code;
  int64_t* const deviceWords = static_cast<int64_t*>(pointer(c.blocks.back().address));
  if (const int32_t code = zero(&c, deviceWords, sizeof words)) return code;

  for (const void* p : addresses) c.addresses.push_back(address(p));
  c.addresses.push_back(address(arena)), c.addresses.push_back(address(deviceWords));
  std::vector<const void*> hosts;
  for (const Argument& a : args) hosts.push_back(a.device == 0 ? a.host : nullptr);
  const DeviceInfo& i = c.place.info;
  Linear libraries(c.place.driver, c.place.stream, c.place.pool, c.helpers.blas, c.helpers.solver, [&c] { return c.recording(); },
                   [&c](Result r, const std::string& what) { return r == kSuccess ? c.refuse(what) : c.check(r, what.c_str()); });
  c.linear = &libraries;
  const dace_linear linear = libraries.table();
  // Where kernels cannot see the flag they get a word that is zero until there is a mistake.
  const int32_t* const seen = c.helpers.cancel ? c.helpers.cancel : reinterpret_cast<const int32_t*>(deviceWords + 1);
  const dace_gpu gpu{&c, launch, copy, zero, read, write, gemm, sectionBegin, sectionEnd, deviceWords, i.multiprocessors, i.maxThreads, i.warp, i.sharedPerBlock, offload, fetch, settle, offloadRows, fetchRows, settleRows, &linear, hosts.data(), seen};
  const dace_rt rt{DACE_ABI_VERSION, sizeof(dace_rt), 1, 0, cancel, progress, words, gemmF64, gemmF32, grow, &c, &gpu};
  const int64_t start = nowNs();
  int32_t code = c.program.run(&rt, addresses.data(), c.symbols, arena);
  if (code == DACE_OK) {
    if (const int32_t failed = read(&c, words, deviceWords, sizeof words)) return failed;
    code = int32_t(words[0]);
    // Few kernels look: what was asked for in the meantime counts before anything is written back.
    if (code == DACE_OK && cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED)) code = DACE_CANCELLED;
  }
  c.result.ns = nowNs() - start;
  c.result.site = words[1], c.result.value = words[2], c.result.extent = words[3];
  if (code != DACE_OK) return code;
  c.result.extent = 0;
  for (const DeviceBlock& b : c.grown) c.result.extent += int64_t(b.bytes);
  for (size_t k = 0; k < args.size(); k++)
    if (args[k].written && args[k].device == 0)
      if (const int32_t failed = c.download(args[k].host, address(addresses[k]), args[k].bytes)) return failed;
  return DACE_OK;
}

}  // namespace

RunResult run(const Place& place, const Program& program, const std::vector<Argument>& args, const int64_t* symbols, size_t arenaBytes, const int32_t* cancel, int64_t* progress, const Helpers& helpers) {
  RunResult result;
  Call c{place, program, helpers, symbols, result, {}, {}, DACE_OK, {}, nullptr};
  result.code = c.check(place.driver.pushContext(place.context), "the device's context");
  if (result.code != DACE_OK) return result;
  result.code = runOn(c, args, arenaBytes, cancel, progress);
  // The host code left in the middle of a section.
  if (c.recording()) helpers.graphs->drop(place.stream);
  // Also after a failure: copies that are still under way read and write the caller's arrays.
  c.wait("waiting for the device");
  if (helpers.host) c.check(helpers.host->end(), "waiting for copies");
  // Host code sees a buffer that cannot grow as out of memory, whatever the reason; and what a device that failed says of mistakes counts for nothing.
  if (c.failed != DACE_OK) result.code = c.failed;
  // Last in, first out: the next run of the same sizes gets the same addresses, which is what its graphs are made for.
  for (const auto* list : {&c.grown, &c.blocks})
    for (auto b = list->rbegin(); b != list->rend(); ++b)
      if (const Result r = place.pool.release(*b); r != kSuccess && result.driver == kSuccess) result.driver = r;  // the results are right all the same
  Context popped;
  if (const Result r = place.driver.popContext(&popped); r != kSuccess && result.driver == kSuccess) result.driver = r;
  return result;
}

}  // namespace dace::cuda
