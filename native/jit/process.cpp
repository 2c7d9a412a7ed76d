// Runs a program by argv: no shell, own process group, given environment, limits on time and output.
#include "jit/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "clock.h"

namespace dace {
namespace {

constexpr size_t kKept = 64 * 1024;          // bytes of output that an error can quote
constexpr size_t kFlood = 8 * 1024 * 1024;   // beyond this the program is killed
constexpr int kPollMs = 20;                  // how late an abort may be seen

void reap(pid_t pid, int* status) {
  while (::waitpid(pid, status, 0) < 0 && errno == EINTR) {}
}

pid_t spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment, int outputFd, std::string* error) {
  std::vector<char*> args, env;
  for (const std::string& a : argv) args.push_back(const_cast<char*>(a.c_str()));
  for (const std::string& e : environment) env.push_back(const_cast<char*>(e.c_str()));
  args.push_back(nullptr), env.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, outputFd, 1);
  posix_spawn_file_actions_adddup2(&files, outputFd, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, all;
  sigemptyset(&none), sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  const int e = posix_spawn(&pid, argv[0].c_str(), &files, &attributes, args.data(), env.data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (e != 0) *error = std::strerror(e);
  return e == 0 ? pid : -1;
}

}  // namespace

ProcessResult runProcess(const std::vector<std::string>& argv, const std::vector<std::string>& environment, int timeoutMs, const AbortFlag* abort) {
  using End = ProcessResult::End;
  ProcessResult r;
  int pipes[2];
#ifdef __linux__
  if (::pipe2(pipes, O_CLOEXEC) != 0) return r.output = std::strerror(errno), r;
#else
  if (::pipe(pipes) != 0) return r.output = std::strerror(errno), r;
  ::fcntl(pipes[0], F_SETFD, FD_CLOEXEC), ::fcntl(pipes[1], F_SETFD, FD_CLOEXEC);
#endif
  ::fcntl(pipes[0], F_SETFL, O_NONBLOCK);
  const pid_t pid = spawn(argv, environment, pipes[1], &r.output);
  ::close(pipes[1]);
  if (pid < 0) return ::close(pipes[0]), r;

  const int64_t deadline = nowMs() + timeoutMs;
  size_t seen = 0;
  bool open = true;
  int status = 0;
  End killed = End::exited;
  while (true) {
    if (abort && abort->load(std::memory_order_relaxed)) { killed = End::aborted; break; }
    const int64_t left = deadline - nowMs();
    if (left <= 0) { killed = End::timedOut; break; }
    if (open) {
      pollfd p{pipes[0], POLLIN, 0};
      ::poll(&p, 1, int(left < kPollMs ? left : kPollMs));
      char buffer[16384];
      for (ssize_t n; (n = ::read(pipes[0], buffer, sizeof buffer)) != -1;) {
        if (n == 0) { open = false; break; }
        seen += size_t(n);
        if (r.output.size() < kKept) r.output.append(buffer, std::min(size_t(n), kKept - r.output.size()));
        if (seen > kFlood) break;
      }
    } else {
      ::usleep(200);
    }
    if (seen > kFlood) { killed = End::flooded; break; }
    // The driver may end while something it started still holds the pipe: its own end is what counts.
    siginfo_t info{};
    if (::waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid) break;
  }
  // The whole group, before its number is free again: a driver's cc1plus and as would go on without it.
  ::kill(-pid, SIGKILL);
  reap(pid, &status);
  if (open) {
    char buffer[16384];
    for (ssize_t n; (n = ::read(pipes[0], buffer, sizeof buffer)) > 0 && r.output.size() < kKept;) r.output.append(buffer, std::min(size_t(n), kKept - r.output.size()));
  }
  ::close(pipes[0]);
  if (killed != End::exited) r.end = killed;
  else if (WIFEXITED(status)) r.end = End::exited, r.status = WEXITSTATUS(status);
  else r.end = End::signalled, r.status = WIFSIGNALED(status) ? WTERMSIG(status) : -1;
  return r;
}

std::string ProcessResult::why() const {
  switch (end) {
    case End::exited: return "exit status " + std::to_string(status);
    case End::signalled: return "killed by signal " + std::to_string(status);
    case End::timedOut: return "timed out";
    case End::aborted: return "aborted";
    case End::flooded: return "printed more than " + std::to_string(kFlood >> 20) + " MiB";
    case End::notStarted: return "could not be started: " + output;
  }
  return "";
}

std::vector<std::string> compilerEnvironment(const std::string& tmp) {
  std::string path;
  const char* given = std::getenv("PATH");
  const std::string all = given ? given : "/usr/local/bin:/usr/bin:/bin";
  // Relative entries would let the working directory decide which assembler runs.
  for (size_t at = 0; at <= all.size();) {
    const size_t end = std::min(all.find(':', at), all.size());
    if (end > at && all[at] == '/') path += (path.empty() ? "" : ":") + all.substr(at, end - at);
    at = end + 1;
  }
  std::vector<std::string> env{"PATH=" + path, "LC_ALL=C", "TMPDIR=" + tmp};
  for (const char* name : {"SDKROOT", "DEVELOPER_DIR", "SYSTEMROOT"})
    if (const char* v = std::getenv(name)) env.push_back(std::string(name) + "=" + v);
  return env;
}

}  // namespace dace
