// From sources to a shared object: which flags, which key, and the compiler's runs.
#include "jit/compile.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "clock.h"
#include "dace_ad/abi.h"
#include "jit/cache.h"
#include "jit/cpu.h"
#include "jit/failure.h"
#include "jit/files.h"
#include "jit/sha256.h"

namespace dace {
namespace {

// These make the linker add start-up code that sets flush-to-zero for the whole process, or let the compiler assume away NaN.
constexpr const char* kForbidden[] = {"-ffast-math", "-Ofast", "-funsafe-math-optimizations", "-mdaz-ftz", "-ffinite-math-only"};
constexpr unsigned kParallelCompilers = 2;

[[noreturn]] void fail(const Toolchain& t, const ProcessResult& r, int timeoutMs) {
  if (r.end == ProcessResult::End::aborted) throw Failure("ABORTED", "compilation was aborted");
  const std::string limit = r.end == ProcessResult::End::timedOut ? " after " + std::to_string(timeoutMs) + " ms" : "";
  throw Failure("TOOLCHAIN", t.compiler + " failed: " + r.why() + limit, r.end == ProcessResult::End::notStarted ? "" : r.output);
}

}  // namespace

ResolvedFlags resolveFlags(const CompileRequest& request, const Toolchain& t, bool allowOpenmp) {
  ResolvedFlags out;
  const bool openmp = t.openmp && allowOpenmp;
  out.compile = t.archFlags;
  for (const std::string& f : request.flags) {
    for (const char* bad : kForbidden)
      if (f == bad) throw Failure("TOOLCHAIN", "flag " + f + " is refused: loading such code changes the arithmetic of the whole process");
    if (f.empty() || f[0] != '-') throw Failure("TOOLCHAIN", "flag \"" + f + "\" is refused: it does not begin with '-'");
    if (f == "-fopenmp") {
      if (!openmp) continue;
      out.openmp = true;
    }
    out.compile.push_back(f);
  }
  for (const char* f : {"-fPIC", "-fno-semantic-interposition", "-g0", "-w"}) out.compile.push_back(f);
  if (t.clang && t.vectorMath) out.compile.push_back("-fveclib=libmvec");
  if (out.openmp) out.link.push_back("-fopenmp");
  for (const std::string& f : request.link) {
    for (const char* bad : kForbidden)
      if (f == bad) throw Failure("TOOLCHAIN", "flag " + f + " is refused: loading such code changes the arithmetic of the whole process");
    if (f.empty() || f[0] != '-') throw Failure("TOOLCHAIN", "linker flag \"" + f + "\" is refused: it does not begin with '-'");
    if (f == "-lmvec" && !t.vectorMath) continue;
    out.link.push_back(f);
  }
#ifndef __APPLE__
  out.link.insert(out.link.begin(), {"-Wl,--as-needed", "-Wl,-s"});
#endif
  return out;
}

std::string artefactKey(const CompileRequest& request, const Toolchain& t, const ResolvedFlags& flags) {
  Sha256 h;
  h.field("kernel 1");
  h.field(DACE_PACKAGE_VERSION), h.field(std::to_string(DACE_ABI_VERSION)), h.field(libcIdentity()), h.field(cpu().identity), h.field(t.identity);
  for (const auto* list : {&request.sources, &flags.compile, &flags.link}) {
    h.field(std::to_string(list->size()));
    for (const std::string& s : *list) h.field(s);
  }
  return hex(h.finish());
}

std::string compileArtefact(const CompileRequest& request, const Toolchain& t, const ResolvedFlags& flags, const AbortFlag* abort) {
  if (request.sources.empty()) throw Failure("TOOLCHAIN", "there is nothing to compile");
  const TempDir dir;
  const std::vector<std::string> env = compilerEnvironment(dir.path());
  const std::string result = dir.path() + "/kernel.so";
  const int64_t deadline = nowMs() + request.timeoutMs;
  const size_t n = request.sources.size();
  auto file = [&](size_t i, const char* end) { return dir.path() + "/k" + std::to_string(i) + end; };
  for (size_t i = 0; i < n; i++)
    if (const std::string why = writeAtomically(file(i, ".cpp"), {request.sources[i]}); !why.empty()) throw Failure("CACHE", "the source cannot be written to " + dir.path() + ": " + why);
  auto run = [&](std::vector<std::string> args) {
    args.insert(args.begin(), t.compiler);
    return runProcess(args, env, int(std::max<int64_t>(0, deadline - nowMs())), abort);
  };

  std::vector<std::string> objects;
  if (n > 1) {
    std::vector<ProcessResult> results(n);
    std::atomic<size_t> next{0};
    std::atomic<bool> failed{false};
    auto worker = [&] {
      for (size_t i; !failed && (i = next++) < n;) {
        std::vector<std::string> args = flags.compile;
        args.insert(args.end(), {"-x", "c++", "-c", file(i, ".cpp"), "-o", file(i, ".o")});
        results[i] = run(std::move(args));
        if (!results[i].ok()) failed = true;
      }
    };
    std::vector<std::thread> threads;
    for (unsigned i = 1; i < std::min<size_t>(kParallelCompilers, n); i++) threads.emplace_back(worker);
    worker();
    for (std::thread& th : threads) th.join();
    // The first that was really run and failed, in source order, so that the message does not depend on timing more than it must.
    if (failed)
      for (const ProcessResult& r : results)
        if (!r.ok() && !(r.end == ProcessResult::End::notStarted && r.output.empty())) fail(t, r, request.timeoutMs);
    for (size_t i = 0; i < n; i++) objects.push_back(file(i, ".o"));
  }
  std::vector<std::string> args;
  if (n == 1) {
    args = flags.compile;
    args.insert(args.end(), {"-x", "c++", file(0, ".cpp"), "-x", "none"});
  } else {
    args = objects;
  }
  args.insert(args.end(), {"-shared", "-o", result});
  args.insert(args.end(), flags.link.begin(), flags.link.end());
  const ProcessResult r = run(std::move(args));
  if (!r.ok()) fail(t, r, request.timeoutMs);
  std::optional<std::string> made = readFile(result);
  if (!made || made->empty()) throw Failure("TOOLCHAIN", t.compiler + " ended without an error but made no file", r.output);
  return std::move(*made);
}

}  // namespace dace
