// CRC32C by the processor's own instruction, where it has one.
#pragma once

#include <cstdint>

namespace shardline {

// Whether `extend_by_instruction` can be called.
bool has_crc32c_instruction();

// Returns the CRC32C of some bytes and those after them, of which `crc` is the CRC32C of
// the first ones.
uint32_t extend_by_instruction(uint32_t crc, const char* bytes, int64_t size);

}  // namespace shardline
