// A CUDA driver made of malloc, for tests: devices, contexts, memory and streams that can be told to fail. Copies are done when somebody waits, as late as a
// device may do them. A kernel is a C function that gets the parameters.
// Environment: FAKE_DEVICES (1), FAKE_INIT (result of cuInit), FAKE_BROKEN (a device whose attributes cannot be read).
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <vector>

using Result = int;
using Address = unsigned long long;

namespace {
int number(const char* name, int otherwise) {
  const char* v = std::getenv(name);
  return v && *v ? std::atoi(v) : otherwise;
}
const int kContexts = 8;
char contexts[kContexts];
std::vector<void*> stack;
std::map<Address, size_t> live;
size_t used = 0;
std::vector<std::function<void()>> queue;
void catchUp() {
  for (const auto& work : queue) work();
  queue.clear();
}
}  // namespace

extern "C" {
// What tests steer and read.
size_t fake_limit = ~size_t(0);  // bytes of the device
int fake_fail_at = 0;            // the n-th allocation from now on fails once
int fake_lost = 0;               // every call that needs a device fails with this result
int fake_bad_frees = 0;          // addresses that were not live
int fake_wrong_context = 0;      // calls without a context, or with one that was not retained
int fake_allocations = 0;
int fake_retained = 0;
int fake_launches = 0;
int fake_fail_call = 0;          // the n-th call from now on that could fail does, with fake_fail_with
int fake_fail_with = 700;
int fake_fail_on = 0;            // … and so do all that follow, until this is zero
size_t fake_used() { return used; }
int fake_depth() { return int(stack.size()); }

#ifndef WITHOUT_INIT
Result cuInit(unsigned) { return number("FAKE_INIT", 0); }
#endif
Result cuDriverGetVersion(int* v) { return *v = 13000, 0; }
Result cuGetErrorName(Result r, const char** s) {
  *s = r == 2 ? "CUDA_ERROR_OUT_OF_MEMORY" : r == 100 ? "CUDA_ERROR_NO_DEVICE" : r == 101 ? "CUDA_ERROR_INVALID_DEVICE" : r == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : nullptr;
  return *s ? 0 : 1;
}
Result cuGetErrorString(Result r, const char** s) { return *s = r == 100 ? "no CUDA-capable device is detected" : nullptr, *s ? 0 : 1; }
Result cuDeviceGetCount(int* n) { return *n = number("FAKE_DEVICES", 1), 0; }
Result cuDeviceGet(int* d, int k) { return k < number("FAKE_DEVICES", 1) ? (*d = k, 0) : 101; }
Result cuDeviceGetName(char* to, int n, int) { return std::strncpy(to, "Fake device", size_t(n)), 0; }
Result cuDeviceTotalMem_v2(size_t* n, int) { return *n = size_t(1) << 30, 0; }
Result cuDeviceGetAttribute(int* v, int a, int d) {
  if (d == number("FAKE_BROKEN", -1)) return 101;
  *v = a == 75 ? 9 : a == 76 ? 0 : a == 16 ? 4 : a == 1 ? 1024 : a == 10 ? 32 : a == 8 ? 49152 : a == 115 ? 1 : -1;
  return 0;
}
static Result trouble() {
  if (fake_lost) return fake_lost;
  if (fake_fail_call > 0 && --fake_fail_call == 0) return fake_fail_on ? fake_lost = fake_fail_with : fake_fail_with;
  return 0;
}
Result cuDevicePrimaryCtxRetain(void** c, int d) { return *c = &contexts[d % kContexts], fake_retained++, 0; }
Result cuDevicePrimaryCtxRelease_v2(int) { return fake_retained--, 0; }
Result cuCtxPushCurrent_v2(void* c) {
  if (c < contexts || c >= contexts + kContexts) return fake_wrong_context++, 201;
  if (!fake_lost)  // pushing does not ask the device
    if (const Result r = trouble()) return r;
  return stack.push_back(c), 0;
}
Result cuCtxPopCurrent_v2(void** c) {
  if (stack.empty()) return 201;
  *c = stack.back();
  return stack.pop_back(), 0;
}
static bool current() { return stack.empty() ? (fake_wrong_context++, false) : true; }
Result cuMemAlloc_v2(Address* a, size_t n) {
  if (!current()) return 201;
  if (const Result r = trouble()) return r;
  if (fake_fail_at > 0 && --fake_fail_at == 0) return 2;
  if (n > fake_limit - used) return 2;
  *a = Address(reinterpret_cast<size_t>(std::malloc(n)));
  if (n <= 65536) std::memset(reinterpret_cast<void*>(size_t(*a)), 0xff, n);  // NaNs
  live[*a] = n, used += n, fake_allocations++;
  return 0;
}
Result cuMemFree_v2(Address a) {
  if (!current()) return 201;
  if (fake_lost) return fake_lost;
  catchUp();  // freeing waits
  const auto it = live.find(a);
  if (it == live.end()) return fake_bad_frees++, 1;
  used -= it->second;
  live.erase(it);
  std::free(reinterpret_cast<void*>(size_t(a)));
  return 0;
}

static void* at(Address a) { return reinterpret_cast<void*>(size_t(a)); }
static Result later(std::function<void()> work) {
  if (!current()) return 201;
  if (const Result r = trouble()) return r;
  return queue.push_back(std::move(work)), 0;
}
Result cuStreamCreate(void** s, unsigned) { return *s = &queue, 0; }
Result cuStreamDestroy_v2(void*) { return 0; }
Result cuStreamSynchronize(void*) {
  if (!current()) return 201;
  if (const Result r = trouble()) return queue.clear(), r;
  return catchUp(), 0;
}
Result cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t n, void*) { return later([=] { std::memcpy(at(to), from, n); }); }
Result cuMemcpyDtoHAsync_v2(void* to, Address from, size_t n, void*) { return later([=] { std::memcpy(to, at(from), n); }); }
Result cuMemcpyDtoDAsync_v2(Address to, Address from, size_t n, void*) { return later([=] { std::memcpy(at(to), at(from), n); }); }
Result cuMemsetD8Async(Address to, unsigned char v, size_t n, void*) { return later([=] { std::memset(at(to), v, n); }); }
Result cuModuleLoadData(void**, const void*) { return 200; }
Result cuModuleUnload(void*) { return 200; }
Result cuModuleGetFunction(void**, void*, const char*) { return 500; }
// The parameters may be gone when the call returns, so this one does not wait for a waiter.
Result cuLaunchKernel(void* f, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void** params, void**) {
  if (!current()) return 201;
  if (const Result r = trouble()) return r;
  catchUp();
  fake_launches++;
  return reinterpret_cast<void (*)(void**)>(f)(params), 0;
}
}
