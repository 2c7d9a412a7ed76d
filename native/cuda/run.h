// One call of a program for a GPU: arguments to the device, its host code with the table it sees, results back. Nothing of it stays behind, however it ends.
#pragma once
#include <string>
#include <vector>

#include "dace_ad/abi.h"
#include "memory/device_pool.h"

namespace dace::cuda {

class Staging;
class Graphs;
class Blas;
class Solver;
class HostCopies;

// In the host's memory, or where `device` is not zero on the device already. Host ranges that overlap share memory on the device, too.
struct Argument {
  void* host;
  size_t bytes;
  bool written;  // copied back after a run that succeeds
  Address device = 0;
};

struct Program {
  dace_run_fn run;
  std::vector<Function> kernels;  // by number, as in `launch`
};

// Where it runs. The pool serves this stream only.
struct Place {
  const Driver& driver;
  Context context;
  Stream stream;
  DevicePool& pool;
  DeviceInfo info;
};

// What a run can do without.
struct Helpers {
  Staging* staging = nullptr;
  Graphs* graphs = nullptr;    // of this program
  Blas* blas = nullptr;
  Solver* solver = nullptr;
  HostCopies* host = nullptr;  // only programs that offload ask for it
  size_t symbols = 0;          // how many: they are part of what a graph depends on
  bool waitForEach = false;    // so that a failure names its kernel
  const int32_t* cancel = nullptr;  // what `cancel` of the run says, at an address that kernels can read; nullptr: they run to their end
};

struct RunResult {
  int32_t code = DACE_OK;
  int64_t site = 0, value = 0, extent = 0, ns = 0;  // extent: of a run that ended well, the bytes of the buffers that grew
  std::string failure;      // what the driver said, where it failed; the first one counts
  Result driver = kSuccess; // that answer, or another one of which the run took no harm
  int32_t kernel = -1;      // that could not be launched
};

// Waits for the end. A program that fails leaves the host's arrays as they were; a device that fails while results are copied back may not.
RunResult run(const Place& place, const Program& program, const std::vector<Argument>& args, const int64_t* symbols, size_t arenaBytes, const int32_t* cancel, int64_t* progress, const Helpers& helpers = {});

}  // namespace dace::cuda
