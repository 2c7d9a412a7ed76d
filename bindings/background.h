// What runs in the background share: their arguments. Plain buffers are copied at the call: resize() and transfer could take their memory at any time.
#pragma once
#include <vector>

#include "env.h"
#include "exec/executor.h"
#include "exec/run.h"
#include "values.h"

namespace dace {

class ArrayJob : public Job, public Task {
 public:
  std::vector<void*> args;
  std::vector<size_t> bytes;
  std::vector<bool> written;
  std::vector<int64_t> symbols;
  RunControl control;

  ~ArrayJob() override;
  void cancel() { control.cancel.set(); }
  void drop(napi_env env) override;
  // args, symbols and indices of what is written, from these arguments of the call. `skip`: elements that are no arrays (their place stays NULL).
  void take(Call& c, size_t argsAt, size_t symbolsAt, size_t writeAt, bool (*skip)(Call&, napi_value, size_t, ArrayJob&) = nullptr);

 protected:
  void reject(napi_env env, const JsError& e);
  // Results into the caller's arrays: all of them or none.
  bool writeBack(napi_env env);
  static JsError gone();

 private:
  struct Target { size_t index; napi_ref array; size_t bytes; };
  std::vector<Block> copies_;
  std::vector<Target> targets_;   // plain arrays to write back to
  std::vector<napi_ref> shared_;  // keeps shared memory where it is
};

}  // namespace dace
