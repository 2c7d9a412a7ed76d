// Asks a compiler what it is: version, what "native" means, OpenMP, vector libm.
#include <sys/stat.h>

#include <algorithm>

#include "jit/failure.h"
#include "jit/files.h"
#include "jit/toolchain.h"

namespace dace {
namespace {

std::string firstLine(const std::string& text) {
  const size_t a = text.find_first_not_of("\r\n");
  return a == std::string::npos ? "" : text.substr(a, std::min(text.find_first_of("\r\n", a), text.size()) - a);
}

// Words of the line that runs the compiler proper; both drivers quote with '"' and '\'.
std::vector<std::string> words(const std::string& line) {
  std::vector<std::string> out;
  std::string w;
  bool quoted = false, any = false;
  for (size_t i = 0; i < line.size(); i++) {
    const char c = line[i];
    if (c == '"') quoted = !quoted, any = true;
    else if (c == '\\' && i + 1 < line.size()) w += line[++i], any = true;
    else if (c == ' ' && !quoted) { if (any) out.push_back(w); w.clear(), any = false; }
    else w += c, any = true;
  }
  if (any) out.push_back(w);
  return out;
}

constexpr const char* kParallel = R"(
extern "C" void probe_team(double* p, long n) {
#pragma omp parallel for schedule(static) num_threads(2)
  for (long i = 0; i < n; i++) p[i] += 1;
}
)";
constexpr const char* kVector = R"(
extern "C" __attribute__((__simd__("notinbranch"))) double exp(double) noexcept;
extern "C" void probe_exp(double* p, long n) {
#pragma omp simd
  for (long i = 0; i < n; i++) p[i] = exp(p[i]);
}
)";
constexpr const char* kPlain = "extern \"C\" int probe() { return 0; }\n";

}  // namespace

std::vector<std::string> resolvedArch(const std::string& dryRun, bool clang) {
  std::vector<std::string> flags;
  for (size_t at = 0; at < dryRun.size();) {
    const size_t end = std::min(dryRun.find('\n', at), dryRun.size());
    const std::vector<std::string> w = words(dryRun.substr(at, end - at));
    at = end + 1;
    const bool compiler = !w.empty() && (clang ? std::find(w.begin(), w.end(), "-cc1") != w.end() : w[0].find("cc1") != std::string::npos);
    if (!compiler) continue;
    for (size_t i = 1; i < w.size(); i++) {
      const std::string next = i + 1 < w.size() ? w[i + 1] : "";
      if (clang) {
        if (w[i] == "-target-cpu") flags.push_back("-march=" + next);
        else if (w[i] == "-target-feature" && next.size() > 1 && next != "+crc32") flags.push_back((next[0] == '+' ? "-m" : "-mno-") + next.substr(1));
      } else if (w[i] == "--param" && !next.empty()) flags.push_back("--param=" + next), i++;
      else if (w[i].rfind("--param=", 0) == 0 || (w[i].rfind("-m", 0) == 0 && w[i] != "-march=native" && w[i] != "-mtune=native")) flags.push_back(w[i]);
    }
    break;
  }
  return flags;
}

bool probeToolchain(Toolchain& t, int timeoutMs, const AbortFlag* abort, std::string* why) {
  const TempDir dir;
  const std::vector<std::string> env = compilerEnvironment(dir.path());
  const std::string source = dir.path() + "/probe.cpp", object = dir.path() + "/probe.so";
  auto run = [&](std::vector<std::string> args) {
    args.insert(args.begin(), t.compiler);
    return runProcess(args, env, timeoutMs, abort);
  };

  const ProcessResult version = run({"--version"});
  if (!version.ok()) return *why = version.why(), false;
  t.version = firstLine(version.output);
  t.clang = version.output.find("clang") != std::string::npos;

  if (!writeAtomically(source, {kPlain}).empty()) return *why = "no temporary file could be written", false;
  // Apple's and some Arm compilers spell it -mcpu.
  for (const char* native : {"-march=native", "-mcpu=native"}) {
    const ProcessResult dry = run({native, "-###", "-O2", "-x", "c++", "-c", source, "-o", object});
    if (!dry.ok()) continue;
    t.archFlags = resolvedArch(dry.output, t.clang);
    break;
  }

  ProcessResult last;
  auto builds = [&](const std::string& text, std::initializer_list<const char*> extra, const char* mustHold) {
    if (!writeAtomically(source, {text}).empty()) return false;
    std::vector<std::string> args = t.archFlags;
    for (const char* a : {"-O2", "-fPIC", "-shared", "-fno-math-errno", "-fopenmp-simd", "-x", "c++"}) args.push_back(a);
    args.push_back(source), args.push_back("-o"), args.push_back(object);
    for (const char* a : extra) args.push_back(a);
    last = run(std::move(args));
    if (!last.ok()) return false;
    const std::optional<std::string> made = readFile(object);
    return made && (!mustHold || made->find(mustHold) != std::string::npos);
  };
  // One compilation answers both questions where the answer is yes, which is nearly everywhere.
  const char* lib = t.clang ? "-fveclib=libmvec" : "-ftree-vectorize";
  if (builds(std::string(kParallel) + kVector, {"-O3", lib, "-fopenmp", "-lmvec", "-lm"}, "_ZGV")) return t.openmp = t.vectorMath = true;
  if (last.end == ProcessResult::End::aborted || last.end == ProcessResult::End::timedOut) return *why = last.why(), false;
  t.openmp = builds(kParallel, {"-fopenmp"}, nullptr);
  t.vectorMath = builds(kVector, {"-O3", lib, "-lmvec", "-lm"}, "_ZGV");
  if (t.openmp || t.vectorMath || builds(kPlain, {}, nullptr)) return true;
  *why = "it cannot build a shared library: " + last.why() + (last.output.empty() ? "" : ": " + firstLine(last.output));
  return false;
}

}  // namespace dace
