// NVRTC and nvcc.
#include "cuda/compile.h"

#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>

#include "jit/failure.h"
#include "jit/files.h"
#include "jit/library.h"

namespace dace::cuda {
namespace {

#define DACE_NVRTC(F)                                                                                                  \
  F(version, "nvrtcVersion", (int*, int*))                                                                             \
  F(create, "nvrtcCreateProgram", (void**, const char*, const char*, int, const char* const*, const char* const*))     \
  F(destroy, "nvrtcDestroyProgram", (void**))                                                                          \
  F(compile, "nvrtcCompileProgram", (void*, int, const char* const*))                                                  \
  F(logSize, "nvrtcGetProgramLogSize", (void*, size_t*))                                                               \
  F(log, "nvrtcGetProgramLog", (void*, char*))                                                                         \
  F(cubinSize, "nvrtcGetCUBINSize", (void*, size_t*))                                                                  \
  F(cubin, "nvrtcGetCUBIN", (void*, char*))                                                                            \
  F(ptxSize, "nvrtcGetPTXSize", (void*, size_t*))                                                                      \
  F(ptx, "nvrtcGetPTX", (void*, char*))

struct Nvrtc {
#define DACE_FIELD(name, symbol, parameters) int(*name) parameters = nullptr;
  DACE_NVRTC(DACE_FIELD)
#undef DACE_FIELD
  int (*archCount)(int*) = nullptr;
  int (*archs)(int*) = nullptr;
  std::string path;
  int major = 0, minor = 0;
};

struct Found {
  const Nvrtc* nvrtc = nullptr;
  std::string nvcc, identity, why;
};

std::string variable(const char* name) {
  const char* v = std::getenv(name);
  return v ? v : "";
}
std::string toolkit() {
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"})
    if (const std::string v = variable(name); !v.empty() && v[0] == '/') return v;
  return "/usr/local/cuda";
}

// Opened by its path, NVRTC does not find its builtins beside itself.
void* openNvrtc(const std::string& path, std::string* why) {
  if (const size_t slash = path.rfind('/'); slash != std::string::npos) {
    glob_t found{};
    if (::glob((path.substr(0, slash) + "/libnvrtc-builtins.so*").c_str(), 0, nullptr, &found) == 0 && found.gl_pathc > 0) {
      std::string ignored;
      openLibrary(found.gl_pathv[0], &ignored);
    }
    ::globfree(&found);
  }
  return openLibrary(path, why);
}

const Nvrtc* take(const std::string& path, std::string* why) {
  void* const h = openNvrtc(path, why);
  if (!h) return nullptr;
  auto* n = new Nvrtc;
  std::string missing;
#define DACE_FIND(name, symbol, parameters)                                   \
  n->name = reinterpret_cast<int(*) parameters>(findSymbol(h, symbol));       \
  if (!n->name) missing += std::string(missing.empty() ? "" : ", ") + symbol;
  DACE_NVRTC(DACE_FIND)
#undef DACE_FIND
  if (!missing.empty()) return *why = path + ": it has no " + missing, nullptr;
  n->archCount = reinterpret_cast<int (*)(int*)>(findSymbol(h, "nvrtcGetNumSupportedArchs"));
  n->archs = reinterpret_cast<int (*)(int*)>(findSymbol(h, "nvrtcGetSupportedArchs"));
  if (n->version(&n->major, &n->minor) != 0) return *why = path + ": it does not say its version", nullptr;
  n->path = path;
  return n;
}

const Nvrtc* findNvrtc(std::string* why) {
  // An order: nothing else is taken.
  if (const std::string given = variable("DACE_AD_LIBNVRTC"); !given.empty()) return given == "off" ? (*why = "DACE_AD_LIBNVRTC is off", nullptr) : take(given, why);
  const std::string home = toolkit();
  std::string first;
  for (const std::string& path : {std::string("libnvrtc.so.13"), std::string("libnvrtc.so.12"), std::string("libnvrtc.so.11.2"), std::string("libnvrtc.so"), home + "/lib64/libnvrtc.so"}) {
    if (const Nvrtc* n = take(path, why)) return n;
    if (first.empty()) first = *why;
  }
  return *why = first, nullptr;
}

std::string findNvcc(std::string* why) {
  const auto runs = [](const std::string& p) { return ::access(p.c_str(), X_OK) == 0; };
  if (const std::string given = variable("DACE_AD_NVCC"); !given.empty()) {
    if (given[0] == '/' && runs(given)) return given;
    return *why = given == "off" ? "DACE_AD_NVCC is off" : "DACE_AD_NVCC is not an absolute path of a program: " + given, "";
  }
  const std::string beside = toolkit() + "/bin/nvcc", path = variable("PATH");
  if (runs(beside)) return beside;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find(':', at), path.size());
    if (end > at && path[at] == '/')
      if (const std::string p = path.substr(at, end - at) + "/nvcc"; runs(p)) return p;
    at = end + 1;
  }
  return *why = "no nvcc in " + toolkit() + "/bin or on PATH", "";
}

const Found& find() {
  static std::mutex mutex;
  static const Found* found = nullptr;
  const std::lock_guard guard(mutex);
  if (found) return *found;
  auto* f = new Found;
  std::string nvrtc, nvcc;
  f->nvrtc = findNvrtc(&nvrtc);
  if (f->nvrtc) {
    f->identity = "NVRTC " + std::to_string(f->nvrtc->major) + "." + std::to_string(f->nvrtc->minor) + " (" + f->nvrtc->path + ")";
  } else {
    f->nvcc = findNvcc(&nvcc);
    struct stat s {};
    if (!f->nvcc.empty() && ::stat(f->nvcc.c_str(), &s) == 0) f->identity = "nvcc (" + f->nvcc + ", " + std::to_string(s.st_size) + ", " + std::to_string(s.st_mtime) + ")";
    else f->why = "device code cannot be compiled: no NVRTC (" + nvrtc + "), no nvcc (" + nvcc + ")";
  }
  found = f;
  return *found;
}

std::string byNvrtc(const Nvrtc& n, const DeviceRequest& r) {
  const int wanted = 10 * r.major + r.minor;
  int newest = 0;
  bool known = true;
  if (n.archCount && n.archs) {
    int count = 0;
    if (n.archCount(&count) == 0 && count > 0) {
      std::vector<int> archs(static_cast<size_t>(count));
      known = false;
      if (n.archs(archs.data()) == 0)
        for (const int a : archs) known = known || a == wanted, newest = a > newest ? a : newest;
    }
  }
  // An older compiler's PTX is translated by the driver; for a device that it has given up there is nothing.
  if (!known && newest > wanted) throw Failure("DEVICE", n.path + " (" + std::to_string(n.major) + "." + std::to_string(n.minor) + ") does not compile for compute capability " + std::to_string(r.major) + "." + std::to_string(r.minor) + " any more");
  const std::string arch = known ? "--gpu-architecture=sm_" + std::to_string(wanted) : "--gpu-architecture=compute_" + std::to_string(newest);
  std::vector<const char*> options{arch.c_str()};
  for (const std::string& f : r.flags) options.push_back(f.c_str());
  void* program = nullptr;
  if (const int e = n.create(&program, r.text.c_str(), "kernels.cu", 0, nullptr, nullptr)) throw Failure("TOOLCHAIN", n.path + ": nvrtcCreateProgram gave " + std::to_string(e));
  const int status = n.compile(program, int(options.size()), options.data());
  std::string out;
  size_t bytes = 0;
  if (status != 0) {
    if (n.logSize(program, &bytes) == 0 && bytes > 0) out.resize(bytes), n.log(program, out.data());
    n.destroy(&program);
    throw Failure("TOOLCHAIN", n.path + " failed: status " + std::to_string(status), out);
  }
  const bool got = (known ? n.cubinSize : n.ptxSize)(program, &bytes) == 0 && bytes > 0 && (out.resize(bytes), (known ? n.cubin : n.ptx)(program, out.data()) == 0);
  n.destroy(&program);
  if (!got) throw Failure("TOOLCHAIN", n.path + " ended without an error but made nothing");
  return out;
}

std::string byNvcc(const std::string& nvcc, const DeviceRequest& r, const AbortFlag* abort) {
  const TempDir dir;
  const std::string from = dir.path() + "/kernels.cu", to = dir.path() + "/kernels.cubin";
  if (const std::string why = writeAtomically(from, {r.text}); !why.empty()) throw Failure("CACHE", "the source cannot be written to " + dir.path() + ": " + why);
  std::vector<std::string> argv{nvcc, "-cubin", "-w", "-arch=sm_" + std::to_string(10 * r.major + r.minor)};
  argv.insert(argv.end(), r.flags.begin(), r.flags.end());
  argv.insert(argv.end(), {"-o", to, from});
  const ProcessResult p = runProcess(argv, compilerEnvironment(dir.path()), r.timeoutMs, abort);
  if (p.end == ProcessResult::End::aborted) throw Failure("ABORTED", "compilation was aborted");
  if (!p.ok()) throw Failure("TOOLCHAIN", nvcc + " failed: " + p.why(), p.end == ProcessResult::End::notStarted ? "" : p.output);
  std::optional<std::string> made = readFile(to);
  if (!made || made->empty()) throw Failure("TOOLCHAIN", nvcc + " ended without an error but made no file", p.output);
  return std::move(*made);
}

}  // namespace

std::string deviceCompiler(std::string* why) {
  const Found& f = find();
  *why = f.why;
  return f.identity;
}

std::string compileForDevice(const DeviceRequest& request, const AbortFlag* abort) {
  const Found& f = find();
  if (abort && abort->load()) throw Failure("ABORTED", "compilation was aborted");
  if (f.nvrtc) return byNvrtc(*f.nvrtc, request);
  if (!f.nvcc.empty()) return byNvcc(f.nvcc, request, abort);
  throw Failure("DEVICE", f.why);
}

}  // namespace dace::cuda
