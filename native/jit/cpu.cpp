// What this processor is and can do: CPUID on x86, the auxiliary vector on Arm.
#include "jit/cpu.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__linux__)
#include <sys/auxv.h>
#endif

namespace dace {
namespace {

#if defined(__x86_64__)
struct Leaf { unsigned a = 0, b = 0, c = 0, d = 0; };
Leaf leaf(unsigned n, unsigned sub = 0) {
  Leaf l;
  if (!__get_cpuid_count(n, sub, &l.a, &l.b, &l.c, &l.d)) l = {};
  return l;
}
std::string letters(std::initializer_list<unsigned> words) {
  std::string s;
  for (unsigned w : words) s.append(reinterpret_cast<const char*>(&w), 4);
  return s;
}
std::string trimmed(const std::string& s) {
  const std::string t = s.c_str();  // up to the first NUL
  const size_t a = t.find_first_not_of(' '), b = t.find_last_not_of(' ');
  return a == std::string::npos ? "" : t.substr(a, b - a + 1);
}
// The operating system must save the registers, or the instructions fault.
uint64_t enabledState(bool osxsave) {
  if (!osxsave) return 0;
  uint32_t lo, hi;
  __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
  return uint64_t(hi) << 32 | lo;
}

Cpu detect() {
  Cpu c;
  const Leaf l0 = leaf(0), l1 = leaf(1), l7 = leaf(7), l71 = leaf(7, 1), e1 = leaf(0x80000001u), e8 = leaf(0x80000008u), d1 = leaf(0xd, 1);
  c.vendor = letters({l0.b, l0.d, l0.c});
  std::string brand;
  for (unsigned n = 0x80000002u; n <= 0x80000004u; n++) { const Leaf l = leaf(n); brand += letters({l.a, l.b, l.c, l.d}); }
  c.model = trimmed(brand);
  const uint64_t state = enabledState(l1.c >> 27 & 1);
  const bool avx = (state & 6) == 6, avx512 = avx && (state & 0xe0) == 0xe0;
  auto add = [&](bool on, const char* name) { if (on) c.features.push_back(name); };
  add(l1.d >> 26 & 1, "sse2"), add(l1.c >> 19 & 1, "sse4.1"), add(l1.c >> 20 & 1, "sse4.2"), add(l1.c >> 23 & 1, "popcnt");
  add(avx && (l1.c >> 28 & 1), "avx"), add(avx && (l7.b >> 5 & 1), "avx2"), add(avx && (l1.c >> 12 & 1), "fma"), add(avx && (l1.c >> 29 & 1), "f16c");
  add(l7.b >> 3 & 1, "bmi1"), add(l7.b >> 8 & 1, "bmi2");
  add(avx512 && (l7.b >> 16 & 1), "avx512f"), add(avx512 && (l7.b >> 17 & 1), "avx512dq"), add(avx512 && (l7.b >> 28 & 1), "avx512cd");
  add(avx512 && (l7.b >> 30 & 1), "avx512bw"), add(avx512 && (l7.b >> 31 & 1), "avx512vl"), add(avx512 && (l7.c >> 11 & 1), "avx512_vnni"), add(avx512 && (l71.a >> 5 & 1), "avx512_bf16");
  // Leaf 1's ebx holds the number of the core that runs this: it must not enter.
  for (unsigned w : {l0.a, l1.a, l1.c & ~(1u << 27), l1.d, l7.b, l7.c, l7.d, l71.a, e1.c, e1.d, e8.b, d1.a, unsigned(state)}) c.identity += std::to_string(w) + ".";
  c.identity = c.vendor + "/" + c.model + "/" + c.identity;
  return c;
}
#else
Cpu detect() {
  Cpu c;
#if defined(__aarch64__) && defined(__linux__)
  c.model = "aarch64";
  const unsigned long caps = getauxval(AT_HWCAP), caps2 = getauxval(AT_HWCAP2);
  c.features.push_back("neon");
  if (caps >> 22 & 1) c.features.push_back("sve");
  c.identity = "aarch64/" + std::to_string(caps) + "." + std::to_string(caps2);
#else
  c.model = "unknown";
  c.identity = "unknown";
#endif
  return c;
}
#endif

}  // namespace

bool Cpu::has(const char* feature) const { return std::find(features.begin(), features.end(), feature) != features.end(); }

const Cpu& cpu() {
  static const Cpu c = [] {
    Cpu x = detect();
    const long n = ::sysconf(_SC_NPROCESSORS_ONLN);
    x.cores = n > 0 ? int(n) : 1;
    return x;
  }();
  return c;
}

}  // namespace dace
