// Runs of a hand-written program on the fake driver: prints the checks that do not hold. Argument: the driver's library.
#include <dlfcn.h>

#include <cstdio>

#include "blas/gemm.h"
#include "cuda/host_copies.h"
#include "cuda/run.h"

using namespace dace::cuda;

// The table carries the processor's products, too; a program for a GPU does not call them.
namespace dace {
void gemmF64(int32_t, int32_t, int64_t, int64_t, int64_t, double, const double*, int64_t, const double*, int64_t, double, double*, int64_t, int32_t) {}
void gemmF32(int32_t, int32_t, int64_t, int64_t, int64_t, float, const float*, int64_t, const float*, int64_t, float, float*, int64_t, int32_t) {}
}  // namespace dace

static int failures = 0;
#define CHECK(x) ((x) ? void() : (failures++, void(std::printf("line %d: %s\n", __LINE__, #x))))

// What the program is to do besides y = 3 x.
enum Mode : int64_t { plain, outOfRange, raised, badKernel };

// k0(to, from, factor, n)
static void scale(void** p) {
  double* const to = *static_cast<double**>(p[0]);
  const double *const from = *static_cast<double**>(p[1]), *const factor = *static_cast<double**>(p[2]);
  for (int64_t k = 0; k < *static_cast<int64_t*>(p[3]); k++) to[k] = from[k] * *factor;
}
// k1(error): what a kernel does that finds an index out of range.
static void mistake(void** p) {
  int64_t* const e = *static_cast<int64_t**>(p[0]);
  if (e[0] == 0) e[0] = DACE_BOUNDS, e[1] = 5, e[2] = 12, e[3] = 10;
}

#define TRY(x) \
  if (const int32_t code = (x)) return code

// args: x[n], y[n]; arena: n + 1 doubles. x is copied, moved through a buffer that grows and through the host's memory, multiplied by a scalar that the host writes and spoils, and y[0] is read.
static int32_t program(const dace_rt* rt, void* const* args, const int64_t* symbols, void* arena) {
  const dace_gpu& g = *rt->gpu;
  if (rt->abi_version != DACE_ABI_VERSION || rt->struct_bytes != sizeof(dace_rt) || g.multiprocessors != 4) return DACE_INTERNAL;
  int64_t n = symbols[0];
  const int64_t bytes = 8 * n;
  auto* const factor = static_cast<double*>(arena);
  double* work = factor + 1;
  TRY(g.copy(g.state, work, args[0], bytes));
  void* buffer = rt->grow(rt->grown, 0, bytes);
  if (!buffer) return DACE_OOM;
  TRY(g.copy(g.state, buffer, work, bytes));
  TRY(g.offload(g.state, 0, work, bytes));
  TRY(g.settle(g.state, 0));
  TRY(g.zero(g.state, work, bytes));
  buffer = rt->grow(rt->grown, 0, 20 * bytes);  // keeps what it holds
  if (!buffer) return DACE_OOM;
  TRY(g.fetch(g.state, 0, buffer, bytes));
  TRY(g.settle(g.state, 0));
  double three = 3;
  TRY(g.write(g.state, factor, &three, 8));
  three = -1;
  if (rt->cancel && *rt->cancel) return DACE_CANCELLED;
  const int32_t go = g.section_begin(g.state, 0, nullptr, 0);
  if (go == 1) {
    void *to = args[1], *by = factor;
    void* params[] = {&to, &buffer, &by, &n};
    TRY(g.launch(g.state, symbols[1] == badKernel ? 7 : 0, 1, 1, 1, 32, 1, 1, 0, params));
    TRY(g.section_end(g.state, 0));
  } else if (go != 0) {
    return go;
  }
  double first = 0;
  TRY(g.read(g.state, &first, args[1], 8));
  if (first != 3) return DACE_INTERNAL;
  if (symbols[1] == raised) return rt->error[0] = DACE_RAISED, rt->error[1] = 9, DACE_RAISED;
  if (symbols[1] == outOfRange) {
    int64_t* e = g.error;
    void* params[] = {&e};
    TRY(g.launch(g.state, 1, 1, 1, 1, 1, 1, 1, 0, params));
  }
  return g.gemm(g.state, 0, 0, 0, 1, 1, 1, nullptr, nullptr, 1, nullptr, 1, nullptr, nullptr, 1) == -1 ? DACE_OK : DACE_INTERNAL;
}

int main(int, char** argv) {
  std::string why;
  const Driver* const opened = openDriver(argv[1], &why);
  if (!opened) return std::printf("%s\n", why.c_str()), 2;
  const Driver& d = *opened;
  void* const library = dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD);
  auto hook = [&](const char* name) -> int& { return *static_cast<int*>(dlsym(library, name)); };
  int &lost = hook("fake_lost"), &failCall = hook("fake_fail_call"), &failWith = hook("fake_fail_with"), &failOn = hook("fake_fail_on");
  const auto used = reinterpret_cast<size_t (*)()>(dlsym(library, "fake_used"));
  const auto depth = reinterpret_cast<int (*)()>(dlsym(library, "fake_depth"));
  Context context;
  Stream stream;
  CHECK(d.retainContext(&context, 0) == kSuccess && d.createStream(&stream, 0) == kSuccess);
  const Findings found = findDevices(argv[1]);
  CHECK(found.devices.size() == 1);

  constexpr int n = 100;
  double x[n], y[n];
  const Program p{program, {reinterpret_cast<Function>(scale), reinterpret_cast<Function>(mistake)}};
  const std::vector<Argument> args{{x, sizeof x, false}, {y, sizeof y, true}, {nullptr, 0, false}};
  const auto fill = [&] {
    for (int k = 0; k < n; k++) x[k] = k + 1, y[k] = -7;
  };
  const auto untouched = [&] {
    for (int k = 0; k < n; k++)
      if (y[k] != -7 || x[k] != k + 1) return false;
    return true;
  };
  const auto right = [&] {
    for (int k = 0; k < n; k++)
      if (y[k] != 3 * (k + 1) || x[k] != k + 1) return false;
    return true;
  };
  {
    DevicePool pool(d, context, size_t(1) << 30);
    const Place place{d, context, stream, pool, found.devices.at(0)};
    HostCopies host(d, stream);
    Helpers helpers;
    helpers.host = &host;
    const auto go = [&](Mode mode, const int32_t* cancel = nullptr) {
      const int64_t symbols[] = {n, mode};
      fill();
      const RunResult r = run(place, p, args, symbols, 8 * (n + 1), cancel, nullptr, helpers);
      CHECK(host.statistics().inUse == 0 && pool.statistics().inUse == 0 && pool.statistics().blocks == 0 && depth() == 0);
      return r;
    };
    RunResult r = go(plain);
    CHECK(r.code == DACE_OK && r.failure.empty() && right());
    CHECK(r.extent == 8 * 20 * n && host.statistics().out == 8 * n && host.statistics().in == 8 * n && host.statistics().highWater == 8 * n);
    r = go(outOfRange);
    CHECK(r.code == DACE_BOUNDS && r.site == 5 && r.value == 12 && r.extent == 10 && r.failure.empty() && untouched());
    CHECK(go(plain).code == DACE_OK && right());  // the error words are clear again
    r = go(raised);
    CHECK(r.code == DACE_RAISED && r.site == 9 && untouched());
    r = go(badKernel);
    CHECK(r.code == DACE_INTERNAL && untouched());
    const int32_t cancel = 1;
    CHECK(go(plain, &cancel).code == DACE_CANCELLED && untouched());

    // Any call fails, once or from then on: it is reported with the driver's words, nothing stays behind, and the next run is right.
    for (const int sticky : {0, 1})
      for (const int with : {700, 2}) {
        int n_th = 1, failed = 0;
        for (;; n_th++) {
          pool.trim(), host.trim();
          failWith = with, failOn = sticky, failCall = n_th;
          r = go(plain);
          const bool reached = failCall == 0;
          failCall = 0, lost = 0;
          if (!reached) break;
          if (r.code == DACE_OK) CHECK(with == 2 && !sticky && right());  // an allocation that was tried again
          else failed++, CHECK(r.code == (with == 2 ? DACE_OOM : DACE_INTERNAL)), CHECK(r.failure.find(with == 2 ? "OUT_OF_MEMORY" : "ILLEGAL_ADDRESS") != std::string::npos);
          CHECK(go(plain).code == DACE_OK && right());
        }
        CHECK(failed >= 15 && n_th > failed);
      }
    r = go(plain);
    CHECK(r.code == DACE_OK && right());

    const DevicePoolStatistics before = pool.statistics();
    const size_t taken = used();
    for (int k = 0; k < 10000; k++) {
      const int64_t symbols[] = {n, k % 3 == 0 ? outOfRange : plain};
      CHECK(run(place, p, args, symbols, 8 * (n + 1), nullptr, nullptr, helpers).code == (k % 3 == 0 ? DACE_BOUNDS : DACE_OK));
    }
    CHECK(host.statistics().pooled == 8 * n && used() == taken && pool.statistics().pooled == before.pooled && pool.statistics().allocations == before.allocations && pool.statistics().inUse == 0);

    // A context that is none.
    int none;
    const Place wrong{d, &none, stream, pool, found.devices.at(0)};
    const int64_t symbols[] = {n, plain};
    fill();
    r = run(wrong, p, args, symbols, 8 * (n + 1), nullptr, nullptr, helpers);
    CHECK(r.code == DACE_INTERNAL && r.failure.find("the device's context") == 0 && untouched());
  }
  if (failures == 0) std::printf("all hold\n");
  return failures ? 1 : 0;
}
