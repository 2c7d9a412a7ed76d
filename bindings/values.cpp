// JavaScript values in and out, with checks: anything unexpected is a TypeError.
#include "values.h"

#include <cmath>
#include <new>

#include "env.h"
#include "jit/failure.h"

namespace dace {

void typeError(const std::string& message) { throw JsError{JsError::Kind::type, message, "", ""}; }

void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  if (status == napi_pending_exception || (napi_is_exception_pending(env, &pending) == napi_ok && pending)) throw JsError{JsError::Kind::pending, "", "", ""};
  throw JsError{JsError::Kind::error, "Node-API call failed with status " + std::to_string(int(status)), "", ""};
}

napi_value errorValue(napi_env env, const JsError& e) {
  napi_value message = js(env, e.message), code = e.code.empty() ? nullptr : js(env, e.code), v;
  check(env, e.kind == JsError::Kind::type ? napi_create_type_error(env, code, message, &v) : napi_create_error(env, code, message, &v));
  if (!e.code.empty()) set(env, v, "output", js(env, e.output));
  return v;
}

napi_value invoke(napi_env env, napi_callback_info info, Function f) {
  void* data = nullptr;
  size_t argc = Call::kMax;
  JsError error{JsError::Kind::error, "", "", ""};
  try {
    // Missing arguments are filled with undefined.
    napi_value argv[Call::kMax];
    if (napi_get_cb_info(env, info, &argc, argv, nullptr, &data) != napi_ok) return nullptr;
    Call call{env, *static_cast<Env*>(data), argc, argv};
    return f(call);
  } catch (const JsError& e) {
    error = e;
  } catch (const Failure& e) {
    error = {JsError::Kind::error, e.message, e.code, e.output};
  } catch (const std::bad_alloc&) {
    error = {JsError::Kind::error, "out of memory", "OOM", ""};
  } catch (const std::exception& e) {
    error = {JsError::Kind::error, e.what(), "", ""};
  }
  if (error.kind == JsError::Kind::pending) return nullptr;
  try {
    napi_throw(env, errorValue(env, error));
  } catch (const JsError&) {
    // An environment that is being terminated takes no exceptions.
  }
  return nullptr;
}

napi_valuetype typeOf(napi_env env, napi_value v) {
  napi_valuetype t;
  check(env, napi_typeof(env, v, &t));
  return t;
}
bool isUndefined(napi_env env, napi_value v) { return typeOf(env, v) == napi_undefined; }

std::string text(napi_env env, napi_value v, const char* what) {
  size_t n = 0;
  if (napi_get_value_string_utf8(env, v, nullptr, 0, &n) != napi_ok) typeError(std::string(what) + " is not a string");
  std::string s(n, '\0');
  check(env, napi_get_value_string_utf8(env, v, s.data(), n + 1, &n));
  return s;
}
std::optional<std::string> optionalText(napi_env env, napi_value v, const char* what) {
  if (isUndefined(env, v)) return std::nullopt;
  std::string s = text(env, v, what);
  // What a path cannot hold must not be cut off silently.
  if (s.find('\0') != std::string::npos) typeError(std::string(what) + " contains a NUL character");
  return s;
}
std::vector<std::string> texts(napi_env env, napi_value v, const char* what) {
  bool is = false;
  check(env, napi_is_array(env, v, &is));
  if (!is) typeError(std::string(what) + " is not an array of strings");
  uint32_t n;
  check(env, napi_get_array_length(env, v, &n));
  std::vector<std::string> out;
  for (uint32_t i = 0; i < n; i++) {
    // A list of sources may be long: its handles must not pile up.
    napi_handle_scope scope;
    check(env, napi_open_handle_scope(env, &scope));
    napi_value e;
    const napi_status s = napi_get_element(env, v, i, &e);
    std::string t;
    if (s == napi_ok) {
      try {
        t = text(env, e, what);
      } catch (...) {
        napi_close_handle_scope(env, scope);
        throw;
      }
    }
    napi_close_handle_scope(env, scope);
    check(env, s);
    out.push_back(std::move(t));
  }
  return out;
}
double number(napi_env env, napi_value v, const char* what) {
  double d;
  if (napi_get_value_double(env, v, &d) != napi_ok) typeError(std::string(what) + " is not a number");
  return d;
}
double whole(napi_env env, napi_value v, const char* what, double low, double high) {
  const double d = number(env, v, what);
  if (!(d >= low && d <= high) || d != std::floor(d)) typeError(std::string(what) + " is not a whole number from " + std::to_string(int64_t(low)) + " to " + std::to_string(int64_t(high)));
  return d;
}
bool boolean(napi_env env, napi_value v, const char* what) {
  bool b;
  if (napi_get_value_bool(env, v, &b) != napi_ok) typeError(std::string(what) + " is not a boolean");
  return b;
}

napi_value js(napi_env env, const std::string& s) {
  napi_value v;
  check(env, napi_create_string_utf8(env, s.data(), s.size(), &v));
  return v;
}
napi_value js(napi_env env, const char* s) { return js(env, std::string(s)); }
napi_value js(napi_env env, double d) {
  napi_value v;
  check(env, napi_create_double(env, d, &v));
  return v;
}
napi_value js(napi_env env, bool b) {
  napi_value v;
  check(env, napi_get_boolean(env, b, &v));
  return v;
}
napi_value js(napi_env env, const std::vector<std::string>& list) {
  std::vector<napi_value> items;
  for (const std::string& s : list) items.push_back(js(env, s));
  return array(env, items);
}
napi_value undefined(napi_env env) {
  napi_value v;
  check(env, napi_get_undefined(env, &v));
  return v;
}
napi_value array(napi_env env, const std::vector<napi_value>& items) {
  napi_value a;
  check(env, napi_create_array_with_length(env, items.size(), &a));
  for (size_t i = 0; i < items.size(); i++) check(env, napi_set_element(env, a, uint32_t(i), items[i]));
  return a;
}
napi_value object(napi_env env) {
  napi_value o;
  check(env, napi_create_object(env, &o));
  return o;
}
void set(napi_env env, napi_value object, const char* name, napi_value v) { check(env, napi_set_named_property(env, object, name, v)); }

}  // namespace dace
