// The instruction takes eight bytes a cycle, but its result only cycles later: three
// streams side by side keep it busy. Their checksums are put together as if zeros had
// followed, which is linear, so that four tables tell it (Mark Adler's method).
#include "crc32c.h"

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

#include <cstring>

namespace shardline {

#ifdef __x86_64__
namespace {

constexpr int64_t kStream = 2048;  // bytes; a power of two
constexpr uint32_t kPolynomial = 0x82f63b78;  // bits reversed

// What zeros after some bytes make of their checksum.
class Zeros {
 public:
  Zeros() {
    // A matrix of bits, each column an uint32: one zero bit, then twice as many each time.
    uint32_t operation[32] = {kPolynomial}, square[32];
    for (int bit = 1; bit < 32; ++bit) operation[bit] = 1u << (bit - 1);
    for (int64_t bits = 1; bits < 8 * kStream; bits *= 2) {
      for (int bit = 0; bit < 32; ++bit) square[bit] = times(operation, operation[bit]);
      std::memcpy(operation, square, sizeof(square));
    }
    for (uint32_t byte = 0; byte < 256; ++byte) {
      for (int place = 0; place < 4; ++place) {
        after_[place][byte] = times(operation, byte << (8 * place));
      }
    }
  }

  uint32_t after(uint32_t crc) const {
    return after_[0][crc & 255] ^ after_[1][crc >> 8 & 255] ^
           after_[2][crc >> 16 & 255] ^ after_[3][crc >> 24];
  }

 private:
  static uint32_t times(const uint32_t* matrix, uint32_t vector) {
    uint32_t sum = 0;
    for (; vector; vector >>= 1, ++matrix) sum ^= vector & 1 ? *matrix : 0;
    return sum;
  }

  uint32_t after_[4][256];
};

uint64_t word(const char* bytes) {
  uint64_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

}  // namespace

bool has_crc32c_instruction() { return __builtin_cpu_supports("sse4.2"); }

__attribute__((target("sse4.2"))) uint32_t extend_by_instruction(uint32_t crc,
                                                                 const char* bytes,
                                                                 int64_t size) {
  static const Zeros zeros;
  uint64_t first = static_cast<uint32_t>(~crc);
  for (; size >= 3 * kStream; bytes += 3 * kStream, size -= 3 * kStream) {
    uint64_t second = 0, third = 0;
    for (const char* at = bytes; at < bytes + kStream; at += 8) {
      first = _mm_crc32_u64(first, word(at));
      second = _mm_crc32_u64(second, word(at + kStream));
      third = _mm_crc32_u64(third, word(at + 2 * kStream));
    }
    first = zeros.after(static_cast<uint32_t>(first)) ^ second;
    first = zeros.after(static_cast<uint32_t>(first)) ^ third;
  }
  for (; size >= 8; bytes += 8, size -= 8) first = _mm_crc32_u64(first, word(bytes));
  auto last = static_cast<uint32_t>(first);
  for (; size > 0; ++bytes, --size) {
    last = _mm_crc32_u8(last, static_cast<uint8_t>(*bytes));
  }
  return ~last;
}

#else

bool has_crc32c_instruction() { return false; }
uint32_t extend_by_instruction(uint32_t crc, const char*, int64_t) { return crc; }

#endif

}  // namespace shardline
