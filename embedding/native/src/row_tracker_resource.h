// Row trackers as ops get them: resources of the device that holds the rows.
#pragma once

#include <string>
#include <vector>

#include "failure.h"
#include "row_tracker.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/resource_mgr.h"

namespace shardline {

class RowTrackerResource : public tensorflow::ResourceBase {
 public:
  RowTrackerResource(int64_t rows, int64_t dim, int slots)
      : tracker(rows, dim, slots) {}

  std::string DebugString() const override {
    return absl::StrCat("Row tracker of ", tracker.rows(), " rows");
  }

  // Refuses to track a table of other variables.
  absl::Status check(size_t table, int64_t rows, int64_t dim, int64_t slots) const {
    if (rows == tracker.rows() && dim == tracker.dim() && slots == tracker.slots()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "Table ", table, " is [", rows, ", ", dim, "] with ", slots,
        " slots, its row tracker is of [", tracker.rows(), ", ", tracker.dim(),
        "] with ", tracker.slots(), "."));
  }

  RowTracker tracker;
};

using RowTrackers = std::vector<tensorflow::core::RefCountPtr<RowTrackerResource>>;

// Takes the input list `trackers`.
absl::Status take_trackers(tensorflow::OpKernelContext* context, RowTrackers* trackers);

// A failed system call as an op's error, with what to do.
absl::Status status_of(const Failure& failure);

}  // namespace shardline
