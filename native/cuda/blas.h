// Matrix products and triangular solves by cuBLAS, found at run time.
#pragma once
#include <memory>
#include <string>

#include "cuda/driver.h"

namespace dace::cuda {

// One of NVIDIA's libraries: the one that `variable` names ("off": none), else the first of `names`. nullptr: none, `why`.
void* openOneOf(const char* variable, std::initializer_list<const char*> names, std::string* path, std::string* why);

// By DACE_AD_LIBCUBLAS, else the system's.
void* openBlasLibrary(std::string* path, std::string* why);

// alpha op(A) op(B) + beta C of row-major matrices; op: 0 as it is, 1 transposed, 2 conjugate transposed. Strides: from one matrix of a batch to the next, in elements.
struct Product {
  int32_t type, ta, tb;
  int64_t m, n, k;
  const void *alpha, *a, *b, *beta;
  void* c;
  int64_t lda, ldb, ldc;
  int64_t strideA = 0, strideB = 0, strideC = 0, count = 1;
};
// As cublas?trsm, column-major, with alpha = 1: op(T) X = B or X op(T) = B in place of B, which has m rows and n columns.
struct Triangle {
  int32_t type;
  bool right, upper;
  int32_t op;
  bool unit;
  int64_t m, n;
  const void* t;
  int64_t ldt;
  void* x;
  int64_t ldx;
};

class Blas {
 public:
  // DACE_AD_LIBCUBLAS ("off": none), else the system's. nullptr: there is none, or it does not start; `why`. With the context current.
  static std::unique_ptr<Blas> open(const Driver& driver, Stream stream, std::string* why);
  // With the context current.
  void close();
  // -1: the library has no such function; else 0, or what the library said, in `failure`.
  int gemm(const Product& p, std::string* failure);
  int batch(const Product& p, std::string* failure);
  int trsm(const Triangle& t, std::string* failure);
  const std::string& path() const { return path_; }

 private:
  // Looked for when it is first asked for, as _64 where there is one.
  struct Symbol {
    bool asked = false, wide = false;
    void* address = nullptr;
  };
  Blas() = default;
  Symbol& find(Symbol (&all)[4], int32_t type, const char* name);
  int said(int status, std::string* failure) const;
  std::string path_;
  void *library_ = nullptr, *handle_ = nullptr;
  int (*destroy_)(void*) = nullptr;
  Symbol gemm_[4], batch_[4], trsm_[4];
  const Driver* driver_ = nullptr;  // where there is a workspace
  Address workspace_ = 0;
};

}  // namespace dace::cuda
