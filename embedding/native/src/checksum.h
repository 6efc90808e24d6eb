// Checksums as TensorFlow's file formats have them.
#pragma once

#include "crc32c.h"
#include "tensorflow/core/lib/hash/crc32c.h"

namespace shardline {

// TensorFlow's own, where it is built without the instruction, takes several times as long.
inline uint32_t extend_crc32c(uint32_t crc, const char* bytes, int64_t size) {
  return has_crc32c_instruction() ? extend_by_instruction(crc, bytes, size)
                                  : tensorflow::crc32c::Extend(crc, bytes, size);
}

inline uint32_t masked_crc32c(const char* bytes, int64_t size) {
  return tensorflow::crc32c::Mask(extend_crc32c(0, bytes, size));
}

}  // namespace shardline
