// Threads for matrix products: the OpenMP team that kernels already have, or a few of our own.
#include "blas/team.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

namespace dace {
namespace {

using GompParallel = void (*)(void (*)(void*), void*, unsigned threads, unsigned flags);
std::atomic<GompParallel> gomp{nullptr};
thread_local bool onTeam = false;

struct Work {
  std::atomic<int64_t> next{0};
  int64_t tasks;
  void (*body)(void*, int64_t);
  void* context;
  void take() {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) body(context, i);
  }
};

// Threads that sleep until there is work. One caller at a time uses them; another computes alone meanwhile.
class Helpers {
 public:
  static Helpers& instance() {
    static auto* h = new Helpers;  // never destroyed, like its threads
    return *h;
  }
  bool run(Work& work, int32_t helpers) {
    std::unique_lock busy(busy_, std::try_to_lock);
    if (!busy) return false;
    {
      const std::lock_guard guard(mutex_);
      while (started_ < helpers && start()) started_++;
      work_ = &work;
      wanted_ = std::min(helpers, started_);
      generation_++;
    }
    wake_.notify_all();
    work.take();
    // Those that have not begun need not; those that have must finish before `work` goes.
    std::unique_lock guard(mutex_);
    work_ = nullptr;
    idle_.wait(guard, [&] { return active_ == 0; });
    return true;
  }

 private:
  static void* loop(void* self) {
    auto& h = *static_cast<Helpers*>(self);
    std::unique_lock guard(h.mutex_);
    for (uint64_t seen = 0;;) {
      h.wake_.wait(guard, [&] { return h.work_ && h.generation_ != seen; });
      seen = h.generation_;
      if (h.wanted_ == 0) continue;
      h.wanted_--;
      Work* work = h.work_;
      h.active_++;
      guard.unlock();
      work->take();
      guard.lock();
      if (--h.active_ == 0) h.idle_.notify_all();
    }
    return nullptr;
  }
  bool start() {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_t thread;
    const bool ok = pthread_create(&thread, nullptr, loop, this) == 0;
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (ok) pthread_detach(thread);
    return ok;
  }
  std::mutex busy_, mutex_;
  std::condition_variable wake_, idle_;
  Work* work_ = nullptr;
  uint64_t generation_ = 0;
  int32_t started_ = 0, wanted_ = 0, active_ = 0;
};

}  // namespace

void Team::ownsOpenmp() { onTeam = true; }

void Team::useOpenmp(void* gompParallel) { gomp.store(reinterpret_cast<GompParallel>(gompParallel)); }

void Team::each(int64_t tasks, int32_t threads, void (*body)(void*, int64_t), void* context) {
  Work work{.tasks = tasks, .body = body, .context = context};
  threads = int32_t(std::min<int64_t>(threads, tasks));
  if (threads > 1) {
    // The kernel's own team stands by, perhaps still spinning: a second set of threads would fight it for the cores.
    if (const GompParallel parallel = gomp.load(); parallel && onTeam) {
      parallel([](void* w) { static_cast<Work*>(w)->take(); }, &work, unsigned(threads), 0);
      return;
    }
    if (Helpers::instance().run(work, threads - 1)) return;
  }
  work.take();
}

}  // namespace dace
