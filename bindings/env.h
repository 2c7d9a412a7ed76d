// State of one JavaScript environment (main thread or worker), and how native threads hand results back to it.
#pragma once
#include <node_api.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>

namespace dace {

class Env;

// Work outside the JavaScript thread that will settle a promise.
class Job {
 public:
  virtual ~Job() = default;
  // On the JavaScript thread, when the work is over: resolves or rejects.
  virtual void settle(napi_env env) = 0;
  // On the JavaScript thread, when the environment dies before that: frees references only.
  virtual void drop(napi_env env) = 0;
  // From any thread: asks the work to end soon. True: it will never begin, so nobody will call `finished`.
  virtual bool stop() = 0;

 protected:
  std::shared_ptr<Env> env_;
  napi_deferred deferred_ = nullptr;
  friend class Env;
};

class Env : public std::enable_shared_from_this<Env> {
 public:
  static std::shared_ptr<Env> create(napi_env env);

  // JavaScript thread: registers a job before its work starts and makes its promise. The process stays alive until it is settled.
  napi_value begin(std::shared_ptr<Job> job);
  // JavaScript thread: the work could not be started after all.
  void forget(const std::shared_ptr<Job>& job);
  // Any thread, last act of the work.
  void finished(Job* job);

  napi_env napi() const { return env_; }
  double* status() { return status_; }
  // Throws in JavaScript for an array that is detached or out of bounds.
  bool isValid(napi_value typedArray);

  void setStatus(double* data) { status_ = data; }
  void setValidator(napi_ref f) { validate_ = f; }

 private:
  static void onFinished(napi_env env, napi_value, void* self, void* job);
  static void onExit(void* self);
  void retain(bool more);

  napi_env env_ = nullptr;
  napi_threadsafe_function done_ = nullptr;
  napi_ref validate_ = nullptr;
  double* status_ = nullptr;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::set<std::shared_ptr<Job>> jobs_;  // begun, not yet settled; touched by the JavaScript thread only
  size_t running_ = 0;                   // jobs whose work is not over (under mutex_)
  size_t pending_ = 0;
  bool closing_ = false;
};

}  // namespace dace
