// What the libraries made of the processor share: work in a stream's order, and the places that it may touch.
#pragma once
#include <dlfcn.h>

#include <complex>
#include <cstdint>
#include <cstdlib>
#include <functional>

namespace processor {

enum : int { kBlasWord = 12, kSolverWord = 14 };  // of world.h

// A function of the libcuda made of the processor.
template <class F>
F ofDriver(const char* name) {
  void* h = ::dlopen(std::getenv("DACE_AD_LIBCUDA"), RTLD_NOW | RTLD_NOLOAD);
  return h ? reinterpret_cast<F>(::dlsym(h, name)) : nullptr;
}
// 0, or the driver's answer.
inline int later(void* stream, std::function<int()> work, int word) {
  static const auto f = ofDriver<int (*)(void*, std::function<int()>*, int)>("processor_later");
  return f ? f(stream, &work, word) : 1;
}
// Is all of it in one block of device memory?
inline bool onDevice(const void* p, size_t bytes) {
  static const auto f = ofDriver<int (*)(const void*, size_t)>("processor_inside");
  return f && f(p, bytes) != 0;
}
// Column-major, `columns` of them, `rows` long.
template <class T>
bool onDevice(const T* p, int64_t rows, int64_t columns, int64_t ld) { return rows <= 0 || columns <= 0 || onDevice(static_cast<const void*>(p), sizeof(T) * size_t((columns - 1) * ld + rows)); }

inline double conjugate(double x) { return x; }
inline float conjugate(float x) { return x; }
template <class T> std::complex<T> conjugate(std::complex<T> x) { return std::conj(x); }
struct Handle { void* stream = nullptr; };

}  // namespace processor
