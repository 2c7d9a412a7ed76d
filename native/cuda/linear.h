// The table `gpu->linear` of one run, over the libraries that were found.
#pragma once
#include <functional>
#include <string>

#include "cuda/blas.h"
#include "cuda/solver.h"
#include "dace_ad/abi.h"
#include "memory/device_pool.h"

namespace dace::cuda {

// What there is on this machine, without starting it: paths, with what they lack, or "none (why)".
struct Libraries {
  std::string blas, solver;
};
Libraries findLibraries();

class Linear {
 public:
  // failed: takes note of a failure and gives the status to return. recording: is the stream being recorded now?
  using Failed = std::function<int32_t(Result, const std::string&)>;
  Linear(const Driver& driver, Stream stream, DevicePool& pool, Blas* blas, Solver* solver, std::function<bool()> recording, Failed failed)
      : driver_(driver), stream_(stream), pool_(pool), blas_(blas), solver_(solver), recording_(std::move(recording)), failed_(std::move(failed)) {}
  dace_linear table();
  int32_t gemm(const Product& p, bool batch);

 private:
  static Linear& of(void* state) { return *static_cast<Linear*>(state); }
  int32_t ended(int status, const std::string& failure);
  int32_t factor(Solver::Call c);
  const Driver& driver_;
  const Stream stream_;
  DevicePool& pool_;
  Blas* const blas_;
  Solver* const solver_;
  const std::function<bool()> recording_;
  const Failed failed_;
};

}  // namespace dace::cuda
