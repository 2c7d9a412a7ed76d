// Runs a program by argv: no shell, own process group, given environment, limits on time and output.
#pragma once
#include <atomic>
#include <cstddef>
#include <string>
#include <vector>

namespace dace {

using AbortFlag = std::atomic<bool>;

struct ProcessResult {
  enum class End { exited, signalled, timedOut, aborted, flooded, notStarted };
  End end = End::notStarted;
  int status = -1;     // exit status or signal number
  std::string output;  // standard output and standard error together, capped
  bool ok() const { return end == End::exited && status == 0; }
  // One line for an error message.
  std::string why() const;
};

// argv[0] is an absolute path. `abort` may be null.
ProcessResult runProcess(const std::vector<std::string>& argv, const std::vector<std::string>& environment, int timeoutMs, const AbortFlag* abort);

// What a compiler needs of our environment and nothing else; temporary files go to `tmp`.
std::vector<std::string> compilerEnvironment(const std::string& tmp);

}  // namespace dace
