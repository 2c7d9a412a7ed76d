// An environment variable that a library reads while it is being opened.
#pragma once
#include <cstdlib>

namespace dace {

// Set for the time of a dlopen, unless the user has set it: children of this process must not inherit our hints.
class Hint {
 public:
  Hint(const char* name, const char* value) : name_(name), set_(!std::getenv(name)) {
    if (set_) ::setenv(name, value, 1);
  }
  ~Hint() {
    if (set_) ::unsetenv(name_);
  }
  Hint(const Hint&) = delete;
  Hint& operator=(const Hint&) = delete;

 private:
  const char* name_;
  bool set_;
};

}  // namespace dace
