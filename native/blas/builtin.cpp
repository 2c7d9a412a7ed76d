// Our own matrix product: panels of B in the last-level cache, blocks of A in L2, register tiles (Goto's scheme); matrix-vector products apart.
#include "blas/builtin.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "blas/kernels.h"
#include "blas/team.h"
#include "jit/cpu.h"

namespace dace {
namespace {

constexpr int64_t kDepth = 256;        // k per panel: a sliver of B (kDepth x nr) stays in L1
constexpr int64_t kRows = 96;          // rows per block of A: kRows x kDepth in L2; a multiple of every mr
constexpr int64_t kColumns = 2304;     // columns per panel of B; a multiple of every nr
constexpr double kParallelWork = 4e5;  // multiplications below which threads cost more than they bring
constexpr int64_t kMaxRows = 8, kMaxTile = kMaxRows * 48;

template <class T> const Kernels<T>& kernels();
enum class Isa { base, avx2, avx512 };
Isa isa() {
#if defined(__x86_64__)
  static const Isa found = [] {
    const Cpu& c = cpu();
    if (c.has("avx512f") && c.has("avx512dq") && c.has("avx512vl")) return Isa::avx512;
    return c.has("avx2") && c.has("fma") ? Isa::avx2 : Isa::base;
  }();
  return found;
#else
  return Isa::base;
#endif
}
#if defined(__x86_64__)
template <> const Kernels<double>& kernels<double>() { return isa() == Isa::avx512 ? kAvx512F64 : isa() == Isa::avx2 ? kAvx2F64 : kBaseF64; }
template <> const Kernels<float>& kernels<float>() { return isa() == Isa::avx512 ? kAvx512F32 : isa() == Isa::avx2 ? kAvx2F32 : kBaseF32; }
#else
template <> const Kernels<double>& kernels<double>() { return kBaseF64; }
template <> const Kernels<float>& kernels<float>() { return kBaseF32; }
#endif

// Memory that a thread keeps between products. nullptr where there is none: generated code cannot be left by an exception.
class Scratch {
 public:
  void* get(size_t bytes) {
    if (bytes > bytes_) {
      std::free(data_);
      bytes_ = (bytes + 4095) / 4096 * 4096;
      data_ = std::aligned_alloc(64, bytes_);
      if (!data_) bytes_ = 0;
    }
    return data_;
  }
  ~Scratch() { std::free(data_); }

 private:
  void* data_ = nullptr;
  size_t bytes_ = 0;
};
thread_local Scratch blockOfA, panelOfB;

// A matrix by its strides: transposition is an exchange of the two.
template <class T>
struct Matrix {
  const T* data;
  int64_t row, column;
  Matrix at(int64_t i, int64_t j) const { return {data + i * row + j * column, row, column}; }
};

// Slivers of W rows of x (columns of B, read as rows of its transpose), depth-major, zeros beyond the edge.
template <int W, class T>
void packAs(Matrix<T> x, int64_t rows, int64_t depth, T* out) {
  constexpr int64_t kBatch = 32;  // slivers written side by side: as many pages as the first-level TLB holds with room to spare
  if (x.row == 1) {
    // Along the memory of x, not along the slivers: a whole row per step instead of a page per element.
    const int64_t full = rows / W * W;
    for (int64_t first = 0; first < full; first += kBatch * W)
      for (int64_t p = 0; p < depth; p++) {
        const T* from = x.data + p * x.column;
        for (int64_t i = first; i < std::min(full, first + kBatch * W); i += W) std::memcpy(out + i * depth + p * W, from + i, W * sizeof(T));
      }
    if (full == rows) return;
    for (int64_t p = 0; p < depth; p++)
      for (int64_t r = 0; r < W; r++) out[full * depth + p * W + r] = full + r < rows ? x.data[full + r + p * x.column] : T(0);
    return;
  }
  for (int64_t i = 0; i < rows; i += W, out += W * depth)
    for (int64_t r = 0; r < W; r++) {
      const T* from = x.data + (i + r) * x.row;
      if (i + r < rows) for (int64_t p = 0; p < depth; p++) out[p * W + r] = from[p * x.column];
      else for (int64_t p = 0; p < depth; p++) out[p * W + r] = 0;
    }
}
template <class T>
void pack(Matrix<T> x, int64_t rows, int64_t depth, int64_t width, T* out) {
  switch (width) {
    case 4: return packAs<4>(x, rows, depth, out);
    case 6: return packAs<6>(x, rows, depth, out);
    case 8: return packAs<8>(x, rows, depth, out);
    case 16: return packAs<16>(x, rows, depth, out);
    case 24: return packAs<24>(x, rows, depth, out);
    case 48: return packAs<48>(x, rows, depth, out);
    default: std::abort();  // a kernel's tile that this list forgot
  }
}

// One panel of the product, cut into tasks: blocks of rows times groups of columns.
template <class T>
struct Panel {
  const Kernels<T>& kernel;
  Matrix<T> a, bTransposed;
  T* c;
  int64_t ldc, m, n, depth;
  T alpha, beta;
  T* packedB;
  int64_t groups, columnsPerGroup;

  static void packTask(void* self, int64_t task) {
    auto& s = *static_cast<Panel*>(self);
    const int64_t j = task * s.columnsPerGroup, w = std::min(s.columnsPerGroup, s.n - j);
    pack(s.bTransposed.at(j, 0), w, s.depth, int64_t(s.kernel.nr), s.packedB + j * s.depth);
  }

  static void computeTask(void* self, int64_t task) {
    auto& s = *static_cast<Panel*>(self);
    const int64_t i = task / s.groups * kRows, h = std::min(kRows, s.m - i), first = task % s.groups * s.columnsPerGroup, last = std::min(s.n, first + s.columnsPerGroup);
    const int64_t mr = s.kernel.mr, nr = s.kernel.nr;
    alignas(64) T sliver[kMaxRows * kDepth];
    T* packedA = static_cast<T*>(blockOfA.get(size_t(kRows * kDepth) * sizeof(T)));
    const int64_t step = packedA ? h : mr;
    if (!packedA) packedA = sliver;
    for (int64_t at = 0; at < h; at += step) {
      const int64_t rows = std::min(step, h - at);
      pack(s.a.at(i + at, 0), rows, s.depth, mr, packedA);
      for (int64_t j = first; j < last; j += nr)
        for (int64_t r = 0; r < rows; r += mr) s.oneTile(packedA + r * s.depth, s.packedB + j * s.depth, i + at + r, j, std::min(mr, rows - r), std::min(nr, last - j));
    }
  }

  void oneTile(const T* pa, const T* pb, int64_t i, int64_t j, int64_t h, int64_t w) {
    T* to = c + i * ldc + j;
    if (h == kernel.mr && w == kernel.nr) return kernel.tile(depth, pa, pb, to, ldc, alpha, beta);
    // An edge goes through the same instructions, so that an element's bits do not depend on where it stands.
    alignas(64) T part[kMaxTile] = {};
    if (beta != 0)
      for (int64_t r = 0; r < h; r++) std::memcpy(part + r * kernel.nr, to + r * ldc, size_t(w) * sizeof(T));
    kernel.tile(depth, pa, pb, part, kernel.nr, alpha, beta);
    for (int64_t r = 0; r < h; r++) std::memcpy(to + r * ldc, part + r * kernel.nr, size_t(w) * sizeof(T));
  }
};

// y[i * stride] = alpha * (A x)[i] + beta * y[i * stride]; x is contiguous.
template <class T>
struct Product {
  const Kernels<T>& kernel;
  Matrix<T> a;
  const T* x;
  T* y;
  int64_t stride, rows, k;
  T alpha, beta;
  static constexpr int64_t kChunk = 512;

  static void task(void* self, int64_t t) {
    auto& s = *static_cast<Product*>(self);
    const int64_t first = t * kChunk, n = std::min(kChunk, s.rows - first);
    alignas(64) T sum[kChunk];
    if (s.a.row == 1 && s.a.column != 1) {
      std::memset(sum, 0, sizeof sum);
      for (int64_t p = 0; p < s.k; p++) s.kernel.axpy(n, s.x[p], s.a.data + first + p * s.a.column, sum);
    } else {
      for (int64_t i = 0; i < n; i++) sum[i] = s.kernel.dot(s.k, s.a.data + (first + i) * s.a.row, s.x);
    }
    for (int64_t i = 0; i < n; i++) {
      T& to = s.y[(first + i) * s.stride];
      to = s.beta == 0 ? s.alpha * sum[i] : s.beta * to + s.alpha * sum[i];
    }
  }
};

template <class T>
void matrixVector(Matrix<T> a, const T* x, int64_t strideX, T* y, int64_t strideY, int64_t rows, int64_t k, T alpha, T beta, int32_t threads) {
  if (strideX != 1) {
    T* copy = static_cast<T*>(panelOfB.get(size_t(k) * sizeof(T)));
    if (!copy) return plainProduct(a, Matrix<T>{x, 0, strideX}, rows, 1, k, alpha, beta, y, strideY);
    for (int64_t p = 0; p < k; p++) copy[p] = x[p * strideX];
    x = copy;
  }
  Product<T> work{kernels<T>(), a, x, y, strideY, rows, k, alpha, beta};
  Team::each((rows + work.kChunk - 1) / work.kChunk, double(rows) * double(k) < kParallelWork ? 1 : threads, Product<T>::task, &work);
}

// Without any memory: slow, and still the product.
template <class T>
void plainProduct(Matrix<T> a, Matrix<T> bTransposed, int64_t m, int64_t n, int64_t k, T alpha, T beta, T* c, int64_t ldc) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) {
      T sum = 0;
      for (int64_t p = 0; p < k; p++) sum += *a.at(i, p).data * *bTransposed.at(j, p).data;
      T& to = c[i * ldc + j];
      to = beta == 0 ? alpha * sum : beta * to + alpha * sum;
    }
}

template <class T>
void scale(T* c, int64_t ldc, int64_t m, int64_t n, T beta) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) c[i * ldc + j] = beta == 0 ? T(0) : beta * c[i * ldc + j];
}

}  // namespace

const char* builtinName() { return isa() == Isa::avx512 ? "avx512" : isa() == Isa::avx2 ? "avx2" : "base"; }

template <class T>
void builtinGemm(bool transA, bool transB, int64_t m, int64_t n, int64_t k, T alpha, const T* a, int64_t lda, const T* b, int64_t ldb, T beta, T* c, int64_t ldc, int32_t threads) {
  if (m <= 0 || n <= 0) return;
  if (k <= 0 || alpha == 0) return scale(c, ldc, m, n, beta);
  const Matrix<T> left = transA ? Matrix<T>{a, 1, lda} : Matrix<T>{a, lda, 1};
  const Matrix<T> rightTransposed = transB ? Matrix<T>{b, ldb, 1} : Matrix<T>{b, 1, ldb};
  // Vectors: one operand is read once, so packing it would double the work. A stride of both kinds is left to the general way.
  if (n == 1 && (left.row == 1 || left.column == 1)) return matrixVector(left, b, rightTransposed.column, c, ldc, m, k, alpha, beta, threads);
  if (m == 1 && (rightTransposed.row == 1 || rightTransposed.column == 1)) return matrixVector(rightTransposed, a, left.column, c, int64_t(1), n, k, alpha, beta, threads);

  const Kernels<T>& kernel = kernels<T>();
  if (double(m) * double(n) * double(k) < kParallelWork) threads = 1;
  const int64_t nr = kernel.nr, width = std::min(kColumns, (n + nr - 1) / nr * nr);
  T* packedB = static_cast<T*>(panelOfB.get(size_t(width) * size_t(std::min(k, kDepth)) * sizeof(T)));
  if (!packedB) return plainProduct(left, rightTransposed, m, n, k, alpha, beta, c, ldc);
  for (int64_t j = 0; j < n; j += kColumns)
    for (int64_t p = 0; p < k; p += kDepth) {
      const int64_t w = std::min(kColumns, n - j), depth = std::min(kDepth, k - p), blocks = (m + kRows - 1) / kRows;
      // As many groups of columns as keep all threads busy where the rows alone do not.
      const int64_t slivers = (w + nr - 1) / nr, groups = std::clamp<int64_t>(threads == 1 ? 1 : (4 * threads + blocks - 1) / blocks, 1, slivers);
      Panel<T> panel{kernel, left.at(0, p), rightTransposed.at(j, p), c + j, ldc, m, w, depth, alpha, p == 0 ? beta : T(1), packedB, groups, (slivers + groups - 1) / groups * nr};
      panel.groups = (w + panel.columnsPerGroup - 1) / panel.columnsPerGroup;
      Team::each(panel.groups, threads, Panel<T>::packTask, &panel);
      Team::each(blocks * panel.groups, threads, Panel<T>::computeTask, &panel);
    }
}

template void builtinGemm<double>(bool, bool, int64_t, int64_t, int64_t, double, const double*, int64_t, const double*, int64_t, double, double*, int64_t, int32_t);
template void builtinGemm<float>(bool, bool, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float, float*, int64_t, int32_t);

}  // namespace dace
