// Typed arrays as addresses. An array without length is looked at twice: a detached or out-of-bounds view looks just like an empty one.
#include "views.h"

#include <cstdint>
#include <string>

#include "env.h"
#include "values.h"

namespace dace {
namespace {

size_t elementBytes(napi_typedarray_type t) {
  switch (t) {
    case napi_int8_array: case napi_uint8_array: case napi_uint8_clamped_array: return 1;
    case napi_int16_array: case napi_uint16_array: return 2;
    case napi_int32_array: case napi_uint32_array: case napi_float32_array: return 4;
    case napi_float64_array: case napi_bigint64_array: case napi_biguint64_array: return 8;
    default: return 0;  // a type that is younger than this code
  }
}

enum class Found { ok, notTyped, gone };

Found find(Env& state, napi_value v, View* out, napi_typedarray_type* type, size_t* length) {
  *type = static_cast<napi_typedarray_type>(-1);
  size_t offset;
  if (napi_get_typedarray_info(state.napi(), v, type, length, &out->data, &out->buffer, &offset) != napi_ok) return Found::notTyped;
  const size_t size = elementBytes(*type);
  if (size == 0) return Found::notTyped;
  out->bytes = *length * size;
  if (*length == 0) {
    out->data = nullptr;
    bool detached = false;
    if ((napi_is_detached_arraybuffer(state.napi(), out->buffer, &detached) == napi_ok && detached) || !state.isValid(v)) return Found::gone;
  }
  return Found::ok;
}

}  // namespace

bool tryView(Env& state, napi_value v, View* out) {
  napi_typedarray_type type;
  size_t length;
  return find(state, v, out, &type, &length) == Found::ok;
}

View viewOf(Env& state, napi_value v, size_t index) {
  View view;
  napi_typedarray_type type;
  size_t length;
  switch (find(state, v, &view, &type, &length)) {
    case Found::ok: return view;
    case Found::gone: typeError("argument " + std::to_string(index) + " is detached or out of the bounds of its buffer");
    case Found::notTyped: break;
  }
  if (!isUndefined(state.napi(), v)) typeError("argument " + std::to_string(index) + " is not a typed array");
  return {};
}

const int64_t* symbolsOf(Env& state, napi_value v, size_t* count) {
  View view;
  napi_typedarray_type type;
  if (find(state, v, &view, &type, count) != Found::ok || type != napi_bigint64_array) typeError("symbols is not a BigInt64Array, or its buffer is detached");
  return static_cast<const int64_t*>(view.data);
}

bool isShared(napi_env env, napi_value buffer) {
  bool plain = true;
  return napi_is_arraybuffer(env, buffer, &plain) == napi_ok && !plain;
}

bool isResizable(napi_env env, napi_value buffer) {
  napi_value v;
  bool yes = false;
  // Absent before Node 20: then undefined, which is no boolean.
  return napi_get_named_property(env, buffer, "resizable", &v) == napi_ok && napi_get_value_bool(env, v, &yes) == napi_ok && yes;
}

}  // namespace dace
