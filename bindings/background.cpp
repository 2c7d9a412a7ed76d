// Runs on the executor while JavaScript goes on.
#include "background.h"

#include <cstring>

#include "functions.h"
#include "views.h"

namespace dace {

ArrayJob::~ArrayJob() {
  for (const Block& b : copies_) Pool::copies().release(b);
}

void ArrayJob::drop(napi_env env) {
  for (const Target& t : targets_) napi_delete_reference(env, t.array);
  for (napi_ref r : shared_) napi_delete_reference(env, r);
  targets_.clear(), shared_.clear();
}

void ArrayJob::reject(napi_env env, const JsError& e) {
  drop(env);
  check(env, napi_reject_deferred(env, deferred_, errorValue(env, e)));
}

JsError ArrayJob::gone() { return {JsError::Kind::type, "an array that the run writes was detached or shrunk while it ran; nothing was written", "", ""}; }

bool ArrayJob::writeBack(napi_env env) {
  std::vector<View> views;
  for (const Target& t : targets_) {
    napi_value v;
    View view;
    if (napi_get_reference_value(env, t.array, &v) != napi_ok || !v || !tryView(*env_, v, &view) || view.bytes < t.bytes) return false;
    views.push_back(view);
  }
  for (size_t i = 0; i < targets_.size(); i++) std::memcpy(views[i].data, args[targets_[i].index], targets_[i].bytes);
  return true;
}

void ArrayJob::take(Call& c, size_t argsAt, size_t symbolsAt, size_t writeAt, bool (*skip)(Call&, napi_value, size_t, ArrayJob&)) {
  bool isArray = false;
  uint32_t n, writes;
  check(c.env, napi_is_array(c.env, c.argv[argsAt], &isArray));
  if (!isArray) typeError("args is not an array");
  check(c.env, napi_is_array(c.env, c.argv[writeAt], &isArray));
  if (!isArray) typeError("write is not an array of indices");
  check(c.env, napi_get_array_length(c.env, c.argv[argsAt], &n));
  check(c.env, napi_get_array_length(c.env, c.argv[writeAt], &writes));
  if (n > 100000 || writes > 100000) typeError("args has too many elements");
  written.assign(n, false);
  for (uint32_t i = 0; i < writes; i++) {
    napi_value v;
    check(c.env, napi_get_element(c.env, c.argv[writeAt], i, &v));
    const double at = number(c.env, v, "an index in write");
    if (!(at >= 0 && at < n) || at != double(uint32_t(at))) typeError("an index in write names no argument");
    written[size_t(at)] = true;
  }
  size_t count;
  const int64_t* given = symbolsOf(c.state, c.argv[symbolsAt], &count);
  symbols.assign(given, given + count);
  for (uint32_t i = 0; i < n; i++) {
    napi_value v;
    check(c.env, napi_get_element(c.env, c.argv[argsAt], i, &v));
    args.push_back(nullptr), bytes.push_back(0);
    if (skip && skip(c, v, i, *this)) continue;
    const View view = viewOf(c.state, v, i);
    if (view.bytes == 0) continue;
    bytes.back() = view.bytes;
    napi_ref ref;
    if (isShared(c.env, view.buffer)) {
      args.back() = view.data;
      check(c.env, napi_create_reference(c.env, v, 1, &ref));
      shared_.push_back(ref);
      continue;
    }
    const Block copy = Pool::copies().acquire(view.bytes);
    if (!copy.data) throw JsError{JsError::Kind::error, "no memory for copies of the arguments", "OOM", ""};
    copies_.push_back(copy);
    std::memcpy(copy.data, view.data, view.bytes);
    args.back() = copy.data;
    if (!written[i]) continue;
    check(c.env, napi_create_reference(c.env, v, 1, &ref));
    targets_.push_back({i, ref, view.bytes});
  }
}

namespace {

class RunJob final : public ArrayJob {
 public:
  const Kernel* kernel = nullptr;
  size_t arenaBytes = 0;
  int32_t threads = 1;
  RunResult result;

  bool stop() override {
    cancel();
    return Executor::instance().withdraw(this);
  }
  static void work(Task* t) {
    auto* self = static_cast<RunJob*>(t);
    if (self->control.cancel.isSet()) self->result.code = DACE_CANCELLED;
    else self->result = runKernel(*self->kernel, self->args.data(), self->symbols.data(), self->arenaBytes, self->threads, self->control);
    self->env_->finished(self);
  }
  void settle(napi_env env) override {
    if (result.outOfMemory) return reject(env, {JsError::Kind::error, "no memory for an arena of " + std::to_string(arenaBytes) + " bytes", "OOM", ""});
    if (result.code == DACE_OK && !writeBack(env)) return reject(env, gone());
    drop(env);
    napi_value status = array(env, {js(env, double(result.code)), js(env, double(result.site)), js(env, double(result.value)), js(env, double(result.extent)), js(env, double(result.ns))});
    check(env, napi_resolve_deferred(env, deferred_, status));
  }
};

}  // namespace

napi_value runStart(Call& c) {
  auto job = std::make_shared<RunJob>();
  job->Task::work = RunJob::work;
  job->kernel = &fromExternal<const Kernel>(c.env, c.argv[0]);
  job->arenaBytes = size_t(whole(c.env, c.argv[3], "arenaBytes", 0, 9007199254740991.0));
  job->threads = int32_t(whole(c.env, c.argv[4], "threads", 1, 4096));
  try {
    job->take(c, 1, 2, 5);
    Executor& executor = Executor::instance();
    napi_value handle = external(c.env, std::shared_ptr<ArrayJob>(job)), promise = c.state.begin(job);
    executor.post(job.get());
    return array(c.env, {handle, promise});
  } catch (...) {
    job->drop(c.env);
    throw;
  }
}

napi_value asyncCancel(Call& c) {
  fromExternal<ArrayJob>(c.env, c.argv[0]).cancel();
  return nullptr;
}

napi_value asyncProgress(Call& c) { return js(c.env, double(__atomic_load_n(&fromExternal<ArrayJob>(c.env, c.argv[0]).control.progress, __ATOMIC_RELAXED))); }

}  // namespace dace
