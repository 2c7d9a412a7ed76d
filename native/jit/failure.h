// The one exception of the native side: a code for programs, a message and a compiler's output for people.
#pragma once
#include <string>
#include <utility>

namespace dace {

struct Failure {
  std::string code;  // "TOOLCHAIN" | "CACHE" | "OOM" | "ABORTED"
  std::string message;
  std::string output;
  Failure(std::string c, std::string m, std::string o = {}) : code(std::move(c)), message(std::move(m)), output(std::move(o)) {}
};

}  // namespace dace
