// Brings the occurrences of each row together.
#pragma once

#include <cstdint>
#include <vector>

#include "parallel.h"

namespace shardline {

// A list of row numbers to sort.
struct SortJob {
  const int32_t* rows;  // [count], each in [0, row_count)
  int64_t count;        // below 2^32
  int64_t row_count;
  uint64_t* sorted;     // [count], out: row << 32 | position in `rows`, ascending
  uint64_t* scratch;    // [count]
};

// Sorts every job, jobs side by side and long ones by several threads.
void sort_by_row(const std::vector<SortJob>& jobs, const Parallel& parallel);

}  // namespace shardline
