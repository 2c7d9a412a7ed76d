// Entry of the addon: one set of functions per environment, put together by glue.js. What runs once is written with node-addon-api; calls go through
// Node-API itself, whose cost per call is lower and whose failures are checked one by one.
#include <napi.h>

#include "dace_ad/abi.h"
#include "env.h"
#include "functions.h"
#include "glue.h"

namespace dace {
namespace {

template <Function f>
void add(Napi::Env env, Env& state, Napi::Object to, const char* name) {
  napi_value v;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, guarded<f>, &state, &v));
  to.Set(name, v);
}

Napi::Value make(Napi::Env env) {
  auto* const state = new std::shared_ptr<Env>(Env::create(env));
  env.SetInstanceData<std::shared_ptr<Env>>(state);
  Env& s = **state;

  // `at` checks a typed array as every method does; taken now, before anyone can replace it.
  napi_ref validate;
  check(env, napi_create_reference(env, env.RunScript("(() => { const at = Uint8Array.prototype.at, call = Reflect.apply; return (a) => call(at, a, [0]); })()"), 1, &validate));
  s.setValidator(validate);
  Napi::Float64Array status = Napi::Float64Array::New(env, 5);
  s.setStatus(status.Data());

  Napi::Object raw = Napi::Object::New(env);
  raw.Set("abiVersion", double(DACE_ABI_VERSION));
  raw.Set("version", DACE_PACKAGE_VERSION);
  add<discoverToolchainJs>(env, s, raw, "discoverToolchain");
  add<load>(env, s, raw, "load");
  add<loadStart>(env, s, raw, "loadStart");
  add<loadAbort>(env, s, raw, "loadAbort");
  add<cacheEntries>(env, s, raw, "cacheEntries");
  add<cacheClear>(env, s, raw, "cacheClear");
  add<cacheLimit>(env, s, raw, "cacheLimit");
  add<defaultCacheDirJs>(env, s, raw, "defaultCacheDir");
  add<run>(env, s, raw, "run");
  add<runMany>(env, s, raw, "runMany");
  add<bind>(env, s, raw, "bind");
  add<boundRun>(env, s, raw, "boundRun");
  add<boundStatus>(env, s, raw, "boundStatus");
  add<boundDispose>(env, s, raw, "boundDispose");
  add<runStart>(env, s, raw, "runStart");
  add<asyncCancel>(env, s, raw, "asyncCancel");
  add<asyncProgress>(env, s, raw, "asyncProgress");
  add<isDetached>(env, s, raw, "isDetached");
  add<memory>(env, s, raw, "memory");
  add<resetHighWater>(env, s, raw, "resetHighWater");
  add<trim>(env, s, raw, "trim");
  add<blas>(env, s, raw, "blas");
  add<mxcsr>(env, s, raw, "mxcsr");
  add<cpuJs>(env, s, raw, "cpu");
  add<cudaJs>(env, s, raw, "cuda");
  add<gpuOpen>(env, s, raw, "gpuOpen");
  add<gpuLoad>(env, s, raw, "gpuLoad");
  add<gpuLoadStart>(env, s, raw, "gpuLoadStart");
  add<gpuRun>(env, s, raw, "gpuRun");
  add<gpuRunStart>(env, s, raw, "gpuRunStart");
  add<gpuAllocate>(env, s, raw, "gpuAllocate");
  add<gpuFree>(env, s, raw, "gpuFree");
  add<gpuCopy>(env, s, raw, "gpuCopy");
  add<gpuMemory>(env, s, raw, "gpuMemory");
  add<gpuPool>(env, s, raw, "gpuPool");
  add<gpuRoom>(env, s, raw, "gpuRoom");

  return env.RunScript(kGlue).As<Napi::Function>().Call(env.Global(), {raw, status});
}

Napi::Object init(Napi::Env env, Napi::Object) {
  try {
    return make(env).As<Napi::Object>();
  } catch (const JsError& e) {
    throw e.kind == JsError::Kind::pending ? Napi::Error::New(env) : Napi::Error::New(env, e.message);
  }
}

}  // namespace
}  // namespace dace

static Napi::Object start(Napi::Env env, Napi::Object exports) { return dace::init(env, exports); }
NODE_API_MODULE(dace_ad, start)
