// What this processor is and can do.
#pragma once
#include <string>
#include <vector>

namespace dace {

struct Cpu {
  std::string model;
  std::string vendor;
  int cores = 1;
  std::vector<std::string> features;
  // Everything a compiler's "native" may depend on.
  std::string identity;
  bool has(const char* feature) const;
};

const Cpu& cpu();

}  // namespace dace
