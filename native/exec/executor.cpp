// One thread of our own that runs parallel kernels in order of arrival: the OpenMP team belongs to it.
#include "exec/executor.h"

#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <mutex>
#include <new>
#include <system_error>

#include "blas/team.h"
#include "clock.h"

namespace dace {
namespace {

// How long either side looks before it sleeps. A sleep and a wake-up cost about as much.
constexpr int64_t kSpinNs = 5000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}
template <class Ready>
bool spin(Ready ready) {
  for (const int64_t end = nowNs() + kSpinNs; nowNs() < end;)
    for (int i = 0; i < 16; i++, pause())
      if (ready()) return true;
  return ready();
}

}  // namespace

struct Executor::State {
  std::mutex mutex;
  std::condition_variable posted;
  Task *first = nullptr, *last = nullptr;
  std::atomic<uint32_t> waiting{0};  // length of the queue, for looking without the lock
  bool asleep = false;
};

Executor& Executor::instance() {
  // Never destroyed: the thread runs until the process ends.
  static auto* e = new Executor(true);
  return *e;
}

Executor::Executor(bool team) : s_(new State), team_(team) {
  // Signals belong to the threads that Node made for them.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, size_t(16) << 20);  // as much as a main thread has; musl's default is 128 KiB
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, loop, this);
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) throw std::system_error(error, std::generic_category(), "the executor thread cannot be started");
}

void Executor::post(Task* task) {
  task->next = nullptr;
  bool wake;
  {
    const std::lock_guard guard(s_->mutex);
    (s_->last ? s_->last->next : s_->first) = task;
    s_->last = task;
    s_->waiting.fetch_add(1, std::memory_order_release);
    wake = s_->asleep;
  }
  if (wake) s_->posted.notify_one();
}

void Executor::run(Task* task) {
  task->waited = true;
  task->done.store(0, std::memory_order_relaxed);
  post(task);
  if (!spin([&] { return task->done.load(std::memory_order_acquire) != 0; }))
    while (task->done.load(std::memory_order_acquire) == 0) task->done.wait(0, std::memory_order_acquire);
}

bool Executor::withdraw(Task* task) {
  const std::lock_guard guard(s_->mutex);
  for (Task *t = s_->first, *before = nullptr; t; before = t, t = t->next) {
    if (t != task) continue;
    (before ? before->next : s_->first) = t->next;
    if (s_->last == t) s_->last = before;
    s_->waiting.fetch_sub(1, std::memory_order_relaxed);
    return true;
  }
  return false;
}

void* Executor::loop(void* self) {
  if (static_cast<Executor*>(self)->team_) Team::ownsOpenmp();
  State& s = *static_cast<Executor*>(self)->s_;
  while (true) {
    spin([&] { return s.waiting.load(std::memory_order_acquire) != 0; });
    Task* task;
    {
      std::unique_lock guard(s.mutex);
      while (!s.first) {
        s.asleep = true;
        s.posted.wait(guard);
      }
      s.asleep = false;
      task = s.first;
      s.first = task->next;
      if (!s.first) s.last = nullptr;
      s.waiting.fetch_sub(1, std::memory_order_relaxed);
    }
    // Read before the work: a task without a waiter may be gone after it.
    const bool waited = task->waited;
    task->work(task);
    if (waited) {
      task->done.store(1, std::memory_order_release);
      // The poster may have returned by now; waking an address nobody waits on is harmless.
      task->done.notify_one();
    }
  }
  return nullptr;
}

}  // namespace dace
