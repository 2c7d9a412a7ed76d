// cuBLAS. Its matrices are column-major: what is row-major for us is its transposed, so the factors of a product change places.
#include "cuda/blas.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "jit/library.h"

namespace dace::cuda {
namespace {

// The library's own declarations, for int (LL: strides) and for 64-bit sizes.
template <class I>
using Gemm = int (*)(void*, int, int, I, I, I, const void*, const void*, I, const void*, I, const void*, void*, I);
template <class I>
using Batch = int (*)(void*, int, int, I, I, I, const void*, const void*, I, long long, const void*, I, long long, const void*, void*, I, long long, I);
template <class I>
using Trsm = int (*)(void*, int, int, int, int, I, I, const void*, const void*, I, void*, I);
// As much as NVIDIA gives by itself on the devices that want most.
constexpr size_t kWorkspace = size_t(32) << 20;

bool fits(std::initializer_list<int64_t> sizes) {
  return std::all_of(sizes.begin(), sizes.end(), [](int64_t n) { return n <= 2147483647; });
}

}  // namespace

void* openOneOf(const char* variable, std::initializer_list<const char*> names, std::string* path, std::string* why) {
  if (const char* given = std::getenv(variable); given && *given) {
    *path = given;
    if (*path == "off") return *why = std::string(variable) + " is off", nullptr;
    return openLibrary(*path, why);
  }
  std::string first;
  for (const char* name : names) {
    if (void* h = openLibrary(*path = name, why)) return h;
    if (first.empty()) first = *why;
  }
  return *why = first, nullptr;
}

void* openBlasLibrary(std::string* path, std::string* why) { return openOneOf("DACE_AD_LIBCUBLAS", {"libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so"}, path, why); }

std::unique_ptr<Blas> Blas::open(const Driver& driver, Stream stream, std::string* why) {
  std::unique_ptr<Blas> b(new Blas);
  void* const h = b->library_ = openBlasLibrary(&b->path_, why);
  if (!h) return nullptr;
  const auto create = reinterpret_cast<int (*)(void**)>(findSymbol(h, "cublasCreate_v2"));
  const auto setStream = reinterpret_cast<int (*)(void*, Stream)>(findSymbol(h, "cublasSetStream_v2"));
  const auto setWorkspace = reinterpret_cast<int (*)(void*, void*, size_t)>(findSymbol(h, "cublasSetWorkspace_v2"));
  b->destroy_ = reinterpret_cast<int (*)(void*)>(findSymbol(h, "cublasDestroy_v2"));
  if (!create || !setStream || !b->destroy_) return *why = b->path_ + ": it is no cuBLAS", nullptr;
  if (const int r = create(&b->handle_)) return b->handle_ = nullptr, *why = b->path_ + ": cublasCreate gave " + std::to_string(r), nullptr;
  bool ready = setStream(b->handle_, stream) == 0;
  // Memory of its own would be allocated while a section is recorded. Beside the pool: it is no program's, and stays.
  if (ready && setWorkspace && driver.allocate(&b->workspace_, kWorkspace) == kSuccess) {
    b->driver_ = &driver;
    ready = setWorkspace(b->handle_, reinterpret_cast<void*>(uintptr_t(b->workspace_)), kWorkspace) == 0;
  }
  if (!ready) return b->close(), *why = b->path_ + ": its stream or workspace cannot be set", nullptr;
  return b;
}

void Blas::close() {
  if (handle_) destroy_(handle_);
  handle_ = nullptr;
  if (driver_) driver_->free(workspace_);
  driver_ = nullptr;
}

Blas::Symbol& Blas::find(Symbol (&all)[4], int32_t type, const char* name) {
  Symbol& s = all[type];
  if (s.asked) return s;
  s.asked = true;
  std::string full = name;
  full.replace(full.find('?'), 1, 1, "DSZC"[type]);
  s.address = findSymbol(library_, (full + "_64").c_str());
  s.wide = s.address != nullptr;
  if (!s.address) s.address = findSymbol(library_, full.c_str());
  return s;
}

int Blas::said(int status, std::string* failure) const {
  if (status != 0) *failure = path_ + ": status " + std::to_string(status);
  return status;
}

int Blas::gemm(const Product& p, std::string* failure) {
  if (p.type < 0 || p.type > 3 || p.m <= 0 || p.n <= 0 || p.k <= 0) return -1;
  const Symbol& s = find(gemm_, p.type, "cublas?gemm_v2");
  if (!s.address || (!s.wide && !fits({p.m, p.n, p.k, p.lda, p.ldb, p.ldc}))) return -1;
  if (s.wide) return said(reinterpret_cast<Gemm<int64_t>>(s.address)(handle_, p.tb, p.ta, p.n, p.m, p.k, p.alpha, p.b, p.ldb, p.a, p.lda, p.beta, p.c, p.ldc), failure);
  return said(reinterpret_cast<Gemm<int>>(s.address)(handle_, p.tb, p.ta, int(p.n), int(p.m), int(p.k), p.alpha, p.b, int(p.ldb), p.a, int(p.lda), p.beta, p.c, int(p.ldc)), failure);
}

int Blas::batch(const Product& p, std::string* failure) {
  if (p.type < 0 || p.type > 3 || p.m <= 0 || p.n <= 0 || p.k <= 0 || p.count <= 0) return -1;
  const Symbol& s = find(batch_, p.type, "cublas?gemmStridedBatched");
  if (!s.address || (!s.wide && !fits({p.m, p.n, p.k, p.lda, p.ldb, p.ldc, p.count}))) return -1;
  if (s.wide)
    return said(reinterpret_cast<Batch<int64_t>>(s.address)(handle_, p.tb, p.ta, p.n, p.m, p.k, p.alpha, p.b, p.ldb, p.strideB, p.a, p.lda, p.strideA, p.beta, p.c, p.ldc, p.strideC, p.count), failure);
  return said(reinterpret_cast<Batch<int>>(s.address)(handle_, p.tb, p.ta, int(p.n), int(p.m), int(p.k), p.alpha, p.b, int(p.ldb), p.strideB, p.a, int(p.lda), p.strideA, p.beta, p.c, int(p.ldc), p.strideC,
                                                      int(p.count)),
              failure);
}

int Blas::trsm(const Triangle& t, std::string* failure) {
  if (t.type < 0 || t.type > 3 || t.m <= 0 || t.n <= 0) return -1;
  const Symbol& s = find(trsm_, t.type, "cublas?trsm_v2");
  if (!s.address || (!s.wide && !fits({t.m, t.n, t.ldt, t.ldx}))) return -1;
  const double one64[2] = {1, 0};
  const float one32[2] = {1, 0};
  const void* const one = t.type % 2 ? static_cast<const void*>(one32) : one64;
  if (s.wide) return said(reinterpret_cast<Trsm<int64_t>>(s.address)(handle_, t.right, t.upper, t.op, t.unit, t.m, t.n, one, t.t, t.ldt, t.x, t.ldx), failure);
  return said(reinterpret_cast<Trsm<int>>(s.address)(handle_, t.right, t.upper, t.op, t.unit, int(t.m), int(t.n), one, t.t, int(t.ldt), t.x, int(t.ldx)), failure);
}

}  // namespace dace::cuda
