// From sources to a shared object, with flags that are explicit and safe to load.
#pragma once
#include <string>
#include <vector>

#include "jit/toolchain.h"

namespace dace {

struct CompileRequest {
  std::vector<std::string> sources, flags, link;
  std::string cacheDir;   // "": the default
  int cacheMode = 0;      // CacheMode
  int timeoutMs = 120000;
  std::string compiler;   // "": discovery
};

struct ResolvedFlags {
  std::vector<std::string> compile, link;
  bool openmp = false;
};

// Throws TOOLCHAIN for flags that would change the process that loads the result.
ResolvedFlags resolveFlags(const CompileRequest& request, const Toolchain& toolchain, bool allowOpenmp);

// SHA-256 over everything that decides what the artefact is.
std::string artefactKey(const CompileRequest& request, const Toolchain& toolchain, const ResolvedFlags& flags);

// Bytes of the shared object. Throws TOOLCHAIN (with the compiler's output) or ABORTED.
std::string compileArtefact(const CompileRequest& request, const Toolchain& toolchain, const ResolvedFlags& flags, const AbortFlag* abort);

}  // namespace dace
