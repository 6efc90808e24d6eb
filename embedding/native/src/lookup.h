// A lookup: which rows of a table are added to which activations, and how much of each.
#pragma once

#include <cstdint>

namespace shardline {

// What a batch asks of one table on one host. Its entries, the occurrences of the batch's
// ids, stand in ascending order of `segments`.
struct Lookup {
  const int32_t* rows;          // [count], numbered from the host's first row
  const int32_t* segments;      // [count], rows of the table's stacked activations
  const float* coefficients;    // [count], what the table's row is multiplied by
  int64_t count;
};

}  // namespace shardline
