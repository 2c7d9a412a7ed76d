// Compiling on a thread of its own, for JavaScript.
#pragma once
#include <atomic>
#include <functional>

#include "env.h"
#include "jit/compile.h"
#include "values.h"

namespace dace {

// The first seven arguments.
CompileRequest requestOf(Call& c);

// What a promise is resolved with, made on the JavaScript thread.
using Parts = std::function<napi_value(napi_env)>;

class LoadJob final : public Job {
 public:
  explicit LoadJob(std::function<Parts(const AbortFlag*)> load) : load_(std::move(load)) {}
  // [handle for loadAbort, promise]. `load` throws Failure.
  static napi_value begin(Call& c, std::function<Parts(const AbortFlag*)> load);
  bool stop() override { return abort = true, false; }
  void drop(napi_env) override {}
  void settle(napi_env env) override;
  AbortFlag abort{false};

 private:
  void start(std::shared_ptr<LoadJob> self);
  void work();
  const std::function<Parts(const AbortFlag*)> load_;
  Parts parts_;
  JsError error_{JsError::Kind::error, "", "", ""};
};

}  // namespace dace
