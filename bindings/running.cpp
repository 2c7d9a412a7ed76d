// Runs that the caller waits for: no copies, no allocation.
#include <cstring>
#include <memory>
#include <vector>

#include "env.h"
#include "exec/executor.h"
#include "exec/run.h"
#include "functions.h"
#include "views.h"

namespace dace {
namespace {

constexpr size_t kFixed = 5;  // arguments of `run` before the arrays
constexpr double kMaxThreads = 4096, kMaxBytes = 9007199254740991.0;

struct SyncTask : Task {
  const Kernel* kernel;
  void* const* args;
  const int64_t* symbols;
  size_t arenaBytes;
  int32_t threads;
  RunControl control;
  RunResult result;
};

RunResult execute(const Kernel& kernel, void* const* args, const int64_t* symbols, size_t arenaBytes, int32_t threads, bool parallel) {
  if (!parallel) {
    RunControl control;
    return runKernel(kernel, args, symbols, arenaBytes, threads, control);
  }
  SyncTask task;
  task.kernel = &kernel, task.args = args, task.symbols = symbols, task.arenaBytes = arenaBytes, task.threads = threads;
  task.work = [](Task* t) {
    auto& s = *static_cast<SyncTask*>(t);
    s.result = runKernel(*s.kernel, s.args, s.symbols, s.arenaBytes, s.threads, s.control);
  };
  Executor::instance().run(&task);
  return task.result;
}

void report(Env& state, const RunResult& r) {
  double* s = state.status();
  s[0] = r.code, s[1] = double(r.site), s[2] = double(r.value), s[3] = double(r.extent), s[4] = double(r.ns);
}

[[noreturn]] void outOfMemory(size_t bytes) { throw JsError{JsError::Kind::error, "no memory for an arena of " + std::to_string(bytes) + " bytes", "OOM", ""}; }

uint32_t countOf(napi_env env, napi_value args) {
  bool is = false;
  check(env, napi_is_array(env, args, &is));
  if (!is) typeError("args is not an array");
  uint32_t n;
  check(env, napi_get_array_length(env, args, &n));
  if (n > 100000) typeError("args has too many elements");
  return n;
}

napi_value runWith(Call& c, void* const* args) {
  const Kernel& kernel = fromExternal<const Kernel>(c.env, c.argv[0]);
  size_t count;
  const int64_t* symbols = symbolsOf(c.state, c.argv[1], &count);
  const size_t arenaBytes = size_t(whole(c.env, c.argv[2], "arenaBytes", 0, kMaxBytes));
  const int32_t threads = int32_t(whole(c.env, c.argv[3], "threads", 1, kMaxThreads));
  const RunResult r = execute(kernel, args, symbols, arenaBytes, threads, boolean(c.env, c.argv[4], "parallel"));
  if (r.outOfMemory) outOfMemory(arenaBytes);
  report(c.state, r);
  return nullptr;
}

// What a BoundRun holds on to: the buffers, so that they stay, and can be asked whether they still have their memory.
struct Bound {
  napi_env env;
  const Kernel* kernel;
  std::vector<void*> args;
  std::vector<int64_t> symbols;
  std::vector<napi_ref> arrays;   // shared memory: cannot go while referenced
  std::vector<napi_ref> buffers;  // plain buffers: may be detached between runs
  size_t arenaBytes;
  int32_t threads;
  bool parallel, disposed = false;
  RunResult last;

  void dispose() {
    disposed = true;
    for (auto* list : {&arrays, &buffers}) {
      for (napi_ref r : *list) napi_delete_reference(env, r);
      list->clear();
    }
  }
  ~Bound() { dispose(); }
};

}  // namespace

// (kernel, symbols, arenaBytes, threads, parallel, ...args): what a small kernel's call costs is decided here.
napi_value run(Call& c) {
  void* args[Call::kMax];
  if (c.argc > Call::kMax || c.argc < kFixed) typeError("wrong number of arguments");
  for (size_t i = kFixed; i < c.argc; i++) args[i - kFixed] = viewOf(c.state, c.argv[i], i - kFixed).data;
  return runWith(c, args);
}

// The same with an array of arguments.
napi_value runMany(Call& c) {
  const uint32_t n = countOf(c.env, c.argv[kFixed]);
  std::vector<void*> args(n);
  for (uint32_t i = 0; i < n; i++) {
    napi_value v;
    check(c.env, napi_get_element(c.env, c.argv[kFixed], i, &v));
    args[i] = viewOf(c.state, v, i).data;
  }
  return runWith(c, args.data());
}

napi_value bind(Call& c) {
  auto b = std::make_shared<Bound>();
  b->env = c.env;
  b->kernel = &fromExternal<const Kernel>(c.env, c.argv[0]);
  const uint32_t n = countOf(c.env, c.argv[1]);
  size_t count;
  const int64_t* symbols = symbolsOf(c.state, c.argv[2], &count);
  b->symbols.assign(symbols, symbols + count);
  b->arenaBytes = size_t(whole(c.env, c.argv[3], "arenaBytes", 0, kMaxBytes));
  b->threads = int32_t(whole(c.env, c.argv[4], "threads", 1, kMaxThreads));
  b->parallel = boolean(c.env, c.argv[5], "parallel");
  for (uint32_t i = 0; i < n; i++) {
    napi_value v;
    check(c.env, napi_get_element(c.env, c.argv[1], i, &v));
    const View view = viewOf(c.state, v, i);
    b->args.push_back(view.data);
    if (view.bytes == 0) continue;
    const bool shared = isShared(c.env, view.buffer);
    if (!shared && isResizable(c.env, view.buffer)) typeError("argument " + std::to_string(i) + " lies in a resizable ArrayBuffer, which cannot be bound");
    napi_ref ref;
    check(c.env, napi_create_reference(c.env, shared ? v : view.buffer, 1, &ref));
    (shared ? b->arrays : b->buffers).push_back(ref);
  }
  return external(c.env, std::move(b));
}

napi_value boundRun(Call& c) {
  Bound& b = fromExternal<Bound>(c.env, c.argv[0]);
  if (b.disposed) typeError("this bound run was disposed");
  for (napi_ref r : b.buffers) {
    napi_value buffer;
    bool detached = true;
    if (napi_get_reference_value(c.env, r, &buffer) != napi_ok || napi_is_detached_arraybuffer(c.env, buffer, &detached) != napi_ok || detached) typeError("a bound array's buffer was detached");
  }
  b.last = execute(*b.kernel, b.args.data(), b.symbols.data(), b.arenaBytes, b.threads, b.parallel);
  if (b.last.outOfMemory) outOfMemory(b.arenaBytes);
  napi_value code;
  check(c.env, napi_create_int32(c.env, b.last.code, &code));
  return code;
}

napi_value boundStatus(Call& c) {
  report(c.state, fromExternal<Bound>(c.env, c.argv[0]).last);
  return nullptr;
}

napi_value boundDispose(Call& c) {
  fromExternal<Bound>(c.env, c.argv[0]).dispose();
  return nullptr;
}

}  // namespace dace
