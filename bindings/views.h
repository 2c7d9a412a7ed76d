// Typed arrays as addresses.
#pragma once
#include <node_api.h>

#include <cstddef>

namespace dace {

struct Call;
class Env;

struct View {
  void* data = nullptr;
  size_t bytes = 0;
  napi_value buffer = nullptr;  // its ArrayBuffer or SharedArrayBuffer
};

// An element of `args`: a typed array, or undefined for an empty one (NULL). TypeError for anything else, and for views that
// have lost their memory.
View viewOf(Env& state, napi_value v, size_t index);
// The same without an exception; false if it is not, or no longer, a usable typed array.
bool tryView(Env& state, napi_value v, View* out);
// int64 values of a BigInt64Array.
const int64_t* symbolsOf(Env& state, napi_value v, size_t* count);
// A SharedArrayBuffer: its memory stays where it is as long as a reference is held.
bool isShared(napi_env env, napi_value buffer);
// Its memory may be taken away by resize().
bool isResizable(napi_env env, napi_value buffer);

}  // namespace dace
