// cuSOLVER.
#include "cuda/solver.h"

#include "cuda/blas.h"
#include "jit/library.h"

namespace dace::cuda {
namespace {

// The library's numbers for data types, and its own declarations.
constexpr int kData[4] = {1, 0, 5, 4}, kReal[4] = {1, 0, 1, 0};
using Potrf = int (*)(void*, void*, int, int64_t, int, void*, int64_t, int, void*, size_t, void*, size_t, int*);
using PotrfSizes = int (*)(void*, void*, int, int64_t, int, const void*, int64_t, int, size_t*, size_t*);
using Getrf = int (*)(void*, void*, int64_t, int64_t, int, void*, int64_t, int64_t*, int, void*, size_t, void*, size_t, int*);
using GetrfSizes = int (*)(void*, void*, int64_t, int64_t, int, const void*, int64_t, int, size_t*, size_t*);
using Syevd = int (*)(void*, void*, int, int, int64_t, int, void*, int64_t, int, void*, int, void*, size_t, void*, size_t, int*);
using SyevdSizes = int (*)(void*, void*, int, int, int64_t, int, const void*, int64_t, int, const void*, int, size_t*, size_t*);
using Gesvd = int (*)(void*, void*, signed char, signed char, int64_t, int64_t, int, void*, int64_t, int, void*, int, void*, int64_t, int, void*, int64_t, int, void*, size_t, void*, size_t, int*);
using GesvdSizes = int (*)(void*, void*, signed char, signed char, int64_t, int64_t, int, const void*, int64_t, int, const void*, int, const void*, int64_t, int, const void*, int64_t, int, size_t*, size_t*);
constexpr const char* kNames[4] = {"cusolverDnXpotrf", "cusolverDnXgetrf", "cusolverDnXsyevd", "cusolverDnXgesvd"};
constexpr int kVectors = 1;
constexpr signed char kThin = 'S';

}  // namespace

void* openSolverLibrary(std::string* path, std::string* why) { return openOneOf("DACE_AD_LIBCUSOLVER", {"libcusolver.so.12", "libcusolver.so.11", "libcusolver.so"}, path, why); }

std::unique_ptr<Solver> Solver::open(Stream stream, std::string* why) {
  std::unique_ptr<Solver> s(new Solver);
  void* const h = s->library_ = openSolverLibrary(&s->path_, why);
  if (!h) return nullptr;
  const auto create = reinterpret_cast<int (*)(void**)>(findSymbol(h, "cusolverDnCreate"));
  const auto createParams = reinterpret_cast<int (*)(void**)>(findSymbol(h, "cusolverDnCreateParams"));
  const auto setStream = reinterpret_cast<int (*)(void*, Stream)>(findSymbol(h, "cusolverDnSetStream"));
  s->destroy_ = reinterpret_cast<int (*)(void*)>(findSymbol(h, "cusolverDnDestroy"));
  s->destroyParams_ = reinterpret_cast<int (*)(void*)>(findSymbol(h, "cusolverDnDestroyParams"));
  if (!create || !setStream || !s->destroy_) return *why = s->path_ + ": it is no cuSOLVER", nullptr;
  if (!createParams || !s->destroyParams_) return *why = s->path_ + ": it is older than its 64-bit interface (CUDA 11.1)", nullptr;
  if (const int r = create(&s->handle_)) return s->handle_ = nullptr, *why = s->path_ + ": cusolverDnCreate gave " + std::to_string(r), nullptr;
  if (const int r = createParams(&s->params_)) return s->params_ = nullptr, s->close(), *why = s->path_ + ": cusolverDnCreateParams gave " + std::to_string(r), nullptr;
  if (const int r = setStream(s->handle_, stream)) return s->close(), *why = s->path_ + ": its stream cannot be set (status " + std::to_string(r) + ")", nullptr;
  return s;
}

void Solver::close() {
  if (params_) destroyParams_(params_);
  if (handle_) destroy_(handle_);
  params_ = handle_ = nullptr;
}

void* Solver::find(What what, bool sizes) {
  Symbol& s = symbols_[int(what)][sizes];
  if (!s.asked) s.asked = true, s.address = findSymbol(library_, (std::string(kNames[int(what)]) + (sizes ? "_bufferSize" : "")).c_str());
  return s.address;
}

int Solver::said(int status, std::string* failure) const {
  if (status != 0) *failure = path_ + ": status " + std::to_string(status);
  return status;
}

int Solver::sizes(const Call& c, Sizes* s, std::string* failure) {
  void* const f = find(c.what, true);
  if (!f || !find(c.what, false) || c.a.type < 0 || c.a.type > 3) return -1;
  const int data = kData[c.a.type], real = kReal[c.a.type];
  switch (c.what) {
    case What::cholesky: return said(reinterpret_cast<PotrfSizes>(f)(handle_, params_, c.upper, c.a.n, data, c.a.a, c.a.lda, data, &s->device, &s->host), failure);
    case What::lu: return said(reinterpret_cast<GetrfSizes>(f)(handle_, params_, c.a.n, c.a.n, data, c.a.a, c.a.lda, data, &s->device, &s->host), failure);
    case What::eigh: return said(reinterpret_cast<SyevdSizes>(f)(handle_, params_, kVectors, c.upper, c.a.n, data, c.a.a, c.a.lda, real, c.values, data, &s->device, &s->host), failure);
    case What::svd:
      return said(reinterpret_cast<GesvdSizes>(f)(handle_, params_, kThin, kThin, c.m, c.a.n, data, c.a.a, c.a.lda, real, c.values, data, c.u, c.ldu, data, c.vt, c.ldvt, data, &s->device, &s->host), failure);
  }
  return -1;
}

int Solver::run(const Call& c, const Space& s, std::string* failure) {
  void* const f = find(c.what, false);
  if (!f || c.a.type < 0 || c.a.type > 3) return -1;
  const int data = kData[c.a.type], real = kReal[c.a.type];
  switch (c.what) {
    case What::cholesky: return said(reinterpret_cast<Potrf>(f)(handle_, params_, c.upper, c.a.n, data, c.a.a, c.a.lda, data, s.device, s.deviceBytes, s.host, s.hostBytes, s.info), failure);
    case What::lu: return said(reinterpret_cast<Getrf>(f)(handle_, params_, c.a.n, c.a.n, data, c.a.a, c.a.lda, c.pivots, data, s.device, s.deviceBytes, s.host, s.hostBytes, s.info), failure);
    case What::eigh:
      return said(reinterpret_cast<Syevd>(f)(handle_, params_, kVectors, c.upper, c.a.n, data, c.a.a, c.a.lda, real, c.values, data, s.device, s.deviceBytes, s.host, s.hostBytes, s.info), failure);
    case What::svd:
      return said(reinterpret_cast<Gesvd>(f)(handle_, params_, kThin, kThin, c.m, c.a.n, data, c.a.a, c.a.lda, real, c.values, data, c.u, c.ldu, data, c.vt, c.ldvt, data, s.device, s.deviceBytes, s.host,
                                             s.hostBytes, s.info),
                  failure);
  }
  return -1;
}

}  // namespace dace::cuda
