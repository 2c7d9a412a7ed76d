// A BLAS found at run time: never linked, called on one thread at a time per block, so that it cannot decide how results depend on threads.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace dace {

struct BlasLibrary {
  std::string path;
  bool wide = false;        // 64-bit integers
  bool concurrent = true;   // may be called from several threads at once
  void* dgemm = nullptr;
  void* sgemm = nullptr;
};

struct BlasChoice {
  std::string library;  // its path, or "built-in"
  std::vector<std::string> tried;
};

/**
 * Chooses, and returns what is in use from now on. `path`: a library to try first, "builtin" for our own, "" for whatever was chosen before or, the first
 * time, DACE_AD_BLAS (a path or "builtin"; nothing else is searched then), OpenBLAS, MKL, Accelerate. To be called on a JavaScript thread: it changes
 * environment variables for the moment of loading.
 */
BlasChoice chooseBlas(const std::string& path);

// nullptr: our own kernels.
const BlasLibrary* currentBlas();

}  // namespace dace
