// The sparse update: each touched row's gradient is summed, then its rule applied once.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lookup.h"
#include "parallel.h"
#include "row_loops.h"
#include "row_tracker.h"

namespace shardline {

struct UpdatedTable {
  std::vector<Lookup> lookups;  // of each replica
  int64_t replica_segments;          // by how much each replica's segments are shifted
  std::vector<GradientPart> parts;   // ascending by first segment, shifts included
  TableRows table;
  Optimizer optimizer;
  bool sum_first;        // sum a row's gradients, or apply them one after the other
  bool touch_all_rows;   // rows without ids have a gradient of zero
  bool skip_not_finite;  // leave rows out whose gradient is NaN or infinite
  RowTracker* tracker = nullptr;  // is told which rows change, before they do; or null
};

// What a step sorts in, kept for the next one: memory anew costs as much as the sort.
//
// It is as large as the largest step, and shrinks when steps have long needed less.
class SortMemory {
 public:
  // Returns room for some numbers, whose values are those of an earlier step.
  uint64_t* room_for(int64_t count);

 private:
  std::unique_ptr<uint64_t[]> numbers_;
  int64_t size_ = 0;
  int steps_with_less_ = 0;
};

// Updates the touched rows of every table in place.
//
// Gradients of a row are summed in the order of the batch, in pieces whose ends depend on
// the batch alone: results are the same for any number of threads.
//
// `memory` is this call's alone until it returns.
void update_tables(const std::vector<UpdatedTable>& tables, const Parallel& parallel,
                   SortMemory* memory);

}  // namespace shardline
