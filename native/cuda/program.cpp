// A program for a GPU from its texts: host code as for the processor, device code through a compiler of NVIDIA's and the same cache.
#include <map>
#include <mutex>

#include "clock.h"
#include "cuda/compile.h"
#include "cuda/device.h"
#include "jit/cache.h"
#include "jit/failure.h"
#include "jit/sha256.h"

namespace dace::cuda {
namespace {

std::string imageKey(const Gpu& gpu, const ProgramRequest& r, const std::string& compiler) {
  Sha256 h;
  h.field("cubin 1");
  h.field(DACE_PACKAGE_VERSION), h.field(std::to_string(DACE_ABI_VERSION)), h.field(compiler), h.field(std::to_string(10 * gpu.info().major + gpu.info().minor)), h.field(r.device);
  for (const auto* list : {&r.deviceFlags, &r.names}) {
    h.field(std::to_string(list->size()));
    for (const std::string& s : *list) h.field(s);
  }
  return hex(h.finish());
}

std::string imageOf(Gpu& gpu, const ProgramRequest& r, const std::string& key, const AbortFlag* abort, bool* cached) {
  const KernelCache cache(r.host.cacheDir, CacheMode(r.host.cacheMode));
  *cached = true;
  if (auto found = cache.contents(key)) return std::move(*found);
  const KernelCache::Lock lock(cache, key, r.host.timeoutMs, abort);
  if (auto found = cache.contents(key)) return std::move(*found);
  *cached = false;
  const std::string image = compileForDevice({r.device, r.deviceFlags, gpu.info().major, gpu.info().minor, r.host.timeoutMs}, abort);
  cache.publish(key, image);
  return image;
}

bool calls(const ProgramRequest& r, std::initializer_list<const char*> functions) {
  for (const std::string& s : r.host.sources)
    for (const char* f : functions)
      if (s.find(f) != std::string::npos) return true;
  return false;
}

}  // namespace

LoadedProgram loadProgram(Gpu& gpu, const ProgramRequest& request, const AbortFlag* abort) {
  const int64_t start = nowNs();
  std::string why;
  const std::string compiler = deviceCompiler(&why);
  if (compiler.empty()) throw Failure("DEVICE", why);
  const LoadedKernel host = loadKernel(request.host, abort);
  const std::string key = imageKey(gpu, request, compiler);

  static std::mutex mutex;
  static auto* programs = new std::map<std::pair<const Kernel*, std::string>, const GpuProgram*>;
  const auto known = [&]() -> const GpuProgram* {
    const std::lock_guard guard(mutex);
    const auto it = programs->find({host.kernel, key});
    return it == programs->end() ? nullptr : it->second;
  };
  const auto done = [&](const GpuProgram* p, bool cached) { return LoadedProgram{p, cached && host.cached, double(nowNs() - start) / 1e6}; };
  if (const GpuProgram* p = known()) return done(p, true);
  bool cached = false;
  std::string image = imageOf(gpu, request, key, abort, &cached);
  const std::lock_guard guard(mutex);
  const auto [it, fresh] = programs->emplace(std::pair{host.kernel, key}, nullptr);
  if (fresh) it->second = new GpuProgram{host.kernel, std::move(image), request.names, calls(request, {"gpu->gemm(", "linear->gemm_batch(", "linear->trsm("}),
                                                 calls(request, {"linear->cholesky(", "linear->lu(", "linear->eigh(", "linear->svd("})};
  return done(it->second, cached);
}

}  // namespace dace::cuda
