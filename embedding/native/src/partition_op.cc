// ShardlinePartition: from the features of a batch to what each host answers of it.
#include <memory>

#include "bags_reader.h"
#include "partition.h"

#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "threads.h"

namespace shardline {
namespace {

using tensorflow::OpInputList;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::OpOutputList;
using tensorflow::Tensor;
using tensorflow::TensorShape;

// Every output is a vector of unknown size.
absl::Status vectors(tensorflow::shape_inference::InferenceContext* context) {
  for (int i = 0; i < context->num_outputs(); ++i) {
    context->set_output(i, context->Vector(context->UnknownDim()));
  }
  return absl::OkStatus();
}

REGISTER_OP("ShardlinePartition")
    .Input("ids: id_types")
    .Input("positions: position_count * int64")
    .Input("weights: weight_count * float")
    .Output("rows: hosts * int32")
    .Output("segments: hosts * int32")
    .Output("coefficients: hosts * float")
    .Output("table_ends: hosts * int64")
    .Attr("id_types: list({int32, int64}) >= 1")
    .Attr("position_count: int >= 0")
    .Attr("weight_count: int >= 0")
    .Attr("hosts: int >= 1")
    .Attr("paths: list(string) >= 1")
    .Attr("kinds: list({'dense', 'ragged', 'sparse'}) >= 1")
    .Attr("is_weighted: list(bool) >= 1")
    .Attr("validate: list(bool) >= 1")
    .Attr("kept: list(int) >= 1")
    .Attr("output_shapes: list(shape) >= 1")
    .Attr("feature_tables: list(int) >= 1")
    .Attr("table_names: list(string) >= 1")
    .Attr("combiners: list({'sum', 'mean', 'sqrtn'}) >= 1")
    .Attr("policies: list({'error', 'drop', 'oov_row'}) >= 1")
    .Attr("vocabulary_sizes: list(int) >= 1")
    .Attr("host_counts: list(int) >= 1")
    .Attr("first_rows: list(int) >= 1")
    .SetIsStateful()
    .SetShapeFn(vectors)
    .Doc(R"doc(
Checks a batch, applies policies and combiners, and splits it by host.

positions: of a ragged feature its row splits, of a sparse one indices and dense shape;
  then, of a weighted and validated one, the row splits or indices of its weights.
kept: of each feature: 0 if an example is pooled, the length of a sequence, or -1 if
  that follows from the output shape and the number of examples.
host_counts: the hosts that hold rows of each table.
first_rows: the first row on each of these hosts, one table after the other.
)doc");

class PartitionOp : public tensorflow::OpKernel {
 public:
  explicit PartitionOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, read_tables(context));
    OP_REQUIRES_OK(context, read_features(context));
  }

  void Compute(OpKernelContext* context) override {
    std::vector<std::unique_ptr<BagsReader>> readers(features_.size());
    OP_REQUIRES_OK(context, read_inputs(context, &readers));
    std::vector<FeaturePlan> plans;
    std::vector<FeatureBags> bags;
    for (size_t i = 0; i < features_.size(); ++i) {
      plans.push_back(features_[i].plan);
      bags.push_back(readers[i]->bags());
    }
    Partition partition(plans, bags, tables_, hosts_);
    const Parallel threads = threads_of(context);
    const std::string fault = partition.count(threads);
    OP_REQUIRES(context, fault.empty(), absl::InvalidArgumentError(fault));
    std::vector<HostLookups> lookups(hosts_);
    OP_REQUIRES_OK(context, allocate(context, partition, &lookups));
    partition.write(lookups, threads);
  }

 private:
  absl::Status read_tables(OpKernelConstruction* context) {
    std::vector<int64_t> host_counts, first_rows;
    TF_RETURN_IF_ERROR(context->GetAttr("hosts", &hosts_));
    TF_RETURN_IF_ERROR(context->GetAttr("host_counts", &host_counts));
    TF_RETURN_IF_ERROR(context->GetAttr("first_rows", &first_rows));
    auto next = first_rows.begin();
    for (const int64_t count : host_counts) {
      if (count < 1 || count > hosts_ || count > first_rows.end() - next || *next != 0) {
        return absl::InvalidArgumentError("host_counts and first_rows do not fit.");
      }
      tables_.push_back({{next, next + count}, {}});
      next += count;
    }
    return absl::OkStatus();
  }

  absl::Status read_features(OpKernelConstruction* context) {
    std::vector<std::string> paths, kinds, names, combiners, policies;
    std::vector<bool> is_weighted, validate;
    std::vector<int64_t> kept, feature_tables, vocabulary_sizes;
    std::vector<TensorShape> shapes;
    TF_RETURN_IF_ERROR(context->GetAttr("paths", &paths));
    TF_RETURN_IF_ERROR(context->GetAttr("kinds", &kinds));
    TF_RETURN_IF_ERROR(context->GetAttr("table_names", &names));
    TF_RETURN_IF_ERROR(context->GetAttr("combiners", &combiners));
    TF_RETURN_IF_ERROR(context->GetAttr("policies", &policies));
    TF_RETURN_IF_ERROR(context->GetAttr("is_weighted", &is_weighted));
    TF_RETURN_IF_ERROR(context->GetAttr("validate", &validate));
    TF_RETURN_IF_ERROR(context->GetAttr("kept", &kept));
    TF_RETURN_IF_ERROR(context->GetAttr("feature_tables", &feature_tables));
    TF_RETURN_IF_ERROR(context->GetAttr("vocabulary_sizes", &vocabulary_sizes));
    TF_RETURN_IF_ERROR(context->GetAttr("output_shapes", &shapes));
    const size_t count = paths.size(), tables = tables_.size();
    if (kinds.size() != count || is_weighted.size() != count ||
        validate.size() != count || kept.size() != count || shapes.size() != count ||
        feature_tables.size() != count || names.size() != tables ||
        combiners.size() != tables || policies.size() != tables ||
        vocabulary_sizes.size() != tables) {
      return absl::InvalidArgumentError("Attributes of ShardlinePartition do not fit.");
    }
    std::vector<int64_t> segments(tables);
    for (size_t i = 0; i < count; ++i) {
      const int64_t table = feature_tables[i];
      if (table < 0 || table >= static_cast<int64_t>(tables) ||
          vocabulary_sizes[table] < 1 || kept[i] >= INT32_MAX) {
        return absl::InvalidArgumentError(
            "feature_tables, vocabulary_sizes or kept are off.");
      }
      const Combiner combiner = combiners[table] == "sum"    ? Combiner::kSum
                                : combiners[table] == "mean" ? Combiner::kMean
                                                             : Combiner::kSqrtN;
      const Policy policy = policies[table] == "error"  ? Policy::kError
                            : policies[table] == "drop" ? Policy::kDrop
                                                        : Policy::kOovRow;
      features_.push_back({{paths[i], names[table], table, vocabulary_sizes[table],
                            segments[table], combiner, policy, validate[i]},
                           kinds[i], is_weighted[i], kept[i], shapes[i]});
      segments[table] += shapes[i].num_elements();
      tables_[table].features.push_back(i);
      if (segments[table] >= INT32_MAX ||
          vocabulary_sizes[table] / static_cast<int64_t>(
              tables_[table].first_rows.size()) >= INT32_MAX) {
        return absl::InvalidArgumentError(absl::StrCat(
            "Table '", names[table],
            "': a host holds fewer than 2^31 rows of a table, and a batch has fewer "
            "than 2^31 activation rows. Use more hosts, or a smaller batch."));
      }
    }
    return absl::OkStatus();
  }

  absl::Status read_inputs(OpKernelContext* context,
                           std::vector<std::unique_ptr<BagsReader>>* readers) const {
    OpInputList ids, positions, weights;
    TF_RETURN_IF_ERROR(context->input_list("ids", &ids));
    TF_RETURN_IF_ERROR(context->input_list("positions", &positions));
    TF_RETURN_IF_ERROR(context->input_list("weights", &weights));
    if (ids.size() != static_cast<int>(features_.size())) {
      return absl::InvalidArgumentError("Every feature needs ids.");
    }
    int position = 0, weight = 0;
    for (size_t i = 0; i < features_.size(); ++i) {
      const FeatureInput& feature = features_[i];
      const int first = position;
      const int position_inputs = feature.kind == "dense" ? 0 : feature.kind == "ragged" ? 1 : 2;
      const bool checks = position_inputs && feature.is_weighted && feature.plan.validate;
      position += position_inputs + checks;
      if (position > positions.size() ||
          (feature.is_weighted && (weight >= weights.size() || !position_inputs))) {
        return absl::InvalidArgumentError("Inputs do not fit kinds and is_weighted.");
      }
      (*readers)[i] = std::make_unique<BagsReader>(feature, ids[i]);
      BagsReader& reader = *(*readers)[i];
      if (position_inputs == 0) {
        TF_RETURN_IF_ERROR(reader.read_dense(ids[i].shape()));
      } else if (position_inputs == 1) {
        TF_RETURN_IF_ERROR(reader.read_ragged(positions[first]));
      } else {
        TF_RETURN_IF_ERROR(
            reader.read_sparse(positions[first], positions[first + 1]));
      }
      if (feature.is_weighted) {
        const Tensor* of_weights =
            checks ? &positions[first + position_inputs] : nullptr;
        TF_RETURN_IF_ERROR(
            reader.read_weights(weights[weight++], of_weights, positions[first]));
      }
    }
    return absl::OkStatus();
  }

  absl::Status allocate(OpKernelContext* context, const Partition& partition,
                        std::vector<HostLookups>* lookups) const {
    OpOutputList rows, segments, coefficients, table_ends;
    TF_RETURN_IF_ERROR(context->output_list("rows", &rows));
    TF_RETURN_IF_ERROR(context->output_list("segments", &segments));
    TF_RETURN_IF_ERROR(context->output_list("coefficients", &coefficients));
    TF_RETURN_IF_ERROR(context->output_list("table_ends", &table_ends));
    for (int64_t host = 0; host < hosts_; ++host) {
      const std::vector<int64_t> ends = partition.table_ends(host);
      const int64_t count = ends.empty() ? 0 : ends.back();
      const TensorShape shape({count});
      Tensor *host_rows, *host_segments, *host_coefficients, *host_ends;
      TF_RETURN_IF_ERROR(rows.allocate(host, shape, &host_rows));
      TF_RETURN_IF_ERROR(segments.allocate(host, shape, &host_segments));
      TF_RETURN_IF_ERROR(coefficients.allocate(host, shape, &host_coefficients));
      TF_RETURN_IF_ERROR(table_ends.allocate(
          host, TensorShape({static_cast<int64_t>(ends.size())}), &host_ends));
      std::copy(ends.begin(), ends.end(), host_ends->flat<int64_t>().data());
      (*lookups)[host] = {host_rows->flat<int32_t>().data(),
                          host_segments->flat<int32_t>().data(),
                          host_coefficients->flat<float>().data()};
    }
    return absl::OkStatus();
  }

  int64_t hosts_;
  std::vector<TableRanges> tables_;
  std::vector<FeatureInput> features_;
};

REGISTER_KERNEL_BUILDER(Name("ShardlinePartition").Device(tensorflow::DEVICE_CPU),
                        PartitionOp);

REGISTER_OP("ShardlineDigest")
    .Output("digest: string")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::ScalarShape)
    .Doc("Returns which sources the kernels of a process were built from.");

class DigestOp : public tensorflow::OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    Tensor* digest;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &digest));
    digest->scalar<tensorflow::tstring>()() = SHARDLINE_DIGEST;
  }
};

REGISTER_KERNEL_BUILDER(Name("ShardlineDigest").Device(tensorflow::DEVICE_CPU),
                        DigestOp);

}  // namespace
}  // namespace shardline
