// Pooled lookup: each activation row is the weighted sum of the table rows of its ids.
#pragma once

#include <cstdint>
#include <vector>

#include "lookup.h"
#include "parallel.h"
#include "row_loops.h"

namespace shardline {

// One feature's activations, or a table's where it has one feature.
struct ActivationPart {
  float* values;  // [row_count, dim]
  int64_t first_segment, row_count;
};

struct PooledTable {
  Lookup lookup;
  const float* parameters;  // [rows, dim]
  int64_t dim;
  Quantization quantization;
  std::vector<ActivationPart> parts;
};

// Writes every part of every table; with `add`, adds to what is there.
//
// The ids of an activation row are summed in the order of the batch, whatever the number
// of threads. A row without ids is zero.
void pooled_lookup(const std::vector<PooledTable>& tables, bool add,
                   const Parallel& parallel);

}  // namespace shardline
