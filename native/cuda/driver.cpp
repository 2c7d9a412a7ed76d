// Opens the CUDA driver and asks it for its devices. Every step that fails is a cause with the driver's own words.
#include "cuda/driver.h"

#include <cstdlib>
#include <map>
#include <mutex>

#include "jit/library.h"

namespace dace::cuda {

std::string Driver::describe(Result r) const {
  const char *name = nullptr, *words = nullptr;
  if (errorName(r, &name) != kSuccess || !name) return "CUDA error " + std::to_string(r);
  if (errorText(r, &words) != kSuccess || !words) return name;
  return std::string(name) + " (" + words + ")";
}

const Driver* openDriver(const std::string& path, std::string* why) {
  static std::mutex mutex;
  static auto* opened = new std::map<std::string, const Driver*>;  // never destroyed: threads may outlive main's statics
  const std::lock_guard guard(mutex);
  if (const auto it = opened->find(path); it != opened->end()) return it->second;
  void* const library = openLibrary(path, why);
  if (!library) return nullptr;
  Driver d;
  std::string missing;
#define DACE_CUDA_FIND(name, symbol, parameters)                                   \
  d.name = reinterpret_cast<Result(*) parameters>(findSymbol(library, symbol));    \
  if (!d.name) missing += std::string(missing.empty() ? "" : ", ") + symbol;
  DACE_CUDA_DRIVER(DACE_CUDA_FIND)
#undef DACE_CUDA_FIND
#define DACE_CUDA_FIND(name, symbol, parameters) d.name = reinterpret_cast<Result(*) parameters>(findSymbol(library, symbol));
  DACE_CUDA_DRIVER_MORE(DACE_CUDA_FIND)
#undef DACE_CUDA_FIND
  if (!missing.empty()) return *why = path + ": the driver is too old, it has no " + missing, nullptr;
  return opened->emplace(path, new Driver(d)).first->second;
}

bool isLost(Result r) { return r == 46 || r == 201 || r == 214 || r == 220 || r == 226 || r == 700 || r == 702 || r == 709 || (r >= 710 && r <= 719 && r != 711 && r != 712 && r != 713) || r == 999; }

std::string driverPath(const std::string& path) {
  const char* const other = std::getenv("DACE_AD_LIBCUDA");
  return !path.empty() ? path : other && *other ? other : "libcuda.so.1";
}

Findings findDevices(const std::string& path) {
  Findings f;
  f.library = driverPath(path);
  std::string why;
  const Driver* const d = openDriver(f.library, &why);
  if (!d) return f.causes.push_back(why), f;
  const auto failed = [&](const std::string& what, Result r) { return r != kSuccess && (f.causes.push_back(what + ": " + d->describe(r)), true); };
  if (failed("cuInit", d->init(0))) return f;
  if (failed("cuDriverGetVersion", d->version(&f.version))) return f;
  int count = 0;
  if (failed("cuDeviceGetCount", d->deviceCount(&count))) return f;
  if (count == 0) f.causes.push_back("the driver has no device (CUDA_VISIBLE_DEVICES may hide it)");
  for (int k = 0; k < count; k++) {
    DeviceInfo info;
    Device device;
    char name[256] = "";
    size_t memory = 0;
    int pools = 0;
    const std::string at = "device " + std::to_string(k);
    if (failed(at, d->device(&device, k)) || failed(at, d->deviceName(name, int(sizeof name), device)) || failed(at, d->deviceMemory(&memory, device))) continue;
    const std::pair<int, int*> wanted[] = {{kMajor, &info.major}, {kMinor, &info.minor}, {kMultiprocessors, &info.multiprocessors}, {kMaxThreadsPerBlock, &info.maxThreads},
                                           {kWarp, &info.warp}, {kSharedPerBlock, &info.sharedPerBlock}, {kMemoryPools, &pools}};
    bool bad = false;
    for (const auto& [attribute, to] : wanted) bad = bad || failed(at + ", attribute " + std::to_string(attribute), d->deviceAttribute(to, attribute, device));
    if (bad) continue;
    name[sizeof name - 1] = '\0';
    info.name = name, info.ordinal = k, info.memory = memory, info.pools = pools != 0;
    f.devices.push_back(info);
  }
  return f;
}

}  // namespace dace::cuda
