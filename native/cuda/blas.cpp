// cuBLAS. Its matrices are column-major: what is row-major for us is its transposed, so the factors change places.
#include "cuda/blas.h"

#include <cstdlib>
#include <string>

#include "jit/library.h"

namespace dace::cuda {
namespace {

using Narrow = int (*)(void*, int, int, int, int, int, const void*, const void*, int, const void*, int, const void*, void*, int);
using Wide = int (*)(void*, int, int, int64_t, int64_t, int64_t, const void*, const void*, int64_t, const void*, int64_t, const void*, void*, int64_t);
constexpr const char* kNames[4] = {"cublasDgemm_v2", "cublasSgemm_v2", "cublasZgemm_v2", "cublasCgemm_v2"};
// As much as NVIDIA gives by itself on the devices that want most.
constexpr size_t kWorkspace = size_t(32) << 20;

void* openAny(std::string* path, std::string* why) {
  if (const char* given = std::getenv("DACE_AD_LIBCUBLAS"); given && *given) {
    *path = given;
    if (*path == "off") return *why = "DACE_AD_LIBCUBLAS is off", nullptr;
    return openLibrary(*path, why);
  }
  for (const char* name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so"})
    if (void* h = openLibrary(*path = name, why)) return h;
  return nullptr;
}

}  // namespace

std::unique_ptr<Blas> Blas::open(const Driver& driver, Stream stream, std::string* why) {
  std::unique_ptr<Blas> b(new Blas);
  void* const h = openAny(&b->path_, why);
  if (!h) return nullptr;
  const auto create = reinterpret_cast<int (*)(void**)>(findSymbol(h, "cublasCreate_v2"));
  const auto setStream = reinterpret_cast<int (*)(void*, Stream)>(findSymbol(h, "cublasSetStream_v2"));
  const auto setWorkspace = reinterpret_cast<int (*)(void*, void*, size_t)>(findSymbol(h, "cublasSetWorkspace_v2"));
  b->destroy_ = reinterpret_cast<int (*)(void*)>(findSymbol(h, "cublasDestroy_v2"));
  if (!create || !setStream || !b->destroy_) return *why = b->path_ + ": it is no cuBLAS", nullptr;
  for (int k = 0; k < 4; k++) {
    b->gemm_[k] = findSymbol(h, (std::string(kNames[k]) + "_64").c_str());
    b->wide_[k] = b->gemm_[k] != nullptr;
    if (!b->gemm_[k]) b->gemm_[k] = findSymbol(h, kNames[k]);
  }
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

int Blas::gemm(int32_t type, int32_t ta, int32_t tb, int64_t m, int64_t n, int64_t k, const void* alpha, const void* a, int64_t lda, const void* b, int64_t ldb, const void* beta, void* c, int64_t ldc,
               std::string* failure) {
  if (type < 0 || type > 3 || !gemm_[type] || m <= 0 || n <= 0 || k <= 0) return -1;
  constexpr int64_t kInt = 2147483647;
  const int opA = ta ? 1 : 0, opB = tb ? 1 : 0;
  int r;
  if (wide_[type]) {
    r = reinterpret_cast<Wide>(gemm_[type])(handle_, opB, opA, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc);
  } else {
    if (m > kInt || n > kInt || k > kInt || lda > kInt || ldb > kInt || ldc > kInt) return -1;
    r = reinterpret_cast<Narrow>(gemm_[type])(handle_, opB, opA, int(n), int(m), int(k), alpha, b, int(ldb), a, int(lda), beta, c, int(ldc));
  }
  if (r != 0) *failure = path_ + ": status " + std::to_string(r);
  return r;
}

}  // namespace dace::cuda
