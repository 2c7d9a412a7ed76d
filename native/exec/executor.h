// One thread of our own that runs parallel kernels in order of arrival: the OpenMP team belongs to it.
// A process that forks without exec has neither the thread nor the team in the child: libgomp would wait there for ever, so kernels must not run in one.
#pragma once
#include <atomic>
#include <cstdint>

namespace dace {

// Something to run. It belongs to whoever posts it, and is not touched after `work` has returned and `done` is set.
struct Task {
  void (*work)(Task*) = nullptr;
  Task* next = nullptr;
  // For tasks whose poster waits: set last.
  std::atomic<uint32_t> done{0};
  bool waited = false;
};

class Executor {
 public:
  static Executor& instance();
  // One more thread, without a team, for work that is not the processor's. Never destroyed: the thread runs until the process ends.
  static Executor* beside() { return new Executor(false); }
  // Runs in order of arrival; returns at once.
  void post(Task* task);
  // Posts and waits.
  void run(Task* task);
  // Takes a task back that has not begun. False: it has, or is over.
  bool withdraw(Task* task);

 private:
  struct State;
  explicit Executor(bool team);
  static void* loop(void* self);
  State* s_;
  const bool team_;
};

}  // namespace dace
