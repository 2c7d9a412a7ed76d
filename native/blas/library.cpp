// A BLAS found at run time: where to look, what its symbols are called, and one thread for it.
#include "blas/library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "jit/cpu.h"
#include "jit/files.h"
#include "jit/hint.h"
#include "jit/library.h"

namespace dace {
namespace {

std::atomic<const BlasLibrary*> current{nullptr};
std::mutex lock;
bool chosen = false;
std::vector<std::string> lastTried;

// Builds for scientific Python rename everything, and 64-bit integers have a suffix of their own.
struct Naming { const char *prefix, *suffix; bool wide; };
constexpr Naming kNamings[] = {{"", "", false}, {"scipy_", "", false}, {"scipy_", "64_", true}, {"", "64_", true}};

void* named(void* h, const Naming& n, const std::string& base) { return findSymbol(h, (n.prefix + base + n.suffix).c_str()); }

const BlasLibrary* load(const std::string& path, std::string* why) {
  // OpenBLAS up to 0.3.21 does not know newer AMD processors and takes kernels without AVX-512, at a third of the speed.
  const bool unknownAmd = cpu().vendor == "AuthenticAMD" && cpu().has("avx512f") && cpu().has("avx512dq") && cpu().has("avx512bw") && cpu().has("avx512vl") && cpu().has("avx512cd");
  void* h;
  {
    const Hint threads("OPENBLAS_NUM_THREADS", "1"), layer("MKL_THREADING_LAYER", "SEQUENTIAL");
    if (unknownAmd) {
      const Hint core("OPENBLAS_CORETYPE", "SkylakeX");
      h = openLibrary(path, why);
    } else {
      h = openLibrary(path, why);
    }
  }
  if (!h) return nullptr;
  for (const Naming& n : kNamings) {
    auto lib = new BlasLibrary{path, n.wide, true, named(h, n, "cblas_dgemm"), named(h, n, "cblas_sgemm")};
    if (!lib->dgemm || !lib->sgemm) {
      delete lib;
      continue;
    }
    Dl_info info;
    if (::dladdr(lib->dgemm, &info) != 0 && info.dli_fname && info.dli_fname[0] == '/') lib->path = info.dli_fname;
    pinLibraryOf(lib->dgemm);
    if (auto set = reinterpret_cast<void (*)(int)>(named(h, n, "openblas_set_num_threads"))) set(1);
    // 0: built without threads, and then perhaps without locks.
    if (auto parallel = reinterpret_cast<int (*)()>(named(h, n, "openblas_get_parallel"))) lib->concurrent = parallel() != 0;
    if (auto set = reinterpret_cast<int (*)(int)>(findSymbol(h, "MKL_Set_Threading_Layer"))) set(1);  // sequential: no second OpenMP runtime
    return lib;
  }
  *why = "it has no cblas_dgemm";
  return nullptr;
}

bool attempt(const std::string& path, std::vector<std::string>* tried) {
  if (path == "builtin" || path == "built-in") {
    current = nullptr;
    return true;
  }
  std::string why;
  if (const BlasLibrary* lib = load(path, &why)) {
    current = lib;
    return true;
  }
  // glibc's message begins with the name already.
  tried->push_back(why.rfind(path, 0) == 0 ? why : path + ": " + why);
  return false;
}

}  // namespace

const BlasLibrary* currentBlas() { return current.load(std::memory_order_acquire); }

BlasChoice chooseBlas(const std::string& path) {
  const std::lock_guard guard(lock);
  std::vector<std::string> tried;
  bool found = !path.empty() && attempt(path == "builtin" || path == "built-in" ? path : absolutePath(path), &tried);
  if (!found && !chosen) {
    const char* wish = std::getenv("DACE_AD_BLAS");
    if (wish && *wish) {
      // A wish that cannot be met is not answered with something else.
      found = attempt(wish, &tried);
    } else {
      for (const char* name : {
#ifdef __APPLE__
               "libopenblas.dylib", "/System/Library/Frameworks/Accelerate.framework/Accelerate",
#else
               "libopenblas.so.0", "libopenblas.so", "libmkl_rt.so.2", "libmkl_rt.so.1", "libmkl_rt.so",
#endif
           })
        if ((found = attempt(name, &tried))) break;
    }
  }
  if (!tried.empty() || !chosen) lastTried = tried;
  chosen = true;
  const BlasLibrary* lib = currentBlas();
  return {lib ? lib->path : "built-in", path.empty() ? lastTried : tried};
}

}  // namespace dace
