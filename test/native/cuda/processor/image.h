// A module whose image is a shared object made from device code: loaded from memory, like a cubin.
#pragma once
#include <dlfcn.h>
#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

namespace processor {

// What the image exports; see test/native/cuda/processor-image.ts.
struct Entry {
  const char* name;
  int count;
  const unsigned* sizes;  // of parameters, in bytes
};
using Launch = int (*)(int, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void**);

struct Function {
  int index = 0;
  const Entry* entry = nullptr;
  Launch launch = nullptr;
};

struct Module {
  void* library = nullptr;
  std::vector<Function> functions;
  ~Module() {
    if (library) ::dlclose(library);
  }
};

// nullptr: it is none.
inline Module* loadImage(const void* image) {
  const auto* const bytes = static_cast<const unsigned char*>(image);
  if (std::memcmp(bytes, ELFMAG, SELFMAG) != 0) return nullptr;
  Elf64_Ehdr head;
  std::memcpy(&head, bytes, sizeof head);
  const size_t size = head.e_shoff + size_t(head.e_shnum) * head.e_shentsize;
  // A name that no other image had: the loader knows libraries by their names.
  char path[] = "/tmp/processor-image-XXXXXX";
  const int fd = ::mkstemp(path);
  if (fd < 0) return nullptr;
  const bool written = ::write(fd, bytes, size) == ssize_t(size);
  ::close(fd);
  auto* m = new Module;
  if (written) m->library = ::dlopen(path, RTLD_NOW | RTLD_LOCAL);
  ::unlink(path);
  const auto* entry = m->library ? static_cast<const Entry*>(::dlsym(m->library, "processor_entries")) : nullptr;
  const auto launch = m->library ? reinterpret_cast<Launch>(::dlsym(m->library, "processor_launch")) : nullptr;
  if (!entry || !launch) return say("an image that is none"), delete m, nullptr;
  for (int k = 0; entry[k].name; k++) m->functions.push_back({k, &entry[k], launch});
  return m;
}

}  // namespace processor
