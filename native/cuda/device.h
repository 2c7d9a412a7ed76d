// The owner of a GPU in this process: one thread that does all its work, and a session with everything that dies with the device's context.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "cuda/blas.h"
#include "cuda/graphs.h"
#include "cuda/host_copies.h"
#include "cuda/run.h"
#include "cuda/solver.h"
#include "cuda/staging.h"
#include "exec/executor.h"
#include "exec/run.h"
#include "jit/kernel.h"

namespace dace::cuda {

// A program for one kind of device. Lives as long as the process, like the kernel that directs it.
struct GpuProgram {
  const Kernel* host = nullptr;
  std::string image;               // cubin or PTX
  std::vector<std::string> names;  // of its kernels
  bool usesBlas = false, usesSolver = false;  // they take their time to start: only for programs that ask for them
};

struct Session {
  Session(const Driver& d, DeviceInfo i) : driver(d), info(std::move(i)) {}
  const Driver& driver;
  const DeviceInfo info;
  Device device = 0;
  Context context = nullptr;
  Stream stream = nullptr;
  std::unique_ptr<DevicePool> pool;
  std::unique_ptr<Staging> staging;
  std::unique_ptr<HostCopies> host;
  int32_t* cancel = nullptr;      // what kernels look at: pinned, so at the same address for the device; nullptr: the driver pins nothing
  std::atomic<uint64_t> held{0};  // bytes of DeviceBuffers
  std::unique_ptr<Blas> blas;
  std::unique_ptr<Solver> solver;
  bool blasTried = false, solverTried = false;
  std::string blasWhy, solverWhy;
  std::atomic<bool> lost{false};

  struct Loaded {
    Module module = nullptr;
    Program program;
    std::unique_ptr<Graphs> graphs;
  };
  std::map<const GpuProgram*, Loaded> loaded;  // the device's thread only
  GraphStatistics graphs() const;
};

// Memory of a device that somebody holds. Goes back with the last reference, on any thread.
struct DeviceBuffer {
  std::shared_ptr<Session> session;
  DeviceBlock block;
  DeviceBuffer(std::shared_ptr<Session> s, DeviceBlock b) : session(std::move(s)), block(b) { session->held += block.bytes; }
  ~DeviceBuffer() {
    session->held -= block.bytes;
    session->pool->release(block);
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
};

struct Limits {
  size_t keep, most;  // bytes that stay cached, bytes in use
};

class Gpu {
 public:
  // Once per process, driver and number. Throws Failure DEVICE with every cause.
  static Gpu& of(int ordinal);
  // Those that have been used.
  static std::vector<Gpu*> all();

  const DeviceInfo& info() const { return info_; }
  int ordinal() const { return ordinal_; }
  Executor& executor() { return *executor_; }
  // The one at work; a new one where there is none, or its context is dead. Throws Failure DEVICE.
  std::shared_ptr<Session> session();
  // Without beginning one; may be empty.
  std::shared_ptr<Session> current();
  void limit(Limits l);
  // Bytes that a run may take now: what the device has left, and what this process keeps or other runs have in the meantime, less what arrays hold. Any thread; does not wait.
  size_t room();

  // The device's thread only.
  RunResult run(const GpuProgram& program, const std::vector<Argument>& args, const std::vector<std::shared_ptr<DeviceBuffer>>& buffers, const std::vector<int64_t>& symbols, size_t arenaBytes,
                RunControl& control);

 private:
  Gpu(const Driver& driver, DeviceInfo info, int ordinal);
  std::shared_ptr<Session> begin();
  const Driver& driver_;
  const DeviceInfo info_;
  const int ordinal_;
  Executor* const executor_;
  std::mutex mutex_;
  std::shared_ptr<Session> session_;
  Limits limits_;
};

// Host code through the ordinary cache, device code compiled for `gpu` and kept beside it. Throws Failure.
struct LoadedProgram {
  const GpuProgram* program;
  bool cached;
  double ms;
};
struct ProgramRequest {
  CompileRequest host;
  std::string device;
  std::vector<std::string> deviceFlags, names;
};
LoadedProgram loadProgram(Gpu& gpu, const ProgramRequest& request, const AbortFlag* abort);

}  // namespace dace::cuda
