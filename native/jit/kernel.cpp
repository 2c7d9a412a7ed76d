// Loaded kernels: found in this process, in the cache, or built; each key once.
#include "jit/kernel.h"

#include <unistd.h>

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "clock.h"
#include "jit/cache.h"
#include "jit/failure.h"
#include "jit/files.h"
#include "jit/hint.h"
#include "jit/library.h"

namespace dace {
namespace {

struct Registry {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, const Kernel*> loaded;
  std::set<std::string> building;
  // Which compiler family's OpenMP runtime is in this process: two of them would fight over the cores.
  int openmpFamily = -1;
};
Registry& registry() {
  static auto* r = new Registry;  // never destroyed: threads may outlive main's statics
  return *r;
}

const Kernel* open(const std::string& key, const std::string& path, uint64_t bytes, bool openmp, std::string* why) {
  void* h;
  if (openmp) {
    // The runtime reads its settings when the first such kernel brings it along. By default a thread spins for milliseconds at a barrier, which
    // costs whole time slices where other work wants the cores.
    static std::mutex once;
    const std::lock_guard guard(once);
    const Hint spin("GOMP_SPINCOUNT", "20000");
    h = openLibrary(path, why);
  } else {
    h = openLibrary(path, why);
  }
  if (!h) return nullptr;
  auto run = reinterpret_cast<dace_run_fn>(findSymbol(h, "dace_run"));
  if (!run) return *why = "it has no entry dace_run", nullptr;
  // The last user of libgomp must not take it along: its threads would return into nothing.
  void* team = findSymbol(h, "GOMP_parallel");
  if (team) pinLibraryOf(team);
  return new Kernel{key, run, bytes, openmp, team};
}

// Opens an artefact that no cache holds, or whose cache forbids execution, from a directory of our own.
const Kernel* openPrivately(const std::string& key, std::string_view artefact, bool openmp) {
  const TempDir dir;
  const std::string path = dir.path() + "/" + key.substr(0, 16) + ".so";
  std::string why = writeAtomically(path, {artefact});
  const Kernel* k = why.empty() ? open(key, path, artefact.size(), openmp, &why) : nullptr;
  if (!k) throw Failure("CACHE", "the compiled kernel cannot be loaded from " + dir.path() + ": " + why);
  return k;
}

const Kernel* openFound(const std::string& key, const KernelCache::Found& f, bool openmp) {
  std::string why;
  if (const Kernel* k = open(key, f.path, f.bytes, openmp, &why)) return k;
  const std::optional<std::string> text = readFile(f.path);
  if (!text || text->size() < f.bytes) throw Failure("CACHE", f.path + ": " + why);
  return openPrivately(key, std::string_view(*text).substr(0, f.bytes), openmp);
}

// One thread of this process at a time works on a key, also where there is no cache directory to lock.
class Turn {
 public:
  Turn(Registry& r, const std::string& key, const AbortFlag* abort) : r_(r), key_(key) {
    std::unique_lock guard(r.mutex);
    while (r.building.count(key) != 0) {
      if (abort && abort->load()) throw Failure("ABORTED", "compilation was aborted");
      r.changed.wait_for(guard, std::chrono::milliseconds(20));
    }
    r.building.insert(key);
  }
  ~Turn() {
    const std::lock_guard guard(r_.mutex);
    r_.building.erase(key_);
    r_.changed.notify_all();
  }

 private:
  Registry& r_;
  std::string key_;
};

}  // namespace

LoadedKernel loadKernel(const CompileRequest& request, const AbortFlag* abort) {
  const int64_t start = nowNs();
  const Discovery d = discoverToolchain(request.compiler, std::min(request.timeoutMs, 10000), abort);
  if (abort && abort->load()) throw Failure("ABORTED", "compilation was aborted");
  if (!d.found) {
    std::string tried;
    for (const std::string& t : d.tried) tried += (tried.empty() ? "" : "; ") + t;
    throw Failure("TOOLCHAIN", "no usable C++ compiler was found (" + tried + ")");
  }
  const Toolchain& t = *d.found;
  Registry& r = registry();
  const int family = t.clang ? 1 : 0;
  bool allowOpenmp;
  {
    const std::lock_guard guard(r.mutex);
    allowOpenmp = r.openmpFamily < 0 || r.openmpFamily == family;
  }
  ResolvedFlags flags = resolveFlags(request, t, allowOpenmp);
  const std::string key = artefactKey(request, t, flags);
  auto done = [&](const Kernel* k, bool cached) { return LoadedKernel{k, cached, double(nowNs() - start) / 1e6}; };
  auto known = [&]() -> const Kernel* {
    const std::lock_guard guard(r.mutex);
    const auto it = r.loaded.find(key);
    return it == r.loaded.end() ? nullptr : it->second;
  };
  auto keep = [&](const Kernel* k) {
    const std::lock_guard guard(r.mutex);
    if (k->openmp) r.openmpFamily = family;
    return r.loaded.emplace(key, k).first->second;
  };
  if (const Kernel* k = known()) return done(k, true);
  const Turn turn(r, key, abort);
  if (const Kernel* k = known()) return done(k, true);

  const KernelCache cache(request.cacheDir, CacheMode(request.cacheMode));
  if (const auto f = cache.lookup(key)) return done(keep(openFound(key, *f, flags.openmp)), true);
  const KernelCache::Lock lock(cache, key, request.timeoutMs, abort);
  if (const auto f = cache.lookup(key)) return done(keep(openFound(key, *f, flags.openmp)), true);
  const std::string artefact = compileArtefact(request, t, flags, abort);
  if (const auto f = cache.publish(key, artefact)) return done(keep(openFound(key, *f, flags.openmp)), false);
  return done(keep(openPrivately(key, artefact, flags.openmp)), false);
}

}  // namespace dace
