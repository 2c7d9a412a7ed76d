// Files that must be right or absent: private directories, whole reads, writes that appear at once.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dace {

std::optional<std::string> readFile(const std::string& path);

// Writes beside `path`, fsyncs, renames. Returns what went wrong, or "". `parts` are written one after the other.
std::string writeAtomically(const std::string& path, const std::vector<std::string_view>& parts);

// Makes (if `create`) and checks a directory: ours, mode 0700, and no one else can replace it. Returns what is wrong, or "".
std::string privateDirectory(const std::string& path, bool create);

// Absolute, against the process's working directory; does not resolve links.
std::string absolutePath(const std::string& path);

// A directory of our own (mkdtemp, 0700) that goes with the object.
class TempDir {
 public:
  TempDir();  // throws Failure("CACHE")
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace dace
