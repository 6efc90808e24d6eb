// ShardlineUpdate: one step of the optimizers of every table with rows on a host.
#include "update.h"

#include <algorithm>
#include <mutex>

#include "row_tracker_resource.h"
#include "tables.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "threads.h"

namespace shardline {
namespace {

using tensorflow::OpInputList;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;

REGISTER_OP("ShardlineUpdate")
    .Input("tables: table_count * resource")
    .Input("slots: slot_count * resource")
    .Input("rows: replicas * int32")
    .Input("segments: replicas * int32")
    .Input("coefficients: replicas * float")
    .Input("table_ends: replicas * int64")
    .Input("gradients: gradient_count * float")
    .Input("rates: float")
    .Input("trackers: tracker_count * resource")
    .Attr("table_count: int >= 1")
    .Attr("slot_count: int >= 0")
    .Attr("replicas: int >= 1")
    .Attr("gradient_count: int >= 1")
    .Attr("tracker_count: int >= 0")
    .Attr("feature_tables: list(int) >= 1")
    .Attr("feature_rows: list(int) >= 1")
    .Attr("dims: list(int) >= 1")
    .Attr("rules: list({'sgd', 'adagrad', 'adagrad_momentum', 'adam', 'ftrl'}) >= 1")
    .Attr("options: list(float) >= 10")
    .Attr("flags: list(bool) >= 7")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs)
    .Doc(R"doc(
Sums each touched row's gradient and applies its table's update rule, in place.

slots: of the tables one after the other, in the order of their rules.
gradients: of every feature of replica 0, then of replica 1.
rates: the learning rate of each table.
trackers: of each table, told which rows change before they do; or none at all.
options: of each table: clip_gradient_min, clip_gradient_max, clip_weight_min,
  clip_weight_max (infinite for none), weight_decay, and the five of its rule.
flags: of each table: sum_first, touch_all_rows, skip_not_finite,
  decay_times_rate, nesterov, sum_inside_root, multiply_linear_by_rate.
)doc");

constexpr int64_t kOptions = 10, kFlags = 7;

int slots_of(Rule rule) {
  if (rule == Rule::kSgd) return 0;
  return rule == Rule::kAdagrad ? 1 : 2;
}

class UpdateOp : public tensorflow::OpKernel {
 public:
  explicit UpdateOp(OpKernelConstruction* context) : OpKernel(context) {
    int64_t tables, slots, gradients;
    std::vector<std::string> rules;
    OP_REQUIRES_OK(context, context->GetAttr("table_count", &tables));
    OP_REQUIRES_OK(context, context->GetAttr("slot_count", &slots));
    OP_REQUIRES_OK(context, context->GetAttr("replicas", &replicas_));
    OP_REQUIRES_OK(context, context->GetAttr("gradient_count", &gradients));
    OP_REQUIRES_OK(context, context->GetAttr("feature_tables", &feature_tables_));
    OP_REQUIRES_OK(context, context->GetAttr("feature_rows", &feature_rows_));
    OP_REQUIRES_OK(context, context->GetAttr("dims", &dims_));
    OP_REQUIRES_OK(context, context->GetAttr("rules", &rules));
    OP_REQUIRES_OK(context, context->GetAttr("options", &options_));
    OP_REQUIRES_OK(context, context->GetAttr("flags", &flags_));
    const auto count = [](const auto& list) { return static_cast<int64_t>(list.size()); };
    bool fits = count(dims_) == tables && count(rules) == tables &&
                count(options_) == kOptions * tables && count(flags_) == kFlags * tables &&
                count(feature_rows_) == count(feature_tables_) &&
                gradients == replicas_ * count(feature_tables_);
    for (const int64_t table : feature_tables_) fits &= table >= 0 && table < tables;
    for (const int64_t rows : feature_rows_) fits &= rows >= 0 && rows < INT32_MAX;
    for (const int64_t dim : dims_) fits &= dim > 0;
    if (fits) {
      const FeatureLayout layout(feature_tables_, feature_rows_, tables);
      for (const int64_t segments : layout.table_segments) {
        fits &= segments * replicas_ < INT32_MAX;
      }
    }
    for (size_t table = 0; fits && table < rules.size(); ++table) {
      const std::string& rule = rules[table];
      rules_.push_back(rule == "sgd"                ? Rule::kSgd
                       : rule == "adagrad"          ? Rule::kAdagrad
                       : rule == "adagrad_momentum" ? Rule::kAdagradMomentum
                       : rule == "adam"             ? Rule::kAdam
                                                    : Rule::kFtrl);
      slot_dims_.insert(slot_dims_.end(), slots_of(rules_.back()), dims_[table]);
    }
    OP_REQUIRES(context, fits && count(slot_dims_) == slots,
                absl::InvalidArgumentError("Attributes of ShardlineUpdate do not fit."));
  }

  void Compute(OpKernelContext* context) override {
    std::vector<int64_t> dims = dims_;
    dims.insert(dims.end(), slot_dims_.begin(), slot_dims_.end());
    LockedTables locked;  // the parameters of all tables, then their slots
    OP_REQUIRES_OK(context, locked.lock(context, {"tables", "slots"}, dims, true));
    std::vector<UpdatedTable> tables(dims_.size());
    OP_REQUIRES_OK(context, take_tables(context, locked, &tables));
    OP_REQUIRES_OK(context, take_lookups(context, &tables));
    OP_REQUIRES_OK(context, take_gradients(context, &tables));
    RowTrackers trackers;
    OP_REQUIRES_OK(context, take_trackers(context, &trackers));
    OP_REQUIRES_OK(context, track(trackers, &tables));
    // Steps of one op meet here only if they are of different variables.
    const std::unique_lock<std::mutex> is_mine(is_used_, std::try_to_lock);
    SortMemory spare;
    update_tables(tables, threads_of(context), is_mine ? &kept_ : &spare);
  }

 private:
  absl::Status take_tables(OpKernelContext* context, const LockedTables& locked,
                           std::vector<UpdatedTable>* tables) const {
    const Tensor* rates;
    TF_RETURN_IF_ERROR(context->input("rates", &rates));
    if (rates->NumElements() != static_cast<int64_t>(dims_.size())) {
      return absl::InvalidArgumentError("rates must hold one rate for each table.");
    }
    size_t slot = dims_.size();
    for (size_t i = 0; i < dims_.size(); ++i) {
      UpdatedTable& table = (*tables)[i];
      table.table = {locked.values(i), {}, locked.rows(i), dims_[i]};
      for (int number = 0; number < slots_of(rules_[i]); ++number, ++slot) {
        if (locked.rows(slot) != locked.rows(i)) {
          return absl::InvalidArgumentError(
              absl::StrCat("Table ", i, " has ", locked.rows(i), " rows, its slot ",
                           locked.rows(slot), "."));
        }
        table.table.slots[number] = locked.values(slot);
      }
      set_options(i, rates->flat<float>()(i), &table);
    }
    return absl::OkStatus();
  }

  void set_options(size_t i, float rate, UpdatedTable* table) const {
    const float* o = &options_[kOptions * i];
    const auto flag = [&](int which) -> bool { return flags_[kFlags * i + which]; };
    table->sum_first = flag(0);
    table->touch_all_rows = flag(1);
    table->skip_not_finite = flag(2);
    const float weight_decay = flag(3) ? o[4] * rate : o[4];
    table->optimizer = {rules_[i], rate, o[0], o[1], o[2], o[3], weight_decay,
                        {o[5], o[6], o[7], o[8], o[9]}, flag(4), flag(5), flag(6)};
  }

  absl::Status take_lookups(OpKernelContext* context,
                            std::vector<UpdatedTable>* tables) const {
    const FeatureLayout layout(feature_tables_, feature_rows_, dims_.size());
    OpInputList rows, segments, coefficients, table_ends;
    TF_RETURN_IF_ERROR(context->input_list("rows", &rows));
    TF_RETURN_IF_ERROR(context->input_list("segments", &segments));
    TF_RETURN_IF_ERROR(context->input_list("coefficients", &coefficients));
    TF_RETURN_IF_ERROR(context->input_list("table_ends", &table_ends));
    std::vector<int64_t> row_counts;
    for (const UpdatedTable& table : *tables) row_counts.push_back(table.table.rows);
    for (int64_t replica = 0; replica < replicas_; ++replica) {
      std::vector<Lookup> lookups;
      TF_RETURN_IF_ERROR(split_lookups(rows[replica], segments[replica],
                                       coefficients[replica], table_ends[replica],
                                       row_counts, layout.table_segments,
                                       &lookups));
      for (size_t i = 0; i < tables->size(); ++i) {
        (*tables)[i].lookups.push_back(lookups[i]);
        (*tables)[i].replica_segments = layout.table_segments[i];
      }
    }
    return absl::OkStatus();
  }

  absl::Status take_gradients(OpKernelContext* context,
                              std::vector<UpdatedTable>* tables) const {
    const FeatureLayout layout(feature_tables_, feature_rows_, dims_.size());
    OpInputList gradients;
    TF_RETURN_IF_ERROR(context->input_list("gradients", &gradients));
    for (int i = 0; i < gradients.size(); ++i) {
      const int feature = i % feature_tables_.size();
      const int64_t replica = i / feature_tables_.size();
      const int64_t table = feature_tables_[feature];
      const tensorflow::TensorShape shape({feature_rows_[feature], dims_[table]});
      if (gradients[i].shape() != shape) {
        return absl::InvalidArgumentError(
            absl::StrCat("Gradient ", i, " must be ", shape.DebugString(), ", got ",
                         gradients[i].shape().DebugString(), "."));
      }
      (*tables)[table].parts.push_back(
          {gradients[i].flat<float>().data(),
           layout.first_segments[feature] + replica * layout.table_segments[table]});
    }
    return absl::OkStatus();
  }

  static absl::Status track(const RowTrackers& trackers,
                            std::vector<UpdatedTable>* tables) {
    if (trackers.empty()) return absl::OkStatus();
    if (trackers.size() != tables->size()) {
      return absl::InvalidArgumentError("Each table needs a tracker, or none does.");
    }
    for (size_t i = 0; i < trackers.size(); ++i) {
      (*tables)[i].tracker = &trackers[i]->tracker;
      const TableRows& rows = (*tables)[i].table;
      TF_RETURN_IF_ERROR(trackers[i]->check(
          i, rows.rows, rows.dim, std::count_if(rows.slots, rows.slots + kMaxSlots,
                                                [](const float* slot) { return slot; })));
    }
    return absl::OkStatus();
  }

  int64_t replicas_;
  std::vector<int64_t> feature_tables_, feature_rows_, dims_, slot_dims_;
  std::vector<Rule> rules_;
  std::vector<float> options_;
  std::vector<bool> flags_;
  std::mutex is_used_;
  SortMemory kept_;
};

REGISTER_KERNEL_BUILDER(Name("ShardlineUpdate").Device(tensorflow::DEVICE_CPU), UpdateOp);

REGISTER_OP("ShardlineCheckFinite")
    .Input("gradients: gradient_count * float")
    .Attr("gradient_count: int >= 1")
    .Attr("table_names: list(string) >= 1")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::NoOutputs)
    .Doc(R"doc(
Refuses gradients that are NaN or infinite.

table_names: of the table of each gradient.
)doc");

class CheckFiniteOp : public tensorflow::OpKernel {
 public:
  explicit CheckFiniteOp(OpKernelConstruction* context) : OpKernel(context) {
    int64_t gradients;
    OP_REQUIRES_OK(context, context->GetAttr("gradient_count", &gradients));
    OP_REQUIRES_OK(context, context->GetAttr("table_names", &table_names_));
    OP_REQUIRES(context, gradients == static_cast<int64_t>(table_names_.size()),
                absl::InvalidArgumentError("A table name for each gradient is needed."));
  }

  void Compute(OpKernelContext* context) override {
    constexpr int64_t kBlock = 1 << 16;
    struct Task {
      int gradient;
      int64_t first;
    };
    std::vector<Task> tasks;
    for (int i = 0; i < context->num_inputs(); ++i) {
      for (int64_t at = 0; at < context->input(i).NumElements(); at += kBlock) {
        tasks.push_back({i, at});
      }
    }
    std::vector<char> is_finite(tasks.size());
    const RowLoops& loops = row_loops();
    threads_of(context)(tasks.size(), kBlock / 4, [&](int64_t t) {
      const Tensor& gradient = context->input(tasks[t].gradient);
      const int64_t left = gradient.NumElements() - tasks[t].first;
      is_finite[t] = loops.is_finite(gradient.flat<float>().data() + tasks[t].first,
                                     std::min(kBlock, left));
    });
    for (size_t t = 0; t < tasks.size(); ++t) {
      OP_REQUIRES(context, is_finite[t],
                  absl::InvalidArgumentError(absl::StrCat(
                      "Table '", table_names_[tasks[t].gradient],
                      "': a gradient is NaN or infinite. No table was updated, and the "
                      "batch still awaits its gradients. Mend the loss, or give the "
                      "table the policy drop or oov_row.")));
    }
  }

 private:
  std::vector<std::string> table_names_;
};

REGISTER_KERNEL_BUILDER(Name("ShardlineCheckFinite").Device(tensorflow::DEVICE_CPU),
                        CheckFiniteOp);

}  // namespace
}  // namespace shardline
