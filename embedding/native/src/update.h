// The sparse update: each touched row's gradient is summed, then its rule applied once.
#pragma once

#include <cstdint>
#include <vector>

#include "occurrences.h"
#include "parallel.h"
#include "row_loops.h"

namespace shardline {

struct UpdatedTable {
  std::vector<Occurrences> batches;  // of each replica
  int64_t replica_segments;          // by how much each replica's segments are shifted
  std::vector<GradientPart> parts;   // ascending by first segment, shifts included
  TableRows table;
  Optimizer optimizer;
  bool sum_first;        // sum a row's gradients, or apply them one after the other
  bool touch_all_rows;   // rows without ids have a gradient of zero
  bool skip_not_finite;  // leave rows out whose gradient is NaN or infinite
};

// Updates the touched rows of every table in place.
//
// Gradients of a row are summed in the order of the batch, in pieces whose ends depend on
// the batch alone: results are the same for any number of threads.
void update_tables(const std::vector<UpdatedTable>& tables, const Parallel& parallel);

}  // namespace shardline
