// The kernel cache on disk. An entry is the artefact followed by a trailer (magic, length, SHA-256): one file, one rename, no pair that can disagree.
#include "jit/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "jit/files.h"
#include "jit/sha256.h"

namespace dace {
namespace {

constexpr char kMagic[8] = {'D', 'A', 'C', 'E', 'A', 'D', '0', '1'};
constexpr size_t kTrailer = 8 + 8 + 32;
constexpr uint64_t kDefaultLimit = uint64_t(512) << 20;

std::string trailer(std::string_view artefact) {
  std::string t(kMagic, 8);
  for (int i = 0; i < 8; i++) t += char(uint64_t(artefact.size()) >> (8 * i) & 255);
  const Sha256::Digest d = sha256(artefact);
  t.append(reinterpret_cast<const char*>(d.data()), d.size());
  return t;
}

std::string home() {
  if (const char* h = std::getenv("HOME"); h && h[0] == '/') return h;
  const passwd* p = ::getpwuid(::geteuid());
  return p && p->pw_dir && p->pw_dir[0] == '/' ? p->pw_dir : "";
}

bool isKey(const std::string& name) {
  return name.size() == 67 && name.compare(64, 3, ".so") == 0 && name.find_first_not_of("0123456789abcdef") == 64;
}

}  // namespace

std::string defaultCacheDir() {
  if (const char* own = std::getenv("DACE_AD_CACHE_DIR"); own && *own) return absolutePath(own);
  const std::string h = home();
#ifdef __APPLE__
  return h.empty() ? "" : h + "/Library/Caches/dace-ad-native";
#else
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && xdg[0] == '/') return std::string(xdg) + "/dace-ad-native";
  return h.empty() ? "" : h + "/.cache/dace-ad-native";
#endif
}

std::string kernelDirectory(const std::string& cacheDir) {
  const std::string base = cacheDir.empty() ? defaultCacheDir() : absolutePath(cacheDir);
  return base.empty() ? "" : base + "/kernels";
}

std::string libcIdentity() {
#ifdef __GLIBC__
  return std::string("glibc ") + gnu_get_libc_version();
#elif defined(__APPLE__)
  return "libSystem";
#else
  return "musl";
#endif
}

KernelCache::KernelCache(const std::string& cacheDir, CacheMode mode) : dir_(kernelDirectory(cacheDir)), mode_(mode) {
  if (mode == CacheMode::off) return;
  if (dir_.empty()) trouble_ = "there is no home directory";
  else if (const std::string why = privateDirectory(dir_, mode == CacheMode::on); !why.empty()) trouble_ = dir_ + ": " + why;
}

std::optional<std::string> KernelCache::contents(const std::string& key) const {
  if (!readable()) return std::nullopt;
  const std::string file = path(key);
  std::optional<std::string> text = readFile(file);
  if (!text) return std::nullopt;
  const std::string_view all = *text;
  if (all.size() < kTrailer || all.substr(all.size() - kTrailer) != trailer(all.substr(0, all.size() - kTrailer))) {
    discard(key);
    return std::nullopt;
  }
  if (mode_ == CacheMode::on) ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
  text->resize(text->size() - kTrailer);
  return text;
}

std::optional<KernelCache::Found> KernelCache::lookup(const std::string& key) const {
  const std::optional<std::string> text = contents(key);
  return text ? std::optional<Found>(Found{path(key), text->size()}) : std::nullopt;
}

std::optional<KernelCache::Found> KernelCache::publish(const std::string& key, std::string_view artefact) const {
  if (!writable() || !writeAtomically(path(key), {artefact, trailer(artefact)}).empty()) return std::nullopt;
  limit(kDefaultLimit);
  // A limit below one entry's size is somebody's joke, but not ours to crash on.
  struct stat s {};
  return ::stat(path(key).c_str(), &s) == 0 ? std::optional<Found>(Found{path(key), artefact.size()}) : std::nullopt;
}

void KernelCache::discard(const std::string& key) const {
  if (writable()) ::unlink(path(key).c_str());
}

std::vector<CacheEntry> KernelCache::entries() const {
  std::vector<CacheEntry> out;
  DIR* d = trouble_.empty() ? ::opendir(dir_.c_str()) : nullptr;
  if (!d) return out;
  while (const dirent* e = ::readdir(d)) {
    const std::string name = e->d_name;
    struct stat s {};
    if (::lstat((dir_ + "/" + name).c_str(), &s) != 0 || !S_ISREG(s.st_mode)) continue;
#ifdef __APPLE__
    const timespec used = s.st_mtimespec;
#else
    const timespec used = s.st_mtim;
#endif
    if (isKey(name)) out.push_back({name.substr(0, 64), uint64_t(s.st_size), double(used.tv_sec) * 1e3 + double(used.tv_nsec / 1000) / 1e3});
    // What a killed process left behind.
    else if (writable() && name.size() > 4 && name.compare(name.size() - 4, 4, ".tmp") == 0 && ::time(nullptr) - used.tv_sec > 3600) ::unlink((dir_ + "/" + name).c_str());
  }
  ::closedir(d);
  return out;
}

size_t KernelCache::limit(uint64_t bytes) const {
  std::vector<CacheEntry> all = entries();
  std::sort(all.begin(), all.end(), [](const CacheEntry& a, const CacheEntry& b) { return a.usedMs < b.usedMs; });
  uint64_t total = 0;
  for (const CacheEntry& e : all) total += e.bytes;
  size_t gone = 0;
  for (const CacheEntry& e : all) {
    if (total <= bytes) break;
    if (::unlink(path(e.key).c_str()) != 0) continue;
    total -= e.bytes, gone++;
  }
  return gone;
}

KernelCache::Lock::Lock(const KernelCache& cache, const std::string& key, int timeoutMs, const AbortFlag* abort) {
  if (!cache.writable()) return;
  path_ = cache.dir_ + "/" + key + ".lock";
  for (int waited = 0; waited <= timeoutMs && !(abort && abort->load());) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd_ < 0) return;  // building twice is better than not at all
    if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) {
      // The holder before us removed the file: the lock that counts is on the file of that name.
      struct stat mine {}, named {};
      if (::fstat(fd_, &mine) == 0 && ::stat(path_.c_str(), &named) == 0 && mine.st_ino == named.st_ino && mine.st_dev == named.st_dev) return;
      ::close(fd_), fd_ = -1;
      continue;
    }
    const int error = errno;
    ::close(fd_), fd_ = -1;
    if (error != EWOULDBLOCK && error != EINTR) return;
    ::usleep(5000);
    waited += 5;
  }
}

KernelCache::Lock::~Lock() {
  if (fd_ < 0) return;
  ::unlink(path_.c_str());
  ::close(fd_);
}

}  // namespace dace
