// The form in which ids travel: which row adds to which activation, how much.
#pragma once

#include <cstdint>

namespace shardline {

// One table's share of a batch on one host, in ascending order of `segments`.
struct Occurrences {
  const int32_t* rows;          // [count], of the host's share of the table
  const int32_t* segments;      // [count], rows of the table's stacked activations
  const float* coefficients;    // [count], what the table's row is multiplied by
  int64_t count;
};

}  // namespace shardline
