// JavaScript values in and out, with checks: anything unexpected is a TypeError.
#pragma once
#include <node_api.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dace {

class Env;

// Thrown inside a callback, turned into a JavaScript exception by `guarded`.
struct JsError {
  enum class Kind { error, type, pending };
  Kind kind;
  std::string message, code, output;
};
[[noreturn]] void typeError(const std::string& message);

// Any status but ok becomes a JsError.
void check(napi_env env, napi_status status);

napi_value errorValue(napi_env env, const JsError& e);

// What every native function gets.
struct Call {
  static constexpr size_t kMax = 32;
  napi_env env;
  Env& state;
  size_t argc;
  napi_value* argv;  // kMax of them; those that were not given are undefined
};
using Function = napi_value (*)(Call&);

// Runs `f`, turning C++ exceptions into JavaScript ones. `data` of the callback is the environment's state.
napi_value invoke(napi_env env, napi_callback_info info, Function f);
template <Function f>
napi_value guarded(napi_env env, napi_callback_info info) { return invoke(env, info, f); }

napi_valuetype typeOf(napi_env env, napi_value v);
bool isUndefined(napi_env env, napi_value v);
std::string text(napi_env env, napi_value v, const char* what);
std::optional<std::string> optionalText(napi_env env, napi_value v, const char* what);
std::vector<std::string> texts(napi_env env, napi_value v, const char* what);
double number(napi_env env, napi_value v, const char* what);
// A whole number from `low` to `high`.
double whole(napi_env env, napi_value v, const char* what, double low, double high);
bool boolean(napi_env env, napi_value v, const char* what);

napi_value js(napi_env env, const std::string& s);
napi_value js(napi_env env, const char* s);
napi_value js(napi_env env, double d);
napi_value js(napi_env env, bool b);
napi_value js(napi_env env, const std::vector<std::string>& list);
napi_value undefined(napi_env env);
napi_value array(napi_env env, const std::vector<napi_value>& items);
napi_value object(napi_env env);
void set(napi_env env, napi_value object, const char* name, napi_value v);

// A handle for glue.js: owns a reference to a T.
template <class T>
napi_value external(napi_env env, std::shared_ptr<T> p) {
  auto* box = new std::shared_ptr<T>(std::move(p));
  napi_value v;
  const napi_status s = napi_create_external(env, box, [](napi_env, void* b, void*) { delete static_cast<std::shared_ptr<T>*>(b); }, nullptr, &v);
  if (s != napi_ok) delete box;
  check(env, s);
  return v;
}
template <class T>
T& fromExternal(napi_env env, napi_value v) {
  void* box;
  if (napi_get_value_external(env, v, &box) != napi_ok) typeError("not a handle of this addon");
  return **static_cast<std::shared_ptr<T>*>(box);
}
template <class T>
std::shared_ptr<T> sharedFromExternal(napi_env env, napi_value v) {
  void* box;
  if (napi_get_value_external(env, v, &box) != napi_ok) typeError("not a handle of this addon");
  return *static_cast<std::shared_ptr<T>*>(box);
}

}  // namespace dace
