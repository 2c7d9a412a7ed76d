// Linear algebra for generated code. Whatever the libraries cannot do is -1: the program has kernels of its own.
#include "cuda/linear.h"

#include <vector>

#include "jit/library.h"

namespace dace::cuda {

Libraries findLibraries() {
  const auto said = [](void* h, const std::string& path, const std::string& why, std::initializer_list<const char*> functions) {
    if (!h) return "none (" + why + ")";
    std::string missing;
    for (const char* f : functions)
      if (!findSymbol(h, f)) missing += (missing.empty() ? " without " : ", ") + std::string(f);
    return path + missing;
  };
  std::string path, why;
  void* const blas = openBlasLibrary(&path, &why);
  Libraries l;
  l.blas = said(blas, path, why, {"cublasDgemm_v2", "cublasDgemmStridedBatched", "cublasDtrsm_v2"});
  void* const solver = openSolverLibrary(&path, &why);
  l.solver = said(solver, path, why, {"cusolverDnXpotrf", "cusolverDnXgetrf", "cusolverDnXsyevd", "cusolverDnXgesvd"});
  return l;
}

int32_t Linear::ended(int status, const std::string& failure) { return status <= 0 ? status : failed_(kSuccess, failure); }

int32_t Linear::gemm(const Product& p, bool batch) {
  if (!blas_) return -1;
  std::string failure;
  const int status = batch ? blas_->batch(p, &failure) : blas_->gemm(p, &failure);
  return ended(status, failure);
}

// The library's work space comes from the pool, and goes back at once: what is taken next comes later on the same stream. Whether the library found what it
// looked for it says on the device only, so this waits.
int32_t Linear::factor(Solver::Call c) {
  if (!solver_ || c.a.n <= 0 || recording_()) return -1;
  std::string failure;
  Solver::Sizes sizes;
  if (const int status = solver_->sizes(c, &sizes, &failure)) return ended(status, failure);
  constexpr size_t kInfo = 256;
  DeviceBlock block;
  if (const Result r = pool_.acquire(kInfo + sizes.device, &block)) return r == kOutOfMemory ? -1 : failed_(r, "device memory");
  std::vector<unsigned char> host(sizes.host);
  const auto at = [&](size_t offset) { return reinterpret_cast<void*>(uintptr_t(block.address + offset)); };
  const Solver::Space space{sizes.device > 0 ? at(kInfo) : nullptr, sizes.device, host.empty() ? nullptr : host.data(), host.size(), static_cast<int*>(at(0))};
  int info = 0;
  int32_t status = ended(solver_->run(c, space, &failure), failure);
  if (status == 0) {
    Result r = driver_.download(&info, block.address, sizeof info, stream_);
    if (r == kSuccess) r = driver_.wait(stream_);
    if (r != kSuccess) status = failed_(r, "waiting for a factorisation");
  }
  if (const Result r = pool_.release(block); r != kSuccess && status <= 0) status = failed_(r, "device memory");
  if (status == 0 && info < 0) return failed_(kSuccess, solver_->path() + ": argument " + std::to_string(-info) + " is wrong");
  // Singular, not positive definite, not converged: what is there then is not what our own kernels leave.
  return status == 0 && info > 0 ? -1 : status;
}

dace_linear Linear::table() {
  dace_linear t{};
  t.state = this;
  t.gemm_batch = [](void* s, int32_t type, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int64_t lda, int64_t strideA, const void* b, int64_t ldb, int64_t strideB,
                    const void* beta, void* c, int64_t ldc, int64_t strideC, int64_t count) {
    return of(s).gemm({type, ta, tb, m, n, k, alpha, a, b, beta, c, lda, ldb, ldc, strideA, strideB, strideC, count}, true);
  };
  t.trsm = [](void* s, int32_t type, int32_t right, int32_t upper, int32_t op, int32_t unit, int64_t m, int64_t n, const void* triangle, int64_t ldt, void* x, int64_t ldx) -> int32_t {
    if (!of(s).blas_) return -1;
    std::string failure;
    const int status = of(s).blas_->trsm({type, right != 0, upper != 0, op, unit != 0, m, n, triangle, ldt, x, ldx}, &failure);
    return of(s).ended(status, failure);
  };
  t.cholesky = [](void* s, int32_t type, int32_t upper, int64_t n, void* a, int64_t lda) {
    Solver::Call c{Solver::What::cholesky, {type, n, a, lda}};
    c.upper = upper != 0;
    return of(s).factor(c);
  };
  t.lu = [](void* s, int32_t type, int64_t n, void* a, int64_t lda, int64_t* pivots) {
    Solver::Call c{Solver::What::lu, {type, n, a, lda}};
    c.pivots = pivots;
    return of(s).factor(c);
  };
  t.eigh = [](void* s, int32_t type, int32_t upper, int64_t n, void* a, int64_t lda, void* values) {
    Solver::Call c{Solver::What::eigh, {type, n, a, lda}};
    c.upper = upper != 0, c.values = values;
    return of(s).factor(c);
  };
  t.svd = [](void* s, int32_t type, int64_t m, int64_t n, void* a, int64_t lda, void* values, void* u, int64_t ldu, void* vt, int64_t ldvt) {
    Solver::Call c{Solver::What::svd, {type, n, a, lda}};
    c.m = m, c.values = values, c.u = u, c.ldu = ldu, c.vt = vt, c.ldvt = ldvt;
    return of(s).factor(c);
  };
  return t;
}

}  // namespace dace::cuda
