// A libcuda made of the processor, for tests: it does what the driver promises and no more. Work is put off until somebody waits; memory is watched.
// Environment: PROCESSOR_DEVICES (1), PROCESSOR_MEMORY (bytes of each), PROCESSOR_CONTROL (file of words, world.h), PROCESSOR_NO_POOLS, PROCESSOR_QUIET,
// PROCESSOR_MULTIPROCESSORS (4), PROCESSOR_EAGER (streams beside a device's first one do their work at once, as far as what they wait for allows: else as late as can be).
#include "world.h"

using namespace processor;
using Result = int;

// Every call: one at a time, on the current device unless said otherwise, and it may be told to fail.
#define ENTER                                              \
  const std::lock_guard guard(worldMutex());               \
  Device* const d = current();                             \
  if (!d) return kBadContext;                              \
  if (const int failed = trouble(d)) return failed
#define ENTER_STREAM                                       \
  ENTER;                                                   \
  Stream& s = *static_cast<Stream*>(stream);               \
  if (d->streams.count(&s) == 0) return 400
// What a recording cannot contain.
#define NOT_RECORDED \
  if (s.recording) return s.spoiled = true, kCapture

namespace {
bool recordingAnywhere(const Device& d) {
  for (const Stream* s : d.streams)
    if (s->recording) return true;
  return false;
}
const char kCopy = 0, kFill = 0, kWait = 0;
// Something of a device, known to it.
template <class T>
T* made(Device* d, std::set<T*>& all) {
  auto* const x = new T;
  x->device = d;
  return *all.insert(x).first;
}
uint64_t reserved(const Device& d) { return d.memory.used(); }
// Cached blocks of a pool, down to `keep` bytes.
void shrink(Device& d, Pool& p, uint64_t keep) {
  for (auto it = p.free.begin(); it != p.free.end() && p.cached > keep;) {
    while (!it->second.empty() && p.cached > keep) {
      d.memory.give(it->second.back());
      d.ofPool.erase(it->second.back());
      it->second.pop_back();
      p.cached -= it->first;
    }
    it = it->second.empty() ? p.free.erase(it) : std::next(it);
  }
}
int waited(Device& d) {
  control()[kWaits] = control()[kWaits] + 1;
  // What was given back belongs to its stream until that has got there.
  bool idle = true;
  for (const Stream* s : d.streams) idle = idle && s->queue.empty();
  if (idle)
    for (Pool* p : d.pools) shrink(d, *p, p->keep);
  d.tell();
  return d.lost;
}
}  // namespace

extern "C" {
Result cuInit(unsigned) { return int(number("PROCESSOR_INIT", 0)); }
Result cuDriverGetVersion(int* v) { return *v = 13000, 0; }
Result cuGetErrorName(Result r, const char** s) {
  static const std::map<int, const char*> names{{1, "CUDA_ERROR_INVALID_VALUE"}, {2, "CUDA_ERROR_OUT_OF_MEMORY"}, {100, "CUDA_ERROR_NO_DEVICE"}, {101, "CUDA_ERROR_INVALID_DEVICE"}, {200, "CUDA_ERROR_INVALID_IMAGE"},
                                                {201, "CUDA_ERROR_INVALID_CONTEXT"}, {400, "CUDA_ERROR_INVALID_HANDLE"}, {500, "CUDA_ERROR_NOT_FOUND"}, {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
                                                {719, "CUDA_ERROR_LAUNCH_FAILED"}, {801, "CUDA_ERROR_NOT_SUPPORTED"}, {900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"}, {901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"}};
  const auto it = names.find(r);
  return *s = it == names.end() ? nullptr : it->second, *s ? 0 : 1;
}
Result cuGetErrorString(Result, const char** s) { return *s = nullptr, 1; }
Result cuDeviceGetCount(int* n) { return *n = int(devices().size()), 0; }
Result cuDeviceGet(int* to, int k) { return k >= 0 && size_t(k) < devices().size() ? (*to = k, 0) : 101; }
Result cuDeviceGetName(char* to, int n, int k) { return std::snprintf(to, size_t(n), "Processor %d", k), 0; }
Result cuDeviceTotalMem_v2(size_t* n, int k) { return *n = size_t(devices()[size_t(k)]->limit), 0; }
Result cuDeviceGetAttribute(int* v, int a, int) {
  *v = a == 75 ? 9 : a == 76 ? 0 : a == 16 ? int(number("PROCESSOR_MULTIPROCESSORS", 4)) : a == 1 ? 1024 : a == 10 ? 32 : a == 8 ? 49152 : a == 115 ? (std::getenv("PROCESSOR_NO_POOLS") ? 0 : 1) : 0;
  return 0;
}

Result cuDevicePrimaryCtxRetain(void** c, int k) {
  const std::lock_guard guard(worldMutex());
  Device& d = *devices()[size_t(k)];
  if (const int failed = trouble(&d)) return failed;
  if (!d.context) d.context = std::make_unique<Context>(Context{&d});
  d.retained++;
  control()[kContexts] = control()[kContexts] + 1;
  return *c = d.context.get(), 0;
}
Result cuDevicePrimaryCtxRelease_v2(int k) {
  const std::lock_guard guard(worldMutex());
  return devices()[size_t(k)]->retained--, 0;
}
Result cuDevicePrimaryCtxReset_v2(int k) {
  const std::lock_guard guard(worldMutex());
  Device& d = *devices()[size_t(k)];
  for (Stream* s : d.streams) delete s;
  for (Pool* p : d.pools) delete p;
  d.streams.clear(), d.pools.clear(), d.ofPool.clear(), d.memory.clear(), d.lost = 0, d.retained = 0;
  // The old one may not be taken for the new one.
  static auto* const old = new std::vector<std::unique_ptr<Context>>;
  old->push_back(std::move(d.context));
  return d.tell(), 0;
}
Result cuCtxPushCurrent_v2(void* c) {
  const std::lock_guard guard(worldMutex());
  for (const auto& d : devices())
    if (c && d->context.get() == c) return contextStack().push_back(c), 0;
  return kBadContext;
}
Result cuCtxPopCurrent_v2(void** c) {
  if (contextStack().empty()) return kBadContext;
  *c = contextStack().back();
  return contextStack().pop_back(), 0;
}

Result cuMemGetInfo_v2(size_t* free, size_t* all) {
  ENTER;
  return *all = size_t(d->limit), *free = size_t(d->limit - std::min(d->limit, reserved(*d))), 0;
}
Result cuMemAlloc_v2(Address* a, size_t n) {
  ENTER;
  if (recordingAnywhere(*d)) return kCapture;
  if (n == 0) return kInvalid;
  if (n > d->limit - std::min(d->limit, reserved(*d))) return kNoMemory;
  *a = d->memory.take(n);
  return d->tell(), *a ? 0 : kNoMemory;
}
Result cuMemFree_v2(Address a) {
  ENTER;
  if (recordingAnywhere(*d)) return kCapture;
  if (const int r = d->catchUpAll()) return r;  // freeing waits
  const bool right = d->memory.give(a);
  d->tell();
  return right ? 0 : (d->lost = kIllegalAddress);
}
Result cuMemHostAlloc(void** p, size_t n, unsigned) {
  ENTER;
  if (control()[kUnpinned]) return kNotSupported;
  return *p = std::malloc(n), *p ? 0 : kNoMemory;
}
Result cuMemFreeHost(void* p) {
  ENTER;
  if (const int r = d->catchUpAll()) return r;
  return std::free(p), 0;
}

struct Properties { int allocation, handles, place, device; void* security; size_t most; unsigned char reserved[56]; };
Result cuMemPoolCreate(void** p, const Properties* q) {
  ENTER;
  if (std::getenv("PROCESSOR_NO_POOLS")) return kNotSupported;
  if (q->allocation != 1 || q->place != 1 || q->device != d->index) return kInvalid;
  for (const unsigned char c : q->reserved) if (c) return kInvalid;
  return *p = made(d, d->pools), 0;
}
Result cuMemPoolDestroy(void* p) {
  ENTER;
  auto* pool = static_cast<Pool*>(p);
  shrink(*d, *pool, 0), d->pools.erase(pool), delete pool;
  return 0;
}
Result cuMemPoolSetAttribute(void* p, int a, void* v) {
  ENTER;
  return a == 4 ? (static_cast<Pool*>(p)->keep = *static_cast<uint64_t*>(v), 0) : kInvalid;
}
Result cuMemPoolGetAttribute(void* p, int a, void* v) {
  ENTER;
  const Pool& pool = *static_cast<Pool*>(p);
  *static_cast<uint64_t*>(v) = a == 7 ? pool.used : a == 5 ? pool.used + pool.cached : a == 4 ? pool.keep : 0;
  return a == 4 || a == 5 || a == 7 ? 0 : kInvalid;
}
Result cuMemPoolTrimTo(void* p, size_t keep) {
  ENTER;
  return shrink(*d, *static_cast<Pool*>(p), keep), d->tell(), 0;
}
Result cuMemAllocFromPoolAsync(Address* a, size_t n, void* p, void* stream) {
  ENTER_STREAM;
  NOT_RECORDED;
  Pool& pool = *static_cast<Pool*>(p);
  if (n == 0) return kInvalid;
  if (const auto it = pool.free.find(n); it != pool.free.end() && !it->second.empty()) {
    // In the stream's order: what came before may still be using it.
    *a = it->second.back();
    it->second.pop_back();
    pool.cached -= n, pool.used += n, d->tell();
    return later(s, [at = *a, n] { return std::memset(Memory::at(at), 0xff, n), 0; }, &kFill);
  }
  if (n > d->limit - std::min(d->limit, reserved(*d))) return kNoMemory;
  *a = d->memory.take(n);
  if (!*a) return kNoMemory;
  d->ofPool[*a] = &pool, pool.used += n;
  return d->tell(), 0;
}
Result cuMemFreeAsync(Address a, void* stream) {
  ENTER_STREAM;
  NOT_RECORDED;
  const auto it = d->ofPool.find(a);
  if (it == d->ofPool.end() || !d->memory.has(a)) return d->memory.mistakes++, say("cuMemFreeAsync of what is no block of a pool"), kInvalid;
  Pool& pool = *it->second;
  const size_t n = d->memory.size(a);
  for (const Address f : pool.free[n])
    if (f == a) return d->memory.mistakes++, say("a block is freed twice"), kInvalid;
  pool.free[n].push_back(a), pool.used -= n, pool.cached += n, d->tell();
  return later(s, [a, n] { return std::memset(Memory::at(a), 0xff, n), 0; }, &kFill);
}

Result cuStreamCreate(void** to, unsigned) {
  ENTER;
  const bool first = d->streams.empty();
  Stream* const s = made(d, d->streams);
  s->eager = !first && number("PROCESSOR_EAGER", 0) != 0;
  return *to = s, 0;
}
Result cuStreamDestroy_v2(void* stream) {
  ENTER_STREAM;
  d->catchUp(s, s.queued);
  return d->streams.erase(&s), delete &s, 0;
}
Result cuStreamSynchronize(void* stream) {
  ENTER_STREAM;
  NOT_RECORDED;
  d->catchUp(s, s.queued);
  return waited(*d);
}
Result cuEventCreate(void** e, unsigned) {
  ENTER;
  return *e = new Event, 0;
}
Result cuEventDestroy_v2(void* e) {
  ENTER;
  return delete static_cast<Event*>(e), 0;
}
Result cuEventRecord(void* e, void* stream) {
  ENTER_STREAM;
  NOT_RECORDED;
  return *static_cast<Event*>(e) = {&s, s.queued}, 0;
}
// For what has been recorded by now, whatever is recorded later.
Result cuStreamWaitEvent(void* stream, void* e, unsigned flags) {
  ENTER_STREAM;
  NOT_RECORDED;
  if (flags != 0) return kInvalid;
  return later(s, [d, event = *static_cast<Event*>(e)] { return event.stream && d->streams.count(event.stream) ? d->catchUp(*event.stream, event.ticket) : d->lost; }, &kWait);
}
Result cuEventSynchronize(void* e) {
  ENTER;
  const Event& event = *static_cast<Event*>(e);
  if (event.stream && d->streams.count(event.stream)) d->catchUp(*event.stream, event.ticket);
  return waited(*d);
}

Result cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t n, void* stream) {
  ENTER_STREAM;
  NOT_RECORDED;
  if (!d->memory.inside(to, n)) return d->memory.mistakes++, say("a copy to the device goes beyond a block"), kInvalid;
  return later(s, [=] { return std::memcpy(Memory::at(to), from, n), 0; }, &kCopy);
}
Result cuMemcpyDtoHAsync_v2(void* to, Address from, size_t n, void* stream) {
  ENTER_STREAM;
  NOT_RECORDED;
  if (!d->memory.inside(from, n)) return d->memory.mistakes++, say("a copy to the host goes beyond a block"), kInvalid;
  return later(s, [=] { return std::memcpy(to, Memory::at(from), n), 0; }, &kCopy);
}
Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t n, void* stream) {
  ENTER_STREAM;
  if (!d->memory.inside(to, n) || !d->memory.inside(from, n)) return d->memory.mistakes++, say("a copy on the device goes beyond a block"), kInvalid;
  return later(s, [=] { return std::memmove(Memory::at(to), Memory::at(from), n), 0; }, &kCopy);
}
Result cuMemsetD8Async(Address to, unsigned char v, size_t n, void* stream) {
  ENTER_STREAM;
  if (!d->memory.inside(to, n)) return d->memory.mistakes++, say("memory is cleared beyond a block"), kInvalid;
  return later(s, [=] { return std::memset(Memory::at(to), v, n), 0; }, &kFill);
}

Result cuModuleLoadData(void** m, const void* image) {
  ENTER;
  return *m = loadImage(image), *m ? 0 : 200;
}
Result cuModuleUnload(void* m) {
  ENTER;
  if (const int r = d->catchUpAll()) return r;
  return delete static_cast<Module*>(m), 0;
}
Result cuModuleGetFunction(void** f, void* m, const char* name) {
  ENTER;
  for (Function& x : static_cast<Module*>(m)->functions)
    if (std::strcmp(x.entry->name, name) == 0) return *f = &x, 0;
  return 500;
}
// The parameters are copied: they may be gone when the call returns.
Result cuLaunchKernel(void* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned bytes, void* stream, void** params, void** extra) {
  ENTER_STREAM;
  const Function& x = *static_cast<Function*>(f);
  if (extra || gx == 0 || gy == 0 || gz == 0 || gx > 2147483647u || gy > 65535 || gz > 65535 || bx * by * bz == 0 || bx * by * bz > 1024 || bz > 64 || bytes > 49152) return kInvalid;
  auto values = std::make_shared<std::vector<std::vector<unsigned char>>>();
  for (int k = 0; k < x.entry->count; k++) values->emplace_back(static_cast<unsigned char*>(params[k]), static_cast<unsigned char*>(params[k]) + x.entry->sizes[k]);
  control()[kLaunches] = control()[kLaunches] + 1;
  return later(s, [=] {
    std::vector<void*> p;
    for (auto& v : *values) p.push_back(v.data());
    p.push_back(nullptr);
    return x.launch(x.index, gx, gy, gz, bx, by, bz, bytes, p.data()) == 0 ? kOk : kLaunchFailed;
  }, f);
}

Result cuStreamBeginCapture_v2(void* stream, int mode) {
  ENTER_STREAM;
  if (s.recording || mode < 0 || mode > 2) return kInvalid;
  return s.recording = new GraphData, s.spoiled = false, 0;
}
Result cuStreamEndCapture(void* stream, void** g) {
  // Also after a failure: the recording ends.
  const std::lock_guard guard(worldMutex());
  Device* const d = current();
  if (!d) return kBadContext;
  Stream& s = *static_cast<Stream*>(stream);
  if (!s.recording) return kInvalid;
  GraphData* const made = s.recording;
  s.recording = nullptr;
  int failed = trouble(d);
  if (!failed && s.spoiled) failed = 901;
  if (failed) return delete made, *g = nullptr, failed;
  return *g = made, 0;
}
Result cuGraphDestroy(void* g) {
  ENTER;
  return delete static_cast<GraphData*>(g), 0;
}
Result cuGraphInstantiateWithFlags(void** e, void* g, unsigned long long) {
  ENTER;
  return *e = new Exec{d, std::make_shared<std::vector<Op>>(static_cast<GraphData*>(g)->ops)}, 0;
}
struct UpdateInfo { int result; void *node, *from; };
Result cuGraphExecUpdate_v2(void* e, void* g, UpdateInfo* info) {
  ENTER;
  Exec& exec = *static_cast<Exec*>(e);
  const auto& ops = static_cast<GraphData*>(g)->ops;
  bool same = ops.size() == exec.ops->size();
  for (size_t k = 0; same && k < ops.size(); k++) same = ops[k].kind == (*exec.ops)[k].kind;
  info->result = same ? 0 : 2;
  if (!same) return 910;
  return exec.ops = std::make_shared<std::vector<Op>>(ops), 0;
}
Result cuGraphLaunch(void* e, void* stream) {
  ENTER_STREAM;
  NOT_RECORDED;
  control()[kGraphLaunches] = control()[kGraphLaunches] + 1;
  return later(s, [ops = static_cast<Exec*>(e)->ops] {
    for (const Op& op : *ops)
      if (const int r = op.run()) return r;
    return 0;
  }, e);
}
Result cuGraphExecDestroy(void* e) {
  ENTER;
  return delete static_cast<Exec*>(e), 0;
}

// For later.h: work in a stream's order, counted in that word; and whether memory is the device's.
int processor_later(void* stream, std::function<int()>* work, int word) {
  ENTER_STREAM;
  control()[word] = control()[word] + 1;
  static const char kProduct = 0;
  return later(s, std::move(*work), &kProduct);
}
int processor_inside(const void* p, size_t n) {
  std::lock_guard guard(worldMutex());
  const Device* d = current();
  return d && d->memory.inside(Address(reinterpret_cast<uintptr_t>(p)), n);
}
}
