// Finds a C++ compiler: where to look, and remembering what was found.
#include "jit/toolchain.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <mutex>
#include <sstream>

#include "jit/cache.h"
#include "jit/cpu.h"
#include "jit/failure.h"
#include "jit/files.h"
#include "jit/sha256.h"

namespace dace {
namespace {

bool executable(const std::string& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 && S_ISREG(s.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// An absolute path for a name or a path; "" if there is none.
std::string resolve(const std::string& name) {
  if (name.empty()) return "";
  if (name.find('/') != std::string::npos) return name[0] == '/' && executable(name) ? name : "";
  const char* given = std::getenv("PATH");
  const std::string path = given ? given : "/usr/local/bin:/usr/bin:/bin";
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find(':', at), path.size());
    // Empty and relative entries mean the working directory, from which nothing is ever run.
    if (end > at && path[at] == '/') {
      const std::string p = path.substr(at, end - at) + "/" + name;
      if (executable(p)) return p;
    }
    at = end + 1;
  }
  return "";
}

// CXX may hold a launcher and flags ("ccache g++ -m64"): the first word that names a compiler counts.
std::string fromVariable(const std::string& value) {
  const std::string whole = resolve(value);
  if (!whole.empty()) return whole;
  std::istringstream in(value);
  for (std::string w; in >> w;) {
    const std::string base = w.substr(w.find_last_of('/') + 1);
    if (base == "ccache" || base == "sccache" || base == "distcc" || base == "env" || w[0] == '-') continue;
    return resolve(w);
  }
  return "";
}

std::string fileIdentity(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return "";
  return path + "\n" + std::to_string(s.st_size) + "\n" + std::to_string(s.st_mtime) + "\n" + std::to_string(s.st_ino) + "\n" + std::to_string(s.st_dev);
}

// What a probe found, on disk: its own hash, then one fact per line.
std::string notePath(const Toolchain& t) {
  const std::string dir = kernelDirectory("");
  if (dir.empty()) return "";
  Sha256 h;
  h.field("toolchain 1"), h.field(t.identity), h.field(cpu().identity), h.field(libcIdentity());
  return dir + "/toolchain-" + hex(h.finish()).substr(0, 32) + ".txt";
}
bool recall(Toolchain& t) {
  const std::string path = notePath(t);
  const std::optional<std::string> text = path.empty() || !privateDirectory(kernelDirectory(""), false).empty() ? std::nullopt : readFile(path);
  if (!text || text->size() < 65 || text->substr(0, 64) != hex(sha256(std::string_view(*text).substr(65)))) return false;
  std::istringstream in(text->substr(65));
  std::string kind, openmp, vector;
  std::getline(in, t.version), std::getline(in, kind), std::getline(in, openmp), std::getline(in, vector);
  t.clang = kind == "clang", t.openmp = openmp == "1", t.vectorMath = vector == "1";
  for (std::string f; std::getline(in, f);) t.archFlags.push_back(f);
  // A missing library may have been installed since.
  struct stat s {};
  return (t.openmp && t.vectorMath) || (::stat(path.c_str(), &s) == 0 && ::time(nullptr) - s.st_mtime < 3600);
}
void remember(const Toolchain& t) {
  const std::string path = notePath(t);
  if (path.empty() || !privateDirectory(kernelDirectory(""), true).empty()) return;
  std::string body = t.version + "\n" + (t.clang ? "clang" : "gcc") + "\n" + (t.openmp ? "1" : "0") + "\n" + (t.vectorMath ? "1" : "0") + "\n";
  for (const std::string& f : t.archFlags) body += f + "\n";
  writeAtomically(path, {hex(sha256(body)), "\n", body});
}

std::mutex lock;
std::map<std::string, Discovery>& known() {
  static auto* m = new std::map<std::string, Discovery>;
  return *m;
}

std::string variable(const char* name) {
  const char* v = std::getenv(name);
  return v ? v : "";
}

}  // namespace

Discovery discoverToolchain(const std::string& wanted, int timeoutMs, const AbortFlag* abort) {
  const std::string own = variable("DACE_AD_CXX"), cxx = variable("CXX"), key = wanted + '\0' + own + '\0' + cxx + '\0' + variable("PATH");
  const std::lock_guard guard(lock);
  if (const auto it = known().find(key); it != known().end()) return it->second;

  Discovery d;
  bool final = true;
  auto attempt = [&](const std::string& what, const std::string& path, const std::string& none) {
    if (path.empty()) return d.tried.push_back(what + ": " + none), false;
    auto t = std::make_shared<Toolchain>();
    t->compiler = path;
    t->identity = fileIdentity(path);
    std::string why;
    if (!recall(*t)) {
      t->archFlags.clear();
      bool ok = false;
      try { ok = probeToolchain(*t, timeoutMs, abort, &why); } catch (const Failure& f) { why = f.message; }
      // A busy machine or an abort says nothing about the compiler: ask again next time.
      if (!ok) {
        if (why == "timed out" || why == "aborted") final = false;
        return d.tried.push_back(path + ": " + why), false;
      }
      remember(*t);
    }
    t->identity += "\n" + t->version;
    d.found = std::move(t);
    return true;
  };
  if (!wanted.empty()) attempt(wanted, wanted[0] == '/' ? resolve(wanted) : "", wanted[0] == '/' ? "no such program" : "not an absolute path");
  else if (!own.empty()) attempt("DACE_AD_CXX=" + own, resolve(own), "no such program");
  else if (!(!cxx.empty() && attempt("CXX=" + cxx, fromVariable(cxx), "no such program")))
    for (const char* name : {"g++", "clang++", "c++"})
      if (attempt(name, resolve(name), "not on PATH")) break;
  if (final) known()[key] = d;
  return d;
}

}  // namespace dace
