// Runs on the executor while JavaScript goes on. Plain buffers are copied at the call: resize() and transfer could take their memory at any time.
#include <cstring>
#include <vector>

#include "env.h"
#include "exec/executor.h"
#include "exec/run.h"
#include "functions.h"
#include "views.h"

namespace dace {
namespace {

class RunJob final : public Job, public Task {
 public:
  const Kernel* kernel = nullptr;
  std::vector<void*> args;
  std::vector<int64_t> symbols;
  std::vector<Block> copies;
  struct Target { size_t index; napi_ref array; size_t bytes; };
  std::vector<Target> targets;    // plain arrays to write back to
  std::vector<napi_ref> shared;   // keeps shared memory where it is
  size_t arenaBytes = 0;
  int32_t threads = 1;
  RunControl control;
  RunResult result;

  ~RunJob() override {
    for (const Block& b : copies) Pool::copies().release(b);
  }
  bool stop() override {
    cancel();
    return Executor::instance().withdraw(this);
  }
  void cancel() { __atomic_store_n(&control.cancel, 1, __ATOMIC_RELAXED); }
  void drop(napi_env env) override {
    for (const Target& t : targets) napi_delete_reference(env, t.array);
    for (napi_ref r : shared) napi_delete_reference(env, r);
    targets.clear(), shared.clear();
  }

  static void work(Task* t) {
    auto* self = static_cast<RunJob*>(t);
    if (__atomic_load_n(&self->control.cancel, __ATOMIC_RELAXED)) self->result.code = DACE_CANCELLED;
    else self->result = runKernel(*self->kernel, self->args.data(), self->symbols.data(), self->arenaBytes, self->threads, self->control);
    self->env_->finished(self);
  }

  void settle(napi_env env) override {
    if (result.outOfMemory) return reject(env, {JsError::Kind::error, "no memory for an arena of " + std::to_string(arenaBytes) + " bytes", "OOM", ""});
    if (result.code == DACE_OK && !writeBack(env)) return reject(env, {JsError::Kind::type, "an array that the run writes was detached or shrunk while it ran; nothing was written", "", ""});
    drop(env);
    napi_value status = array(env, {js(env, double(result.code)), js(env, double(result.site)), js(env, double(result.value)), js(env, double(result.extent)), js(env, double(result.ns))});
    check(env, napi_resolve_deferred(env, deferred_, status));
  }

 private:
  void reject(napi_env env, const JsError& e) {
    drop(env);
    check(env, napi_reject_deferred(env, deferred_, errorValue(env, e)));
  }
  // All of them or none.
  bool writeBack(napi_env env) {
    std::vector<View> views;
    for (const Target& t : targets) {
      napi_value v;
      View view;
      if (napi_get_reference_value(env, t.array, &v) != napi_ok || !v || !tryView(*env_, v, &view) || view.bytes < t.bytes) return false;
      views.push_back(view);
    }
    for (size_t i = 0; i < targets.size(); i++) std::memcpy(views[i].data, args[targets[i].index], targets[i].bytes);
    return true;
  }
};

}  // namespace

napi_value runStart(Call& c) {
  auto job = std::make_shared<RunJob>();
  job->Task::work = RunJob::work;
  job->kernel = &fromExternal<const Kernel>(c.env, c.argv[0]);
  bool isArray = false;
  uint32_t n, writes;
  check(c.env, napi_is_array(c.env, c.argv[1], &isArray));
  if (!isArray) typeError("args is not an array");
  check(c.env, napi_is_array(c.env, c.argv[5], &isArray));
  if (!isArray) typeError("write is not an array of indices");
  check(c.env, napi_get_array_length(c.env, c.argv[1], &n));
  check(c.env, napi_get_array_length(c.env, c.argv[5], &writes));
  if (n > 100000 || writes > 100000) typeError("args has too many elements");
  std::vector<bool> written(n, false);
  for (uint32_t i = 0; i < writes; i++) {
    napi_value v;
    check(c.env, napi_get_element(c.env, c.argv[5], i, &v));
    const double at = number(c.env, v, "an index in write");
    if (!(at >= 0 && at < n) || at != double(uint32_t(at))) typeError("an index in write names no argument");
    written[size_t(at)] = true;
  }
  size_t count;
  const int64_t* symbols = symbolsOf(c.state, c.argv[2], &count);
  job->symbols.assign(symbols, symbols + count);
  job->arenaBytes = size_t(whole(c.env, c.argv[3], "arenaBytes", 0, 9007199254740991.0));
  job->threads = int32_t(whole(c.env, c.argv[4], "threads", 1, 4096));

  try {
    for (uint32_t i = 0; i < n; i++) {
      napi_value v;
      check(c.env, napi_get_element(c.env, c.argv[1], i, &v));
      const View view = viewOf(c.state, v, i);
      if (view.bytes == 0) {
        job->args.push_back(nullptr);
        continue;
      }
      napi_ref ref;
      if (isShared(c.env, view.buffer)) {
        job->args.push_back(view.data);
        check(c.env, napi_create_reference(c.env, v, 1, &ref));
        job->shared.push_back(ref);
        continue;
      }
      const Block copy = Pool::copies().acquire(view.bytes);
      if (!copy.data) throw JsError{JsError::Kind::error, "no memory for copies of the arguments", "OOM", ""};
      job->copies.push_back(copy);
      std::memcpy(copy.data, view.data, view.bytes);
      job->args.push_back(copy.data);
      if (!written[i]) continue;
      check(c.env, napi_create_reference(c.env, v, 1, &ref));
      job->targets.push_back({i, ref, view.bytes});
    }
    Executor& executor = Executor::instance();
    napi_value handle = external(c.env, job), promise = c.state.begin(job);
    executor.post(job.get());
    return array(c.env, {handle, promise});
  } catch (...) {
    job->drop(c.env);
    throw;
  }
}

napi_value asyncCancel(Call& c) {
  fromExternal<RunJob>(c.env, c.argv[0]).cancel();
  return nullptr;
}

napi_value asyncProgress(Call& c) { return js(c.env, double(__atomic_load_n(&fromExternal<RunJob>(c.env, c.argv[0]).control.progress, __ATOMIC_RELAXED))); }

}  // namespace dace
