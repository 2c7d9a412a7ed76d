// Opening shared objects without side effects on the process.
#include "jit/library.h"

#include <dlfcn.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace dace {

#if defined(__x86_64__)
unsigned controlWord() { return _mm_getcsr(); }
void setControlWord(unsigned word) { _mm_setcsr(word); }
#else
unsigned controlWord() { return 0x1f80; }
void setControlWord(unsigned) {}
#endif

void* openLibrary(const std::string& path, std::string* why) {
  const unsigned before = controlWord();
  void* h = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  // Somebody else's library may be built with -ffast-math, whose start-up code sets flush-to-zero for JavaScript too.
  setControlWord(before);
  if (!h) {
    const char* e = ::dlerror();
    *why = e ? e : "unknown error";
  }
  return h;
}

void* findSymbol(void* library, const char* name) { return ::dlsym(library, name); }

void pinLibraryOf(const void* address) {
  Dl_info info;
  if (::dladdr(address, &info) != 0 && info.dli_fname) ::dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace dace
