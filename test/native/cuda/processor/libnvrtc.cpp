// An NVRTC made of the system's C++ compiler, for tests: device code becomes an image that processor/libcuda.cpp loads. The work is done by the command in
// PROCESSOR_NVRTC (a program and arguments, separated by "|"), which gets the names of the source, of the result and of a file for the log.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

extern char** environ;

namespace {
struct Program { std::string text, log, image; };
std::string contents(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream s;
  s << in.rdbuf();
  return s.str();
}
int give(const std::string& from, char* to) { return std::memcpy(to, from.data(), from.size()), to[from.size()] = '\0', 0; }
}  // namespace

extern "C" {
int nvrtcVersion(int* major, int* minor) { return *major = 13, *minor = 0, 0; }
int nvrtcGetNumSupportedArchs(int* n) { return *n = 2, 0; }
int nvrtcGetSupportedArchs(int* a) { return a[0] = 80, a[1] = 90, 0; }
int nvrtcCreateProgram(void** p, const char* text, const char*, int, const char* const*, const char* const*) { return *p = new Program{text, "", ""}, 0; }
int nvrtcDestroyProgram(void** p) { return delete static_cast<Program*>(*p), *p = nullptr, 0; }
int nvrtcCompileProgram(void* program, int count, const char* const* options) {
  Program& p = *static_cast<Program*>(program);
  bool arch = false;
  for (int k = 0; k < count; k++) {
    arch = arch || std::string(options[k]) == "--gpu-architecture=sm_90";
    if (std::strncmp(options[k], "--", 2) != 0) return p.log = "not an option: " + std::string(options[k]), 5;
  }
  if (!arch) return p.log = "no architecture", 5;
  char folder[] = "/tmp/processor-nvrtc-XXXXXX";
  if (!::mkdtemp(folder)) return 1;
  const std::string at = folder, from = at + "/kernels.cu", to = at + "/image.so", log = at + "/log";
  std::ofstream(from) << p.text;
  std::vector<std::string> words;
  std::stringstream command(std::getenv("PROCESSOR_NVRTC") ? std::getenv("PROCESSOR_NVRTC") : "");
  for (std::string w; std::getline(command, w, '|');) words.push_back(w);
  words.insert(words.end(), {from, to, log});
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  pid_t pid;
  int status = -1;
  // The thread that compiles has all signals blocked; a Node that cannot hear of its children's ends waits for ever.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  if (::posix_spawn(&pid, argv[0], nullptr, &attributes, argv.data(), environ) == 0) ::waitpid(pid, &status, 0);
  else p.log = "cannot be started: " + words[0];
  if (status == 0) p.image = contents(to);
  else p.log += contents(log);
  for (const std::string& f : {from, from + ".cpp", to, log}) ::unlink(f.c_str());
  ::rmdir(folder);
  return status == 0 && !p.image.empty() ? 0 : 6;
}
int nvrtcGetProgramLogSize(void* p, size_t* n) { return *n = static_cast<Program*>(p)->log.size() + 1, 0; }
int nvrtcGetProgramLog(void* p, char* to) { return give(static_cast<Program*>(p)->log, to); }
// The real ones count no zero at the end.
int nvrtcGetCUBINSize(void* p, size_t* n) { return *n = static_cast<Program*>(p)->image.size(), 0; }
int nvrtcGetCUBIN(void* p, char* to) { return std::memcpy(to, static_cast<Program*>(p)->image.data(), static_cast<Program*>(p)->image.size()), 0; }
int nvrtcGetPTXSize(void*, size_t*) { return 1; }
int nvrtcGetPTX(void*, char*) { return 1; }
}
