// State of one JavaScript environment, and its end: a worker may be terminated while its kernels run.
#include "env.h"

#include <algorithm>

#include "values.h"

namespace dace {

std::shared_ptr<Env> Env::create(napi_env env) {
  auto self = std::make_shared<Env>();
  self->env_ = env;
  napi_value name;
  check(env, napi_create_string_utf8(env, "dace-ad-native", NAPI_AUTO_LENGTH, &name));
  check(env, napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, self.get(), onFinished, &self->done_));
  check(env, napi_unref_threadsafe_function(env, self->done_));
  // Hooks run in reverse order: ours must come before the function's own, after which calling it would touch freed memory.
  check(env, napi_add_env_cleanup_hook(env, onExit, self.get()));
  return self;
}

void Env::retain(bool more) {
  if (more && pending_++ == 0) napi_ref_threadsafe_function(env_, done_);
  if (!more && --pending_ == 0) napi_unref_threadsafe_function(env_, done_);
}

napi_value Env::begin(std::shared_ptr<Job> job) {
  napi_value promise;
  check(env_, napi_create_promise(env_, &job->deferred_, &promise));
  job->env_ = shared_from_this();
  retain(true);
  {
    const std::lock_guard guard(mutex_);
    running_++;
  }
  jobs_.insert(std::move(job));
  return promise;
}

void Env::forget(const std::shared_ptr<Job>& job) {
  {
    const std::lock_guard guard(mutex_);
    running_--;
  }
  job->drop(env_);
  jobs_.erase(job);
  retain(false);
}

void Env::finished(Job* job) {
  const std::shared_ptr<Env> alive = job->env_;
  const std::lock_guard guard(mutex_);
  // Under the lock, so that `onExit` cannot let the function go between the question and the call.
  if (!closing_) napi_call_threadsafe_function(done_, job, napi_tsfn_nonblocking);
  running_--;
  idle_.notify_all();
}

void Env::onFinished(napi_env env, napi_value, void* context, void* data) {
  if (!env) return;  // the environment is going; onExit has dropped every job
  auto* self = static_cast<Env*>(context);
  auto* job = static_cast<Job*>(data);
  const auto it = std::find_if(self->jobs_.begin(), self->jobs_.end(), [&](const auto& j) { return j.get() == job; });
  if (it == self->jobs_.end()) return;
  const std::shared_ptr<Job> alive = *it;
  self->jobs_.erase(it);
  self->retain(false);
  try {
    alive->settle(env);
  } catch (const JsError&) {
    // An environment that is being terminated refuses everything; there is nobody left to tell.
  }
}

void Env::onExit(void* context) {
  // The jobs hold the environment; the last of them may be what keeps it.
  const std::shared_ptr<Env> self = static_cast<Env*>(context)->shared_from_this();
  size_t never = 0;
  {
    const std::lock_guard guard(self->mutex_);
    self->closing_ = true;
  }
  for (const auto& j : self->jobs_) never += j->stop() ? 1 : 0;
  {
    std::unique_lock guard(self->mutex_);
    self->running_ -= never;
    // Kernels poll the flag in their outer loops; until they have seen it the arrays must stay.
    self->idle_.wait(guard, [&] { return self->running_ == 0; });
  }
  for (const auto& j : self->jobs_) j->drop(self->env_);
  self->jobs_.clear();
}

bool Env::isValid(napi_value typedArray) {
  napi_value f, global, result;
  if (napi_get_reference_value(env_, validate_, &f) != napi_ok || napi_get_global(env_, &global) != napi_ok) return false;
  if (napi_call_function(env_, global, f, 1, &typedArray, &result) == napi_ok) return true;
  bool pending = false;
  if (napi_is_exception_pending(env_, &pending) == napi_ok && pending) napi_get_and_clear_last_exception(env_, &result);
  return false;
}

}  // namespace dace
