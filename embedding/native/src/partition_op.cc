// ShardlinePartition: from the features of a batch to what each host answers of it.
#include "partition.h"

#include <cstring>
#include <memory>

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

// One feature as the op gets it, and what its bags point into.
struct FeatureInput {
  FeaturePlan plan;
  std::string kind;
  bool is_weighted;
  int64_t kept;
  TensorShape output_shape;
};

// Takes one feature's tensors apart.
class BagsReader {
 public:
  BagsReader(const FeatureInput& feature, const Tensor& ids) : feature_(feature) {
    bags_.id_count = ids.NumElements();
    if (ids.dtype() == tensorflow::DT_INT32) {
      bags_.ids32 = ids.flat<int32_t>().data();
    } else {
      bags_.ids64 = ids.flat<int64_t>().data();
    }
  }

  absl::Status read_dense(const TensorShape& shape) {
    TensorShape leading = shape;
    if (leading.dims() > 1) leading.RemoveLastDims(1);
    if (leading != feature_.output_shape || leading.num_elements() != bags_.id_count) {
      return wrong_shape(leading.DebugString());
    }
    bags_.bags = bags_.row_bags = bags_.id_count;
    return absl::OkStatus();
  }

  absl::Status read_ragged(const Tensor& splits) {
    const auto values = splits.flat<int64_t>();
    const int64_t size = splits.NumElements();
    bool holds = splits.dims() == 1 && size > 0 && values(0) == 0 &&
                 values(size - 1) == bags_.id_count;
    for (int64_t i = 1; holds && i < size; ++i) holds = values(i - 1) <= values(i);
    if (!holds) {
      return refused("row_splits must ascend from 0 to the number of ids, ",
                     bags_.id_count);
    }
    bags_.splits = values.data();
    bags_.bags = bags_.row_bags = size - 1;
    TF_RETURN_IF_ERROR(set_kept());
    const int64_t rows = bags_.bags * std::max<int64_t>(bags_.kept, 1);
    if (rows != feature_.output_shape.num_elements()) {
      return wrong_shape(bags_.kept ? absl::StrCat("[", bags_.bags, ",", bags_.kept, "]")
                                    : absl::StrCat("[", bags_.bags, "]"));
    }
    return absl::OkStatus();
  }

  absl::Status read_sparse(const Tensor& indices, const Tensor& dense_shape) {
    const int64_t rank = dense_shape.NumElements();
    if (dense_shape.dims() != 1 || rank < 2 || indices.dims() != 2 ||
        indices.dim_size(0) != bags_.id_count || indices.dim_size(1) != rank) {
      return refused("indices must be [ids, rank], dense_shape [rank]; the ids are ",
                     bags_.id_count);
    }
    const auto sizes = dense_shape.flat<int64_t>();
    const bool is_sequence = feature_.kept > 0;
    const int64_t leading = is_sequence ? rank : rank - 1;
    bool fits = feature_.output_shape.dims() == leading &&
                (!is_sequence ||
                 feature_.output_shape.dim_size(rank - 1) == feature_.kept);
    for (int64_t i = 0; fits && i < rank - 1; ++i) {
      fits = sizes(i) == feature_.output_shape.dim_size(i);
    }
    if (!fits) {
      std::string got;
      for (int64_t i = 0; i < rank - 1; ++i) {
        absl::StrAppend(&got, i ? "," : "[", sizes(i));
      }
      return wrong_shape(is_sequence ? absl::StrCat(got, ",", feature_.kept, "]")
                                     : absl::StrCat(got, "]"));
    }
    bags_.row_bags = feature_.output_shape.num_elements();
    bags_.bags = bags_.row_bags + 1;  // the last is for ids past a sequence's end
    bags_.combine = !is_sequence;
    return order_entries(indices.matrix<int64_t>().data(), sizes.data(), rank);
  }

  // Takes weights, and where they stand if that is to be checked.
  absl::Status read_weights(const Tensor& weights, const Tensor* positions,
                            const Tensor& expected) {
    bool same = weights.NumElements() == bags_.id_count;
    if (positions != nullptr) {
      same = same && positions->shape() == expected.shape() &&
             (positions->SharesBufferWith(expected) ||
              std::memcmp(positions->data(), expected.data(),
                          expected.TotalBytes()) == 0);
    }
    if (!same) {
      return absl::InvalidArgumentError(
          absl::StrCat("Feature '", feature_.plan.path,
                       "': weights must stand at the same positions as the ids. ids: ",
                       expected.DebugString(), " weights: ",
                       positions ? positions->DebugString() : weights.DebugString()));
    }
    bags_.weights = weights.flat<float>().data();
    return absl::OkStatus();
  }

  const FeatureBags& bags() const { return bags_; }

 private:
  absl::Status set_kept() {
    bags_.kept = feature_.kept;
    bags_.combine = bags_.kept == 0;
    if (feature_.kept >= 0) return absl::OkStatus();
    const int64_t rows = feature_.output_shape.num_elements();
    if (bags_.bags == 0 || rows % bags_.bags) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Output shape set in the FeatureConfig should be the factor of the input "
          "data batch size; feature '",
          feature_.plan.path, "' has the output shape ",
          feature_.output_shape.DebugString(),
          ". Make the one divide the other. Examples: ", bags_.bags, "."));
    }
    // One row an example is a pooled example.
    bags_.kept = rows == bags_.bags ? 0 : rows / bags_.bags;
    bags_.combine = bags_.kept == 0;
    return absl::OkStatus();
  }

  // Finds the activation row of each entry, and the order that makes rows ascend.
  absl::Status order_entries(const int64_t* indices, const int64_t* sizes,
                             int64_t rank) {
    std::vector<int64_t> bag_of(bags_.id_count);
    splits_.assign(bags_.bags + 1, 0);
    bool ascending = true;
    for (int64_t i = 0; i < bags_.id_count; ++i) {
      const int64_t* index = indices + i * rank;
      int64_t bag = 0;
      bool is_inside = true;
      for (int64_t axis = 0; axis < rank - 1; ++axis) {
        is_inside &= index[axis] >= 0 && index[axis] < sizes[axis];
        if (is_inside) bag = bag * sizes[axis] + index[axis];
      }
      const int64_t column = index[rank - 1];
      is_inside &= !feature_.plan.validate ||
                   (column >= 0 && column < sizes[rank - 1]);
      if (!is_inside) return outside(index, sizes, rank);
      if (feature_.kept > 0) {
        bag = column >= 0 && column < feature_.kept ? bag * feature_.kept + column
                                                    : bags_.row_bags;
      }
      ascending &= i == 0 || bag_of[i - 1] <= bag;
      bag_of[i] = bag;
      ++splits_[bag + 1];
    }
    for (int64_t bag = 0; bag < bags_.bags; ++bag) splits_[bag + 1] += splits_[bag];
    if (!ascending) {
      std::vector<int64_t> next(splits_.begin(), splits_.end() - 1);
      order_.resize(bags_.id_count);
      for (int64_t i = 0; i < bags_.id_count; ++i) order_[next[bag_of[i]]++] = i;
      bags_.order = order_.data();
    }
    bags_.splits = splits_.data();
    return absl::OkStatus();
  }

  absl::Status outside(const int64_t* index, const int64_t* sizes, int64_t rank) const {
    std::string got, shape;
    for (int64_t axis = 0; axis < rank; ++axis) {
      absl::StrAppend(&got, axis ? ", " : "", index[axis]);
      absl::StrAppend(&shape, axis ? ", " : "", sizes[axis]);
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "Feature '", feature_.plan.path,
        "': a SparseTensor's indices must lie inside its dense_shape [", shape,
        "], got [", got, "]."));
  }

  absl::Status wrong_shape(const std::string& got) const {
    return absl::InvalidArgumentError(absl::StrCat(
        "Feature '", feature_.plan.path,
        "': the engine was built for batches of output shape ",
        feature_.output_shape.DebugString(), ", got ", got,
        ". Build with that shape, or pad the batch."));
  }

  absl::Status refused(const char* what, int64_t number) const {
    return absl::InvalidArgumentError(
        absl::StrCat("Feature '", feature_.plan.path, "': ", what, number, "."));
  }

  const FeatureInput& feature_;
  FeatureBags bags_ = {};
  std::vector<int64_t> splits_, order_;
};

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
    std::vector<HostShare> shares(hosts_);
    OP_REQUIRES_OK(context, allocate(context, partition, &shares));
    partition.write(shares, threads);
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
      const int own = feature.kind == "dense" ? 0 : feature.kind == "ragged" ? 1 : 2;
      const bool checks = own && feature.is_weighted && feature.plan.validate;
      position += own + checks;
      if (position > positions.size() ||
          (feature.is_weighted && (weight >= weights.size() || !own))) {
        return absl::InvalidArgumentError("Inputs do not fit kinds and is_weighted.");
      }
      (*readers)[i] = std::make_unique<BagsReader>(feature, ids[i]);
      BagsReader& reader = *(*readers)[i];
      if (own == 0) {
        TF_RETURN_IF_ERROR(reader.read_dense(ids[i].shape()));
      } else if (own == 1) {
        TF_RETURN_IF_ERROR(reader.read_ragged(positions[first]));
      } else {
        TF_RETURN_IF_ERROR(
            reader.read_sparse(positions[first], positions[first + 1]));
      }
      if (feature.is_weighted) {
        const Tensor* theirs = checks ? &positions[first + own] : nullptr;
        TF_RETURN_IF_ERROR(
            reader.read_weights(weights[weight++], theirs, positions[first]));
      }
    }
    return absl::OkStatus();
  }

  absl::Status allocate(OpKernelContext* context, const Partition& partition,
                        std::vector<HostShare>* shares) const {
    OpOutputList rows, segments, coefficients, table_ends;
    TF_RETURN_IF_ERROR(context->output_list("rows", &rows));
    TF_RETURN_IF_ERROR(context->output_list("segments", &segments));
    TF_RETURN_IF_ERROR(context->output_list("coefficients", &coefficients));
    TF_RETURN_IF_ERROR(context->output_list("table_ends", &table_ends));
    for (int64_t host = 0; host < hosts_; ++host) {
      const std::vector<int64_t> ends = partition.table_ends(host);
      const int64_t count = ends.empty() ? 0 : ends.back();
      const TensorShape shape({count});
      Tensor *own_rows, *own_segments, *own_coefficients, *own_ends;
      TF_RETURN_IF_ERROR(rows.allocate(host, shape, &own_rows));
      TF_RETURN_IF_ERROR(segments.allocate(host, shape, &own_segments));
      TF_RETURN_IF_ERROR(coefficients.allocate(host, shape, &own_coefficients));
      TF_RETURN_IF_ERROR(table_ends.allocate(
          host, TensorShape({static_cast<int64_t>(ends.size())}), &own_ends));
      std::copy(ends.begin(), ends.end(), own_ends->flat<int64_t>().data());
      (*shares)[host] = {own_rows->flat<int32_t>().data(),
                         own_segments->flat<int32_t>().data(),
                         own_coefficients->flat<float>().data()};
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
