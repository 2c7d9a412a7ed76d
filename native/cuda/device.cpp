// The owner of a GPU: its session, and what a failure makes of it.
#include "cuda/device.h"

#include <algorithm>
#include <cstdlib>

#include "jit/failure.h"

namespace dace::cuda {
namespace {

// Bytes in a variable of the environment: a number, nothing else.
size_t bytesFrom(const char* name, size_t otherwise) {
  const char* v = std::getenv(name);
  if (!v || !*v) return otherwise;
  char* end = nullptr;
  const unsigned long long n = std::strtoull(v, &end, 10);
  if (*end != '\0') throw Failure("DEVICE", std::string(name) + " is not a number of bytes: " + v);
  return size_t(n);
}
bool isSet(const char* name) {
  const char* v = std::getenv(name);
  return v && *v && std::string(v) != "0" && std::string(v) != "off";
}
bool isOff(const char* name) {
  const char* v = std::getenv(name);
  return v && (std::string(v) == "0" || std::string(v) == "off");
}

using Key = std::pair<std::string, int>;
std::mutex& registryMutex() { static auto* m = new std::mutex; return *m; }
std::map<Key, Gpu*>& registry() { static auto* r = new std::map<Key, Gpu*>; return *r; }

}  // namespace

GraphStatistics Session::graphs() const {
  GraphStatistics all;
  for (const auto& [program, l] : loaded)
    if (l.graphs) {
      const GraphStatistics s = l.graphs->statistics();
      all.replayed += s.replayed, all.recorded += s.recorded, all.updated += s.updated;
    }
  return all;
}

Gpu::Gpu(const Driver& driver, DeviceInfo info, int ordinal)
    : driver_(driver), info_(std::move(info)), ordinal_(ordinal), executor_(Executor::beside()),
      // What a program has used it will most likely use again; other processes can have the other half.
      limits_{bytesFrom("DACE_AD_CUDA_KEEP", info_.memory / 2), bytesFrom("DACE_AD_CUDA_LIMIT", ~size_t(0))} {}

Gpu& Gpu::of(int ordinal) {
  const std::lock_guard guard(registryMutex());
  const Key key{driverPath(""), ordinal};
  if (const auto it = registry().find(key); it != registry().end()) return *it->second;
  const Findings f = findDevices("");
  for (const DeviceInfo& i : f.devices)
    if (i.ordinal == ordinal) {
      std::string why;
      return *registry().emplace(key, new Gpu(*openDriver(f.library, &why), i, ordinal)).first->second;
    }
  std::string causes;
  for (const std::string& c : f.causes) causes += (causes.empty() ? "" : "; ") + c;
  if (f.devices.empty()) throw Failure("DEVICE", "no GPU was found: " + causes);
  throw Failure("DEVICE", "there is no device " + std::to_string(ordinal) + " (found: " + std::to_string(f.devices.size()) + ")" + (causes.empty() ? "" : ": " + causes));
}

std::vector<Gpu*> Gpu::all() {
  const std::lock_guard guard(registryMutex());
  std::vector<Gpu*> out;
  for (const auto& [key, gpu] : registry()) out.push_back(gpu);
  return out;
}

std::shared_ptr<Session> Gpu::begin() {
  auto s = std::make_shared<Session>(driver_, info_);
  const auto need = [&](const char* what, Result r) {
    if (r != kSuccess) throw Failure("DEVICE", std::string(what) + ": " + driver_.describe(r));
  };
  need("cuDeviceGet", driver_.device(&s->device, ordinal_));
  if (session_) {
    // A context that has failed refuses everything from then on; only the device's own reset brings it back.
    driver_.releaseContext(s->device);
    if (driver_.resetContext) driver_.resetContext(s->device);
  }
  need("cuDevicePrimaryCtxRetain", driver_.retainContext(&s->context, s->device));
  const InContext in(s->driver, s->context);
  try {
    need("cuCtxPushCurrent", in.result);
    constexpr unsigned kNonBlocking = 1;
    need("cuStreamCreate", driver_.createStream(&s->stream, kNonBlocking));
  } catch (...) {
    driver_.releaseContext(s->device);
    throw;
  }
  s->pool = std::make_unique<DevicePool>(driver_, s->context, limits_.keep, limits_.most);
  if (!isOff("DACE_AD_CUDA_POOLS")) s->pool->useDriverPool(s->device, s->stream);
  s->staging = std::make_unique<Staging>(driver_, s->stream);
  s->host = std::make_unique<HostCopies>(driver_, s->stream);
  if (void* word = nullptr; driver_.hasPinned() && driver_.hostAllocate(&word, 64, 0) == kSuccess) s->cancel = static_cast<int32_t*>(word);
  return s;
}

std::shared_ptr<Session> Gpu::session() {
  const std::lock_guard guard(mutex_);
  if (!session_ || session_->lost) session_ = begin();
  return session_;
}

std::shared_ptr<Session> Gpu::current() {
  const std::lock_guard guard(mutex_);
  return session_;
}

void Gpu::limit(Limits l) {
  const std::lock_guard guard(mutex_);
  limits_ = l;
  if (session_ && !session_->lost) session_->pool->limit(l.keep, l.most);
}

size_t Gpu::room() {
  const std::shared_ptr<Session> s = session();
  const DevicePoolStatistics p = s->pool->statistics();
  size_t free = size_t(info_.memory), all = free, most;
  {
    const std::lock_guard guard(mutex_);
    most = limits_.most;
  }
  const InContext in(s->driver, s->context);
  // A driver that cannot be asked: everything that is not in use here.
  if (in.result != kSuccess || !driver_.memoryInfo || driver_.memoryInfo(&free, &all) != kSuccess) free = size_t(info_.memory) - std::min(size_t(info_.memory), size_t(p.pooled + p.inUse));
  const size_t total = std::min(free + size_t(p.pooled + p.inUse), most), held = size_t(s->held);
  return total - std::min(total, held);
}

namespace {

// Loads a program's image where the session does not have it yet.
bool ready(Session& s, const GpuProgram& program, Session::Loaded** out, RunResult* result) {
  Session::Loaded& l = s.loaded[&program];
  *out = &l;
  if (l.module) return true;
  const auto failed = [&](const std::string& what, Result r) {
    if (r == kSuccess) return false;
    result->code = r == kOutOfMemory ? DACE_OOM : DACE_INTERNAL, result->driver = r, result->failure = what + ": " + s.driver.describe(r);
    return true;
  };
  Module module = nullptr;
  if (failed("loading the kernels", s.driver.loadModule(&module, program.image.c_str()))) return false;
  std::vector<Function> kernels(program.names.size());
  for (size_t k = 0; k < kernels.size(); k++)
    if (failed("kernel " + program.names[k], s.driver.function(&kernels[k], module, program.names[k].c_str()))) return s.driver.unloadModule(module), false;
  l.module = module;
  l.program = {program.host->run, std::move(kernels)};
  if (!isOff("DACE_AD_CUDA_GRAPHS")) l.graphs = std::make_unique<Graphs>(s.driver);
  return true;
}

}  // namespace

RunResult Gpu::run(const GpuProgram& program, const std::vector<Argument>& args, const std::vector<std::shared_ptr<DeviceBuffer>>& buffers, const std::vector<int64_t>& symbols, size_t arenaBytes,
                   RunControl& control) {
  RunResult result;
  std::shared_ptr<Session> s;
  try {
    s = session();
  } catch (const Failure& f) {
    result.code = DACE_INTERNAL, result.failure = f.message;
    return result;
  }
  for (const auto& b : buffers)
    if (b && b->session != s) {
      result.code = DACE_INTERNAL, result.failure = b->session->info.ordinal != ordinal_ ? "an argument lies on another device" : "an argument was lost when its device failed";
      return result;
    }
  {
    const InContext in(s->driver, s->context);
    Session::Loaded* l = nullptr;
    if (in.result != kSuccess) {
      result.code = DACE_INTERNAL, result.driver = in.result, result.failure = "the device's context: " + driver_.describe(in.result);
    } else if (ready(*s, program, &l, &result)) {
      if (!s->blasTried && program.usesBlas) s->blasTried = true, s->blas = Blas::open(driver_, s->stream, &s->blasWhy);
      if (!s->solverTried && program.usesSolver) s->solverTried = true, s->solver = Solver::open(s->stream, &s->solverWhy);
      const Place place{driver_, s->context, s->stream, *s->pool, info_};
      const Helpers helpers{s->staging.get(), l->graphs.get(), s->blas.get(), s->solver.get(), s->host.get(), symbols.size(), isSet("DACE_AD_CUDA_SYNC"), s->cancel};
      control.cancel.copyTo(s->cancel);
      result = dace::cuda::run(place, l->program, args, symbols.data(), arenaBytes, control.cancel.word(), &control.progress, helpers);
      control.cancel.copyTo(nullptr);
    }
  }
  if (isLost(result.driver)) {
    s->pool->abandon();
    s->host->abandon();
    s->lost = true;
    if (!result.failure.empty()) result.failure += "; the device starts anew with the next call, and what lay on it is lost";
  }
  return result;
}

}  // namespace dace::cuda
