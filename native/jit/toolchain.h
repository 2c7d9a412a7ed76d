// Finds a C++ compiler and what it can do here.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "jit/process.h"

namespace dace {

struct Toolchain {
  std::string compiler;  // absolute path
  bool clang = false;
  std::string version;  // first line of --version
  bool openmp = false;
  bool vectorMath = false;
  std::vector<std::string> archFlags;
  std::string identity;  // changes whenever the compiler's file does
};

struct Discovery {
  std::shared_ptr<const Toolchain> found;
  std::vector<std::string> tried;
};

/**
 * Order: `wanted` (an absolute path), DACE_AD_CXX, CXX, then g++, clang++, c++ on PATH. The first two are orders: if they
 * cannot be followed nothing else is taken. The result is kept for the process, and on disk for the next one.
 */
Discovery discoverToolchain(const std::string& wanted, int timeoutMs = 10000, const AbortFlag* abort = nullptr);

// jit/probe.cpp: asks the compiler. False: `why` says what is wrong with it.
bool probeToolchain(Toolchain& t, int timeoutMs, const AbortFlag* abort, std::string* why);

// Arguments that `-###` prints for "native", as flags for the driver.
std::vector<std::string> resolvedArch(const std::string& dryRun, bool clang);

}  // namespace dace
