// Files that must be right or absent: private directories, whole reads, writes that appear at once.
#include "jit/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "jit/failure.h"

namespace dace {

std::optional<std::string> readFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  struct stat s {};
  // A named pipe or a device in the cache must not block us.
  if (::fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) return ::close(fd), std::nullopt;
  std::string out(static_cast<size_t>(s.st_size), '\0');
  size_t at = 0;
  while (at < out.size()) {
    const ssize_t n = ::read(fd, out.data() + at, out.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    at += static_cast<size_t>(n);
  }
  ::close(fd);
  out.resize(at);
  return out;
}

std::string writeAtomically(const std::string& path, const std::vector<std::string_view>& parts) {
  static std::atomic<unsigned> serial{0};
  const std::string temporary = path + "." + std::to_string(::getpid()) + "." + std::to_string(serial++) + ".tmp";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return std::strerror(errno);
  int error = 0;
  for (std::string_view part : parts) {
    size_t at = 0;
    while (at < part.size() && error == 0) {
      const ssize_t n = ::write(fd, part.data() + at, part.size() - at);
      if (n > 0) at += static_cast<size_t>(n);
      else if (n == 0) error = ENOSPC;
      else if (errno != EINTR) error = errno;
    }
  }
  if (error == 0 && ::fsync(fd) != 0) error = errno;
  if (::close(fd) != 0 && error == 0) error = errno;
  if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) ::unlink(temporary.c_str());
  return error == 0 ? "" : std::strerror(error);
}

namespace {

std::string parentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

void makeAll(const std::string& path) {
  if (path.empty() || path == "/" || ::mkdir(path.c_str(), 0700) == 0 || errno != ENOENT) return;
  makeAll(parentOf(path));
  ::mkdir(path.c_str(), 0700);
}

void removeAll(const std::string& path) {
  if (DIR* d = ::opendir(path.c_str())) {
    while (const dirent* e = ::readdir(d)) {
      const std::string name = e->d_name;
      if (name == "." || name == "..") continue;
      const std::string child = path + "/" + name;
      struct stat s {};
      if (::lstat(child.c_str(), &s) == 0 && S_ISDIR(s.st_mode)) removeAll(child);
      else ::unlink(child.c_str());
    }
    ::closedir(d);
  }
  ::rmdir(path.c_str());
}

}  // namespace

std::string privateDirectory(const std::string& path, bool create) {
  if (create) makeAll(path);
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return std::strerror(errno);
  if (!S_ISDIR(s.st_mode)) return "it is not a directory";
  if (s.st_uid != ::geteuid()) return "it belongs to another user";
  if ((s.st_mode & 077) != 0 && (!create || ::chmod(path.c_str(), 0700) != 0)) {
    if ((s.st_mode & 022) != 0) return "other users can write to it";
  }
  // Whoever can rename the directory can put another one in its place.
  struct stat up {};
  if (::stat(parentOf(path).c_str(), &up) != 0) return std::strerror(errno);
  if ((up.st_mode & 022) != 0 && (up.st_mode & S_ISVTX) == 0) return "other users can replace it";
  return "";
}

std::string absolutePath(const std::string& path) {
  if (!path.empty() && path[0] == '/') return path;
  char buffer[4096];
  return ::getcwd(buffer, sizeof buffer) ? std::string(buffer) + "/" + path : "/" + path;
}

TempDir::TempDir() {
  const char* given = std::getenv("TMPDIR");
  std::string error;
  for (const std::string& base : {std::string(given && given[0] == '/' ? given : "/tmp"), std::string("/tmp"), std::string("/var/tmp"), std::string("/dev/shm")}) {
    std::string name = base + "/dace-ad-XXXXXX";
    if (::mkdtemp(name.data())) {
      path_ = name;
      return;
    }
    error += (error.empty() ? "" : "; ") + base + ": " + std::strerror(errno);
  }
  throw Failure("CACHE", "no directory for temporary files can be made (" + error + ")");
}

TempDir::~TempDir() { removeAll(path_); }

}  // namespace dace
