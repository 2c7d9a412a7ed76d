// SHA-256, for cache keys and for checking artefacts before they are loaded.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace dace {

class Sha256 {
 public:
  using Digest = std::array<uint8_t, 32>;
  Sha256();
  void update(const void* data, size_t bytes);
  // A field with its length before it, so that two lists of fields never give the same stream.
  void field(std::string_view text);
  Digest finish();

 private:
  void block(const uint8_t* p);
  uint32_t state_[8];
  uint64_t total_ = 0;
  size_t held_ = 0;
  uint8_t buffer_[64];
};

std::string hex(const Sha256::Digest& d);
Sha256::Digest sha256(std::string_view data);

}  // namespace dace
