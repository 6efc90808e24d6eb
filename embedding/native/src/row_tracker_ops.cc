// Ops that make row trackers, ask them, and begin and end the cut of a host's tables.
#include <cstring>
#include <memory>

#include "row_tracker_resource.h"
#include "tables.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace shardline {

absl::Status take_trackers(tensorflow::OpKernelContext* context,
                           RowTrackers* trackers) {
  tensorflow::OpInputList handles;
  TF_RETURN_IF_ERROR(context->input_list("trackers", &handles));
  for (const tensorflow::Tensor& handle : handles) {
    if (handle.NumElements() != 1) {
      return absl::InvalidArgumentError("A row tracker's handle must be a scalar.");
    }
    trackers->emplace_back();
    TF_RETURN_IF_ERROR(
        LookupResource(context, handle.flat<tensorflow::ResourceHandle>()(0),
                       &trackers->back()));
  }
  return absl::OkStatus();
}

absl::Status status_of(const Failure& failure) {
  if (!failure) return absl::OkStatus();
  const std::string message =
      absl::StrCat("Cannot ", failure.what, ": ", std::strerror(failure.number), ".");
  switch (failure.number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return absl::ResourceExhaustedError(
          absl::StrCat(message, " Make room, or save to another disk."));
    case ENOMEM:
    case EAGAIN:
      return absl::ResourceExhaustedError(message);
    case EROFS:
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(message);
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(message);
    default:
      return absl::UnknownError(message);
  }
}

namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

REGISTER_OP("ShardlineRowTracker")
    .Output("tracker: resource")
    .Attr("shared_name: string")
    .Attr("rows: int >= 1")
    .Attr("dim: int >= 1")
    .Attr("slots: int >= 0")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::ScalarShape)
    .Doc(R"doc(
Returns the row tracker of a name; makes it if there is none, with all rows touched.
)doc");

class RowTrackerOp : public tensorflow::OpKernel {
 public:
  explicit RowTrackerOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("shared_name", &name_));
    OP_REQUIRES_OK(context, context->GetAttr("rows", &rows_));
    OP_REQUIRES_OK(context, context->GetAttr("dim", &dim_));
    OP_REQUIRES_OK(context, context->GetAttr("slots", &slots_));
    OP_REQUIRES(context, slots_ <= kMaxSlots,
                absl::InvalidArgumentError(
                    absl::StrCat("A table has at most ", kMaxSlots, " slots.")));
  }

  void Compute(OpKernelContext* context) override {
    tensorflow::ResourceMgr* manager = context->resource_manager();
    RowTrackerResource* found;
    OP_REQUIRES_OK(
        context, manager->LookupOrCreate<RowTrackerResource>(
                     manager->default_container(), name_, &found,
                     [this](RowTrackerResource** made) {
                       *made = new RowTrackerResource(rows_, dim_, slots_);
                       return absl::OkStatus();
                     }));
    const tensorflow::core::RefCountPtr<RowTrackerResource> tracker(found);
    OP_REQUIRES_OK(context, tracker->check(0, rows_, dim_, slots_));
    Tensor* handle;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &handle));
    handle->scalar<tensorflow::ResourceHandle>()() =
        tensorflow::MakeResourceHandle<RowTrackerResource>(
            context, manager->default_container(), name_);
  }

 private:
  std::string name_;
  int64_t rows_, dim_, slots_;
};

REGISTER_KERNEL_BUILDER(Name("ShardlineRowTracker").Device(tensorflow::DEVICE_CPU),
                        RowTrackerOp);

REGISTER_OP("ShardlineTouchedRows")
    .Input("trackers: tracker_count * resource")
    .Output("rows: int64")
    .Attr("tracker_count: int >= 1")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::UnknownShape)
    .Doc("Returns how many rows of each table were touched since the last cut.");

class TouchedRowsOp : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    RowTrackers trackers;
    OP_REQUIRES_OK(context, take_trackers(context, &trackers));
    const auto count = static_cast<int64_t>(trackers.size());
    Tensor* rows;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({count}), &rows));
    for (int64_t i = 0; i < count; ++i) {
      rows->flat<int64_t>()(i) = trackers[i]->tracker.count();
    }
  }
};

REGISTER_KERNEL_BUILDER(Name("ShardlineTouchedRows").Device(tensorflow::DEVICE_CPU),
                        TouchedRowsOp);

// What changes trackers between two updates: with the locks of all tables and slots.
class BetweenUpdatesOp : public tensorflow::OpKernel {
 public:
  explicit BetweenUpdatesOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("dims", &dims_));
  }

 protected:
  absl::Status lock(OpKernelContext* context, LockedTables* locked) const {
    return locked->lock(context, {"tables", "slots"}, dims_, false);
  }

 private:
  std::vector<int64_t> dims_;
};

REGISTER_OP("ShardlineSetTouched")
    .Input("tables: table_count * resource")
    .Input("slots: slot_count * resource")
    .Input("trackers: table_count * resource")
    .Input("touched: bool")
    .Attr("table_count: int >= 1")
    .Attr("slot_count: int >= 0")
    .Attr("dims: list(int) >= 1")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs)
    .Doc(R"doc(
Sets all rows to touched or to not touched, between two updates. Makes a cut void.

dims: of the tables, then of the slots.
)doc");

class SetTouchedOp : public BetweenUpdatesOp {
 public:
  using BetweenUpdatesOp::BetweenUpdatesOp;

  void Compute(OpKernelContext* context) override {
    const Tensor* touched;
    OP_REQUIRES_OK(context, context->input("touched", &touched));
    RowTrackers trackers;
    OP_REQUIRES_OK(context, take_trackers(context, &trackers));
    LockedTables locked;
    OP_REQUIRES_OK(context, lock(context, &locked));
    for (const auto& tracker : trackers) {
      tracker->tracker.set_all(touched->flat<bool>()(0));
    }
  }
};

REGISTER_KERNEL_BUILDER(Name("ShardlineSetTouched").Device(tensorflow::DEVICE_CPU),
                        SetTouchedOp);

REGISTER_OP("ShardlineCut")
    .Input("tables: table_count * resource")
    .Input("slots: slot_count * resource")
    .Input("trackers: table_count * resource")
    .Input("differential: bool")
    .Input("copy_limit_bytes: int64")
    .Input("spill_folder: string")
    .Output("rows: int64")
    .Attr("table_count: int >= 1")
    .Attr("slot_count: int >= 0")
    .Attr("dims: list(int) >= 1")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::UnknownShape)
    .Doc(R"doc(
Begins a cut of a host's tables, between two updates.

dims: of the tables, then of the slots.
differential: whether the set is to hold the rows touched since the cut before.
copy_limit_bytes: what copies of rows may take in memory until the set is written.
spill_folder: where more of them lie, in a file without a name.
rows: of each table, how many rows the set is to hold.
)doc");

class CutOp : public BetweenUpdatesOp {
 public:
  using BetweenUpdatesOp::BetweenUpdatesOp;

  void Compute(OpKernelContext* context) override {
    const Tensor *differential, *limit, *folder;
    OP_REQUIRES_OK(context, context->input("differential", &differential));
    OP_REQUIRES_OK(context, context->input("copy_limit_bytes", &limit));
    OP_REQUIRES_OK(context, context->input("spill_folder", &folder));
    RowTrackers trackers;
    OP_REQUIRES_OK(context, take_trackers(context, &trackers));
    const auto room = std::make_shared<CopyRoom>(
        limit->flat<int64_t>()(0), std::string(folder->flat<tensorflow::tstring>()(0)));
    // Made before training is held up.
    std::vector<std::shared_ptr<RowCut>> cuts;
    for (const auto& resource : trackers) {
      const RowTracker& tracker = resource->tracker;
      cuts.push_back(std::make_shared<RowCut>(tracker.rows(), tracker.dim(),
                                              tracker.slots(),
                                              differential->flat<bool>()(0), room));
    }
    OP_REQUIRES_OK(context, begin(context, trackers, cuts));
    const auto count = static_cast<int64_t>(cuts.size());
    Tensor* rows;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({count}), &rows));
    for (int64_t i = 0; i < count; ++i) rows->flat<int64_t>()(i) = cuts[i]->stored_rows();
  }

 private:
  absl::Status begin(OpKernelContext* context, const RowTrackers& trackers,
                     const std::vector<std::shared_ptr<RowCut>>& cuts) const {
    LockedTables locked;
    TF_RETURN_IF_ERROR(lock(context, &locked));
    for (size_t i = 0; i < trackers.size(); ++i) {
      if (trackers[i]->tracker.begin(cuts[i])) continue;
      for (size_t begun = 0; begun < i; ++begun) trackers[begun]->tracker.end(false);
      return absl::FailedPreconditionError(
          "A cut was begun before and is not ended yet: sets are written one by one.");
    }
    return absl::OkStatus();
  }
};

REGISTER_KERNEL_BUILDER(Name("ShardlineCut").Device(tensorflow::DEVICE_CPU), CutOp);

REGISTER_OP("ShardlineEndCut")
    .Input("tables: table_count * resource")
    .Input("slots: slot_count * resource")
    .Input("trackers: table_count * resource")
    .Input("succeeded: bool")
    .Attr("table_count: int >= 1")
    .Attr("slot_count: int >= 0")
    .Attr("dims: list(int) >= 1")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs)
    .Doc(R"doc(
Ends a cut. If its set was not written, the rows touched before it count as touched.

dims: of the tables, then of the slots.
)doc");

class EndCutOp : public BetweenUpdatesOp {
 public:
  using BetweenUpdatesOp::BetweenUpdatesOp;

  void Compute(OpKernelContext* context) override {
    const Tensor* succeeded;
    OP_REQUIRES_OK(context, context->input("succeeded", &succeeded));
    RowTrackers trackers;
    OP_REQUIRES_OK(context, take_trackers(context, &trackers));
    LockedTables locked;
    OP_REQUIRES_OK(context, lock(context, &locked));
    for (const auto& tracker : trackers) {
      tracker->tracker.end(succeeded->flat<bool>()(0));
    }
  }
};

REGISTER_KERNEL_BUILDER(Name("ShardlineEndCut").Device(tensorflow::DEVICE_CPU),
                        EndCutOp);

}  // namespace
}  // namespace shardline
