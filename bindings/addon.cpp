// Entry of the addon: one set of functions per environment, put together by glue.js.
#include <node_api.h>

#include "dace_ad/abi.h"
#include "env.h"
#include "functions.h"
#include "glue.h"

namespace dace {
namespace {

template <Function f>
void add(napi_env env, Env& state, napi_value to, const char* name) {
  napi_value v;
  check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, guarded<f>, &state, &v));
  set(env, to, name, v);
}

napi_value evaluate(napi_env env, const char* source) {
  napi_value v;
  check(env, napi_run_script(env, js(env, source), &v));
  return v;
}

napi_value make(napi_env env) {
  const std::shared_ptr<Env> state = Env::create(env);
  check(env, napi_set_instance_data(env, new std::shared_ptr<Env>(state), [](napi_env, void* box, void*) { delete static_cast<std::shared_ptr<Env>*>(box); }, nullptr));
  Env& s = *state;

  // `at` checks a typed array as every method does; taken now, before anyone can replace it.
  napi_ref validate;
  check(env, napi_create_reference(env, evaluate(env, "(() => { const at = Uint8Array.prototype.at, call = Reflect.apply; return (a) => call(at, a, [0]); })()"), 1, &validate));
  s.setValidator(validate);
  napi_value buffer, status;
  void* data;
  check(env, napi_create_arraybuffer(env, 5 * sizeof(double), &data, &buffer));
  check(env, napi_create_typedarray(env, napi_float64_array, 5, buffer, 0, &status));
  s.setStatus(static_cast<double*>(data));

  napi_value raw = object(env);
  set(env, raw, "abiVersion", js(env, double(DACE_ABI_VERSION)));
  set(env, raw, "version", js(env, DACE_PACKAGE_VERSION));
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

  napi_value global, exports, argv[2] = {raw, status};
  check(env, napi_get_global(env, &global));
  check(env, napi_call_function(env, global, evaluate(env, kGlue), 2, argv, &exports));
  return exports;
}

napi_value init(napi_env env, napi_value) {
  try {
    return make(env);
  } catch (const JsError& e) {
    if (e.kind != JsError::Kind::pending) napi_throw_error(env, nullptr, e.message.c_str());
  } catch (const std::exception& e) {
    napi_throw_error(env, nullptr, e.what());
  }
  return nullptr;
}

}  // namespace
}  // namespace dace

NAPI_MODULE_INIT() { return dace::init(env, exports); }
