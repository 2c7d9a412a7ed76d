// Factorisations by cuSOLVER's 64-bit interface for dense matrices, found at run time. Matrices are column-major.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "cuda/driver.h"

namespace dace::cuda {

// By DACE_AD_LIBCUSOLVER, else the system's.
void* openSolverLibrary(std::string* path, std::string* why);

class Solver {
 public:
  // DACE_AD_LIBCUSOLVER ("off": none), else the system's. nullptr: there is none, or it does not start; `why`. With the context current.
  static std::unique_ptr<Solver> open(Stream stream, std::string* why);
  // With the context current.
  void close();
  const std::string& path() const { return path_; }

  // Where a call does its work: device memory of so many bytes, then the host's (nullptr where it wants none).
  struct Sizes {
    size_t device = 0, host = 0;
  };
  struct Space {
    void* device;
    size_t deviceBytes;
    void* host;
    size_t hostBytes;
    int* info;  // on the device
  };
  // type: 0 f64, 1 f32, 2 c128, 3 c64. What each overwrites, and with what, is LAPACK's.
  struct Matrix {
    int32_t type;
    int64_t n;
    void* a;
    int64_t lda;
  };
  enum class What { cholesky, lu, eigh, svd };
  struct Call {
    What what;
    Matrix a;
    bool upper = false;          // cholesky, eigh
    int64_t m = 0;               // svd: rows, no fewer than columns (a.n)
    int64_t* pivots = nullptr;   // lu, from 1
    void* values = nullptr;      // eigh, svd: real
    void *u = nullptr, *vt = nullptr;  // svd: m × n, n × n
    int64_t ldu = 0, ldvt = 0;
  };
  // -1: the library has no such function; else 0, or what the library said, in `failure`.
  int sizes(const Call& c, Sizes* s, std::string* failure);
  int run(const Call& c, const Space& s, std::string* failure);

 private:
  Solver() = default;
  void* find(What what, bool sizes);
  int said(int status, std::string* failure) const;
  std::string path_;
  void *library_ = nullptr, *handle_ = nullptr, *params_ = nullptr;
  int (*destroy_)(void*) = nullptr;
  int (*destroyParams_)(void*) = nullptr;
  struct Symbol {
    bool asked = false;
    void* address = nullptr;
  } symbols_[4][2];
};

}  // namespace dace::cuda
