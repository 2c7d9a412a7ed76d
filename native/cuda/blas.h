// Matrix products by cuBLAS, found at run time.
#pragma once
#include <memory>
#include <string>

#include "cuda/driver.h"

namespace dace::cuda {

class Blas {
 public:
  // DACE_AD_LIBCUBLAS ("off": none), else the system's. nullptr: there is none, or it does not start; `why`. With the context current.
  static std::unique_ptr<Blas> open(const Driver& driver, Stream stream, std::string* why);
  // With the context current.
  void close();
  // As dace_gpu's gemm. -1: the library has no such product; else 0, or what the library said, in `failure`.
  int gemm(int32_t type, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int64_t lda, const void* b, int64_t ldb, const void* beta, void* c, int64_t ldc,
           std::string* failure);
  const std::string& path() const { return path_; }

 private:
  Blas() = default;
  std::string path_;
  void* handle_ = nullptr;
  int (*destroy_)(void*) = nullptr;
  void* gemm_[4] = {};  // as _64 where there is one
  bool wide_[4] = {};
  const Driver* driver_ = nullptr;  // where there is a workspace
  Address workspace_ = 0;
};

}  // namespace dace::cuda
