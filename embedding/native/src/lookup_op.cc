// ShardlineLookup: the activations of every feature whose table has rows on a host.
#include "pooled_lookup.h"
#include "tables.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "threads.h"

namespace shardline {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Activations are [feature_rows, dim], as attributes say.
absl::Status lookup_shapes(tensorflow::shape_inference::InferenceContext* context) {
  std::vector<int64_t> tables, rows, dims;
  TF_RETURN_IF_ERROR(context->GetAttr("feature_tables", &tables));
  TF_RETURN_IF_ERROR(context->GetAttr("feature_rows", &rows));
  TF_RETURN_IF_ERROR(context->GetAttr("dims", &dims));
  for (size_t i = 0; i < tables.size(); ++i) {
    if (tables[i] < 0 || tables[i] >= static_cast<int64_t>(dims.size()) ||
        i >= rows.size() || static_cast<int>(i) >= context->num_outputs() ||
        rows[i] < 0 || dims[tables[i]] < 1) {
      return absl::InvalidArgumentError("feature_tables and feature_rows do not fit.");
    }
    context->set_output(i, context->Matrix(rows[i], dims[tables[i]]));
  }
  return absl::OkStatus();
}

REGISTER_OP("ShardlineLookup")
    .Input("tables: table_count * resource")
    .Input("rows: int32")
    .Input("segments: int32")
    .Input("coefficients: float")
    .Input("table_ends: int64")
    .Input("partial_sums: partial_count * float")
    .Output("activations: feature_count * float")
    .Attr("table_count: int >= 1")
    .Attr("partial_count: int >= 0")
    .Attr("feature_count: int >= 1")
    .Attr("feature_tables: list(int) >= 1")
    .Attr("feature_rows: list(int) >= 1")
    .Attr("dims: list(int) >= 1")
    .Attr("quantization: list(float) >= 3")
    .SetIsStateful()
    .SetShapeFn(lookup_shapes)
    .Doc(R"doc(
Sums coefficient * table row for each activation row.

partial_sums: what other hosts found, to add to; none for zeros.
feature_tables: the table of each feature.
feature_rows: activation rows of each feature.
quantization: lower, upper and step of each table; step 0 for none.
)doc");

class LookupOp : public tensorflow::OpKernel {
 public:
  explicit LookupOp(OpKernelConstruction* context) : OpKernel(context) {
    int64_t tables, features, partials;
    OP_REQUIRES_OK(context, context->GetAttr("table_count", &tables));
    OP_REQUIRES_OK(context, context->GetAttr("feature_count", &features));
    OP_REQUIRES_OK(context, context->GetAttr("partial_count", &partials));
    OP_REQUIRES_OK(context, context->GetAttr("feature_tables", &feature_tables_));
    OP_REQUIRES_OK(context, context->GetAttr("feature_rows", &feature_rows_));
    OP_REQUIRES_OK(context, context->GetAttr("dims", &dims_));
    OP_REQUIRES_OK(context, context->GetAttr("quantization", &quantization_));
    adds_ = partials > 0;
    const auto count = [](const auto& list) { return static_cast<int64_t>(list.size()); };
    bool fits = count(dims_) == tables && count(quantization_) == 3 * tables &&
                count(feature_tables_) == features && count(feature_rows_) == features &&
                (!adds_ || partials == features);
    for (const int64_t table : feature_tables_) fits &= table >= 0 && table < tables;
    for (const int64_t rows : feature_rows_) fits &= rows >= 0 && rows < INT32_MAX;
    for (const int64_t dim : dims_) fits &= dim > 0;
    OP_REQUIRES(context, fits,
                absl::InvalidArgumentError("Attributes of ShardlineLookup do not fit."));
  }

  void Compute(OpKernelContext* context) override {
    LockedTables locked;
    OP_REQUIRES_OK(context, locked.lock(context, {"tables"}, dims_, false));
    std::vector<PooledTable> tables(dims_.size());
    OP_REQUIRES_OK(context, take_lookups(context, locked, &tables));
    OP_REQUIRES_OK(context, give_activations(context, &tables));
    pooled_lookup(tables, adds_, threads_of(context));
  }

 private:
  absl::Status take_lookups(OpKernelContext* context, const LockedTables& locked,
                            std::vector<PooledTable>* tables) const {
    const FeatureLayout layout(feature_tables_, feature_rows_, dims_.size());
    std::vector<int64_t> row_counts;
    for (size_t i = 0; i < dims_.size(); ++i) row_counts.push_back(locked.rows(i));
    const Tensor *rows, *segments, *coefficients, *table_ends;
    TF_RETURN_IF_ERROR(context->input("rows", &rows));
    TF_RETURN_IF_ERROR(context->input("segments", &segments));
    TF_RETURN_IF_ERROR(context->input("coefficients", &coefficients));
    TF_RETURN_IF_ERROR(context->input("table_ends", &table_ends));
    std::vector<Lookup> lookups;
    TF_RETURN_IF_ERROR(split_lookups(*rows, *segments, *coefficients, *table_ends,
                                     row_counts, layout.table_segments, &lookups));
    for (size_t i = 0; i < dims_.size(); ++i) {
      const float* q = &quantization_[3 * i];
      (*tables)[i] = {lookups[i], locked.values(i), dims_[i], {q[0], q[1], q[2]}, {}};
    }
    return absl::OkStatus();
  }

  absl::Status give_activations(OpKernelContext* context,
                                std::vector<PooledTable>* tables) const {
    const FeatureLayout layout(feature_tables_, feature_rows_, dims_.size());
    const int first_partial = context->num_inputs() - feature_tables_.size();
    for (size_t i = 0; i < feature_tables_.size(); ++i) {
      PooledTable& table = (*tables)[feature_tables_[i]];
      const TensorShape shape({feature_rows_[i], table.dim});
      Tensor* activations;
      if (adds_) {
        const int input = first_partial + i;
        const Tensor& partial = context->input(input);
        if (partial.shape() != shape) {
          return absl::InvalidArgumentError(
              absl::StrCat("partial_sums must be ", shape.DebugString(), ", got ",
                           partial.shape().DebugString(), "."));
        }
        int forwarded;
        TF_RETURN_IF_ERROR(context->forward_input_or_allocate_output(
            {input}, i, shape, &activations, &forwarded));
        if (forwarded < 0) activations->flat<float>() = partial.flat<float>();
      } else {
        TF_RETURN_IF_ERROR(context->allocate_output(i, shape, &activations));
      }
      table.parts.push_back({activations->flat<float>().data(),
                             layout.first_segments[i], feature_rows_[i]});
    }
    return absl::OkStatus();
  }

  std::vector<int64_t> feature_tables_, feature_rows_, dims_;
  std::vector<float> quantization_;
  bool adds_;
};

REGISTER_KERNEL_BUILDER(Name("ShardlineLookup").Device(tensorflow::DEVICE_CPU), LookupOp);

}  // namespace
}  // namespace shardline
