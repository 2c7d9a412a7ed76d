// SHA-256 as FIPS 180-4 states it. Constants are computed from the primes, as the standard defines them.
#include "jit/sha256.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace dace {
namespace {

// The first 32 bits of the fractional part of a root, found by integer search: no rounding of libm can spoil it.
uint32_t fraction(uint64_t prime, int power) {
  // Largest x with x^power <= prime * 2^(32*power).
  unsigned __int128 lo = 0, hi = static_cast<unsigned __int128>(1) << 37;
  auto below = [&](unsigned __int128 x) {
    if (power == 2) return x * x <= (static_cast<unsigned __int128>(prime) << 64);
    // x^3 <= p * 2^96 without 192 bits: x^2 <= p * 2^96 / x.
    return x == 0 || x * x <= (static_cast<unsigned __int128>(prime) << 96) / x;
  };
  while (lo + 1 < hi) {
    const unsigned __int128 mid = (lo + hi) / 2;
    (below(mid) ? lo : hi) = mid;
  }
  return static_cast<uint32_t>(lo);
}

struct Tables {
  uint32_t initial[8], round[64];
  Tables() {
    int n = 0;
    for (uint64_t p = 2; n < 64; p++) {
      bool prime = true;
      for (uint64_t d = 2; d * d <= p; d++) prime = prime && p % d != 0;
      if (!prime) continue;
      if (n < 8) initial[n] = fraction(p, 2);
      round[n++] = fraction(p, 3);
    }
  }
};
const Tables& tables() {
  static const Tables t;
  return t;
}

}  // namespace

Sha256::Sha256() { std::memcpy(state_, tables().initial, sizeof state_); }

void Sha256::block(const uint8_t* p) {
  const uint32_t* k = tables().round;
  uint32_t w[64];
  for (int i = 0; i < 16; i++) w[i] = uint32_t(p[4 * i]) << 24 | uint32_t(p[4 * i + 1]) << 16 | uint32_t(p[4 * i + 2]) << 8 | p[4 * i + 3];
  for (int i = 16; i < 64; i++) {
    const uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ (a >> 3)) + w[i - 7] + (std::rotr(b, 17) ^ std::rotr(b, 19) ^ (b >> 10));
  }
  uint32_t s[8];
  std::memcpy(s, state_, sizeof s);
  for (int i = 0; i < 64; i++) {
    const uint32_t e = s[4], a = s[0];
    const uint32_t t1 = s[7] + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & s[5]) ^ (~e & s[6])) + k[i] + w[i];
    const uint32_t t2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
    for (int j = 7; j > 0; j--) s[j] = s[j - 1];
    s[4] += t1;
    s[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++) state_[i] += s[i];
}

void Sha256::update(const void* data, size_t bytes) {
  const uint8_t* p = static_cast<const uint8_t*>(data);
  total_ += bytes;
  while (bytes > 0) {
    if (held_ == 0 && bytes >= 64) {
      block(p);
      p += 64, bytes -= 64;
      continue;
    }
    const size_t n = bytes < 64 - held_ ? bytes : 64 - held_;
    std::memcpy(buffer_ + held_, p, n);
    held_ += n, p += n, bytes -= n;
    if (held_ == 64) block(buffer_), held_ = 0;
  }
}

void Sha256::field(std::string_view text) {
  const uint64_t n = text.size();
  update(&n, sizeof n);
  update(text.data(), text.size());
}

Sha256::Digest Sha256::finish() {
  const uint64_t bits = total_ * 8;
  const uint8_t one = 0x80, zero = 0;
  update(&one, 1);
  while (held_ != 56) update(&zero, 1);
  uint8_t length[8];
  for (int i = 0; i < 8; i++) length[i] = uint8_t(bits >> (56 - 8 * i));
  update(length, 8);
  Digest d;
  for (int i = 0; i < 32; i++) d[i] = uint8_t(state_[i / 4] >> (24 - 8 * (i % 4)));
  return d;
}

std::string hex(const Sha256::Digest& d) {
  std::string s;
  for (uint8_t b : d) s += "0123456789abcdef"[b >> 4], s += "0123456789abcdef"[b & 15];
  return s;
}

Sha256::Digest sha256(std::string_view data) {
  Sha256 h;
  h.update(data.data(), data.size());
  return h.finish();
}

}  // namespace dace
