// Compilers, kernels and the cache, for JavaScript.
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <thread>

#include "blas/library.h"
#include "blas/team.h"
#include "env.h"
#include "functions.h"
#include "loading.h"
#include "jit/cache.h"
#include "jit/failure.h"
#include "jit/kernel.h"

namespace dace {

CompileRequest requestOf(Call& c) {
  CompileRequest r;
  r.sources = texts(c.env, c.argv[0], "sources");
  r.flags = texts(c.env, c.argv[1], "flags");
  r.link = texts(c.env, c.argv[2], "link");
  r.cacheDir = optionalText(c.env, c.argv[3], "cacheDir").value_or("");
  const std::string mode = optionalText(c.env, c.argv[4], "cacheMode").value_or("on");
  if (mode == "on") r.cacheMode = int(CacheMode::on);
  else if (mode == "readonly") r.cacheMode = int(CacheMode::readonly);
  else if (mode == "off") r.cacheMode = int(CacheMode::off);
  else typeError("cacheMode is \"on\", \"readonly\" or \"off\"");
  if (!isUndefined(c.env, c.argv[5])) r.timeoutMs = int(whole(c.env, c.argv[5], "timeoutMs", 1, 1e9));
  // Chosen here, on the JavaScript thread, and only for programs that will need it: loading a BLAS takes longer than loading a kernel.
  for (const std::string& s : r.sources)
    if (s.find("rt->gemm_f") != std::string::npos) {
      chooseBlas("");
      break;
    }
  r.compiler = optionalText(c.env, c.argv[6], "compiler").value_or("");
  return r;
}

namespace {

napi_value partsOf(napi_env env, const LoadedKernel& k) {
  if (k.kernel->gompParallel) Team::useOpenmp(k.kernel->gompParallel);
  // The kernel itself is never freed, so the handle owns nothing.
  return array(env, {external(env, std::shared_ptr<const Kernel>(k.kernel, [](const Kernel*) {})), js(env, k.kernel->key), js(env, k.cached), js(env, k.ms), js(env, double(k.kernel->bytes))});
}

Parts loadParts(const CompileRequest& r, const AbortFlag* abort) {
  const LoadedKernel k = loadKernel(r, abort);
  return [k](napi_env env) { return partsOf(env, k); };
}

KernelCache cacheOf(Call& c, size_t at, CacheMode mode) { return KernelCache(optionalText(c.env, c.argv[at], "cacheDir").value_or(""), mode); }

}  // namespace

napi_value discoverToolchainJs(Call& c) {
  const Discovery d = discoverToolchain(optionalText(c.env, c.argv[0], "compiler").value_or(""));
  napi_value out = object(c.env);
  if (d.found) {
    napi_value t = object(c.env);
    set(c.env, t, "compiler", js(c.env, d.found->compiler));
    set(c.env, t, "kind", js(c.env, d.found->clang ? "clang" : "gcc"));
    set(c.env, t, "version", js(c.env, d.found->version));
    set(c.env, t, "openmp", js(c.env, d.found->openmp));
    set(c.env, t, "vectorMath", js(c.env, d.found->vectorMath));
    set(c.env, t, "archFlags", js(c.env, d.found->archFlags));
    set(c.env, out, "found", t);
  }
  set(c.env, out, "tried", js(c.env, d.tried));
  return out;
}

void LoadJob::start(std::shared_ptr<LoadJob> self) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([self] { self->work(); }).detach();
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LoadJob::settle(napi_env env) {
  if (parts_) check(env, napi_resolve_deferred(env, deferred_, parts_(env)));
  else check(env, napi_reject_deferred(env, deferred_, errorValue(env, error_)));
}

void LoadJob::work() {
  try {
    parts_ = load_(&abort);
  } catch (const Failure& f) {
    error_ = {JsError::Kind::error, f.message, f.code, f.output};
  } catch (const std::bad_alloc&) {
    error_ = {JsError::Kind::error, "out of memory", "OOM", ""};
  } catch (const std::exception& e) {
    error_ = {JsError::Kind::error, e.what(), "CACHE", ""};
  }
  env_->finished(this);
}

napi_value LoadJob::begin(Call& c, std::function<Parts(const AbortFlag*)> load) {
  auto job = std::make_shared<LoadJob>(std::move(load));
  napi_value promise = c.state.begin(job);
  try {
    job->start(job);
  } catch (...) {
    c.state.forget(job);
    throw;
  }
  return array(c.env, {external(c.env, job), promise});
}

napi_value load(Call& c) { return partsOf(c.env, loadKernel(requestOf(c), nullptr)); }

napi_value loadStart(Call& c) {
  return LoadJob::begin(c, [r = requestOf(c)](const AbortFlag* abort) { return loadParts(r, abort); });
}

napi_value loadAbort(Call& c) {
  fromExternal<LoadJob>(c.env, c.argv[0]).abort = true;
  return nullptr;
}

napi_value cacheEntries(Call& c) {
  std::vector<napi_value> out;
  for (const CacheEntry& e : cacheOf(c, 0, CacheMode::readonly).entries()) {
    napi_value o = object(c.env);
    set(c.env, o, "key", js(c.env, e.key));
    set(c.env, o, "bytes", js(c.env, double(e.bytes)));
    set(c.env, o, "usedMs", js(c.env, e.usedMs));
    out.push_back(o);
  }
  return array(c.env, out);
}

napi_value cacheClear(Call& c) { return js(c.env, double(cacheOf(c, 0, CacheMode::readonly).limit(0))); }

napi_value cacheLimit(Call& c) {
  const double bytes = whole(c.env, c.argv[0], "bytes", 0, 9007199254740991.0);
  cacheOf(c, 1, CacheMode::readonly).limit(uint64_t(bytes));
  return nullptr;
}

napi_value defaultCacheDirJs(Call& c) { return js(c.env, defaultCacheDir()); }

}  // namespace dace
