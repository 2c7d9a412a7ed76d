// The CUDA driver as one table of functions, found at run time: nothing of CUDA is needed to build this, and a test may put another library in its place.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dace::cuda {

using Result = int;
using Device = int;
using Context = void*;
using Stream = void*;
using Module = void*;
using Function = void*;
using Address = unsigned long long;
using Event = void*;
using MemoryPool = void*;
using Graph = void*;
using GraphExec = void*;

enum : Result { kSuccess = 0, kInvalid = 1, kOutOfMemory = 2 };

// What the driver wants to know of a pool; its own layout.
struct PoolProperties {
  int allocation = 1;  // pinned
  int handles = 0;
  int place = 1;       // a device
  int device = 0;
  void* security = nullptr;
  size_t most = 0;
  unsigned char reserved[56] = {};
};
enum PoolAttribute : int { kReleaseThreshold = 4, kReservedNow = 5, kUsedNow = 7 };
struct UpdateInfo {
  int result = 0;
  void *node = nullptr, *from = nullptr;
};

// Attributes of a device, with the driver's own numbers.
enum Attribute : int { kMaxThreadsPerBlock = 1, kSharedPerBlock = 8, kWarp = 10, kMultiprocessors = 16, kMajor = 75, kMinor = 76, kMemoryPools = 115 };

// name in the table, symbol in the library (the suffix is part of the signature's version), parameters
#define DACE_CUDA_DRIVER(F)                                                     \
  F(init, "cuInit", (unsigned))                                                 \
  F(version, "cuDriverGetVersion", (int*))                                      \
  F(errorName, "cuGetErrorName", (Result, const char**))                        \
  F(errorText, "cuGetErrorString", (Result, const char**))                      \
  F(deviceCount, "cuDeviceGetCount", (int*))                                    \
  F(device, "cuDeviceGet", (Device*, int))                                      \
  F(deviceName, "cuDeviceGetName", (char*, int, Device))                        \
  F(deviceMemory, "cuDeviceTotalMem_v2", (size_t*, Device))                     \
  F(deviceAttribute, "cuDeviceGetAttribute", (int*, int, Device))               \
  F(retainContext, "cuDevicePrimaryCtxRetain", (Context*, Device))              \
  F(releaseContext, "cuDevicePrimaryCtxRelease_v2", (Device))                   \
  F(pushContext, "cuCtxPushCurrent_v2", (Context))                              \
  F(popContext, "cuCtxPopCurrent_v2", (Context*))                               \
  F(allocate, "cuMemAlloc_v2", (Address*, size_t))                              \
  F(free, "cuMemFree_v2", (Address))                                            \
  F(createStream, "cuStreamCreate", (Stream*, unsigned))                        \
  F(destroyStream, "cuStreamDestroy_v2", (Stream))                              \
  F(wait, "cuStreamSynchronize", (Stream))                                      \
  F(upload, "cuMemcpyHtoDAsync_v2", (Address, const void*, size_t, Stream))     \
  F(download, "cuMemcpyDtoHAsync_v2", (void*, Address, size_t, Stream))         \
  F(copy, "cuMemcpyDtoDAsync_v2", (Address, Address, size_t, Stream))           \
  F(fill, "cuMemsetD8Async", (Address, unsigned char, size_t, Stream))          \
  F(loadModule, "cuModuleLoadData", (Module*, const void*))                     \
  F(unloadModule, "cuModuleUnload", (Module))                                   \
  F(function, "cuModuleGetFunction", (Function*, Module, const char*))          \
  F(launch, "cuLaunchKernel", (Function, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, Stream, void**, void**))

// What a driver may lack; each group is used only where all of it is there.
#define DACE_CUDA_DRIVER_MORE(F)                                                \
  F(createEvent, "cuEventCreate", (Event*, unsigned))                           \
  F(destroyEvent, "cuEventDestroy_v2", (Event))                                 \
  F(recordEvent, "cuEventRecord", (Event, Stream))                              \
  F(waitEvent, "cuEventSynchronize", (Event))                                   \
  F(waitInStream, "cuStreamWaitEvent", (Stream, Event, unsigned))               \
  F(hostAllocate, "cuMemHostAlloc", (void**, size_t, unsigned))                 \
  F(hostFree, "cuMemFreeHost", (void*))                                         \
  F(createPool, "cuMemPoolCreate", (MemoryPool*, const PoolProperties*))        \
  F(destroyPool, "cuMemPoolDestroy", (MemoryPool))                              \
  F(setPool, "cuMemPoolSetAttribute", (MemoryPool, int, void*))                 \
  F(getPool, "cuMemPoolGetAttribute", (MemoryPool, int, void*))                 \
  F(trimPool, "cuMemPoolTrimTo", (MemoryPool, size_t))                          \
  F(poolAllocate, "cuMemAllocFromPoolAsync", (Address*, size_t, MemoryPool, Stream)) \
  F(poolFree, "cuMemFreeAsync", (Address, Stream))                              \
  F(beginCapture, "cuStreamBeginCapture_v2", (Stream, int))                     \
  F(endCapture, "cuStreamEndCapture", (Stream, Graph*))                         \
  F(instantiate, "cuGraphInstantiateWithFlags", (GraphExec*, Graph, unsigned long long)) \
  F(updateExec, "cuGraphExecUpdate_v2", (GraphExec, Graph, UpdateInfo*))        \
  F(launchGraph, "cuGraphLaunch", (GraphExec, Stream))                          \
  F(destroyExec, "cuGraphExecDestroy", (GraphExec))                             \
  F(destroyGraph, "cuGraphDestroy", (Graph))                                    \
  F(resetContext, "cuDevicePrimaryCtxReset_v2", (Device))                       \
  F(memoryInfo, "cuMemGetInfo_v2", (size_t*, size_t*))

struct Driver {
#define DACE_CUDA_FIELD(name, symbol, parameters) Result(*name) parameters = nullptr;
  DACE_CUDA_DRIVER(DACE_CUDA_FIELD)
  DACE_CUDA_DRIVER_MORE(DACE_CUDA_FIELD)
#undef DACE_CUDA_FIELD

  bool hasPinned() const { return createEvent && destroyEvent && recordEvent && waitEvent && hostAllocate && hostFree; }
  bool hasOverlap() const { return createEvent && destroyEvent && recordEvent && waitInStream; }
  bool hasPools() const { return createPool && destroyPool && setPool && getPool && trimPool && poolAllocate && poolFree; }
  bool hasGraphs() const { return beginCapture && endCapture && instantiate && launchGraph && destroyExec && destroyGraph; }
  // "CUDA_ERROR_NO_DEVICE (no CUDA-capable device is detected)"
  std::string describe(Result r) const;
};

// After these the context is dead: every later call gives the same answer.
bool isLost(Result r);

// Opens a driver library and fills the table; nullptr: `why`. The table lives as long as the process.
const Driver* openDriver(const std::string& path, std::string* why);

struct DeviceInfo {
  std::string name;
  int ordinal = 0;                   // as the driver counts
  uint64_t memory = 0;
  int major = 0, minor = 0, multiprocessors = 0, maxThreads = 0, warp = 0, sharedPerBlock = 0;
  bool pools = false;
};

// A context that is current for the time of one block of code; `result`: whether it is.
class InContext {
 public:
  InContext(const Driver& driver, Context context) : driver_(driver), result(driver.pushContext(context)) {}
  ~InContext() {
    Context popped;
    if (result == kSuccess) driver_.popContext(&popped);
  }
  InContext(const InContext&) = delete;
  InContext& operator=(const InContext&) = delete;

 private:
  const Driver& driver_;

 public:
  const Result result;
};

struct Findings {
  std::string library;               // that was opened, or would have been
  int version = 0;                   // of the driver: 1000 major + 10 minor
  std::vector<DeviceInfo> devices;
  std::vector<std::string> causes;   // why there are none, or why one of them was left out
};

// The driver's library that would be opened for `path`, "" meaning none in particular.
std::string driverPath(const std::string& path);

// What is there. `path` "": DACE_AD_LIBCUDA, else the system's. Never throws for what is missing. Thread-safe.
Findings findDevices(const std::string& path);

}  // namespace dace::cuda
