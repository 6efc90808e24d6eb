#include "sort.h"

#include <algorithm>
#include <utility>

namespace shardline {
namespace {

// What one thread takes of a long job; shorter jobs are one thread's.
constexpr int64_t kBlock = 1 << 17;
// So few places to write to at a time that their lines stay in the first cache.
constexpr int kMaxDigitBits = 9;
constexpr int64_t kCyclesPerId = 20;

int bits_of(int64_t row_count) {
  int bits = 1;
  while (bits < 31 && (int64_t{1} << bits) < row_count) ++bits;
  return bits;
}

// Sorts by the low digit first (least significant digit radix sort). Blocks are counted
// and then written in their order, so equal rows stay in the order of the batch.
void sort_one(const SortJob& job, const Parallel& parallel) {
  const int bits = bits_of(job.row_count);
  const int passes = (bits + kMaxDigitBits - 1) / kMaxDigitBits;
  const int digit_bits = (bits + passes - 1) / passes;
  const int64_t digits = int64_t{1} << digit_bits;
  const int64_t blocks = (job.count + kBlock - 1) / kBlock;
  std::vector<uint32_t> places(blocks * digits);
  // The last pass must end in `sorted`.
  uint64_t* from = passes % 2 ? job.scratch : job.sorted;
  uint64_t* to = passes % 2 ? job.sorted : job.scratch;
  for (int64_t i = 0; i < job.count; ++i) {
    from[i] = static_cast<uint64_t>(job.rows[i]) << 32 | static_cast<uint64_t>(i);
  }
  for (int pass = 0; pass < passes; ++pass) {
    const int shift = 32 + pass * digit_bits;
    const uint64_t mask = digits - 1;
    auto for_block = [&](int64_t block, const auto& visit) {
      const int64_t end = std::min(job.count, (block + 1) * kBlock);
      uint32_t* of_block = places.data() + block * digits;
      for (int64_t i = block * kBlock; i < end; ++i) {
        visit(from[i], of_block[(from[i] >> shift) & mask]);
      }
    };
    std::fill(places.begin(), places.end(), 0);
    parallel(blocks, kBlock * kCyclesPerId, [&](int64_t block) {
      for_block(block, [](uint64_t, uint32_t& count) { ++count; });
    });
    uint32_t next = 0;
    for (int64_t digit = 0; digit < digits; ++digit) {
      for (int64_t block = 0; block < blocks; ++block) {
        next += std::exchange(places[block * digits + digit], next);
      }
    }
    parallel(blocks, kBlock * kCyclesPerId, [&](int64_t block) {
      for_block(block, [to](uint64_t id, uint32_t& place) { to[place++] = id; });
    });
    std::swap(from, to);
  }
}

}  // namespace

void sort_by_row(const std::vector<SortJob>& jobs, const Parallel& parallel) {
  std::vector<const SortJob*> shorts, longs;
  int64_t ids = 0;
  for (const SortJob& job : jobs) {
    if (job.count == 0) continue;
    (job.count > kBlock ? longs : shorts).push_back(&job);
    if (job.count <= kBlock) ids += job.count;
  }
  for (const SortJob* job : longs) sort_one(*job, parallel);
  if (shorts.empty()) return;
  const int64_t tasks = shorts.size();
  parallel(tasks, ids / tasks * kCyclesPerId,
           [&](int64_t task) { sort_one(*shorts[task], serial); });
}

}  // namespace shardline
