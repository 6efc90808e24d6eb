// One feature's tensors as bags of ids, checked.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "partition.h"
#include "tensorflow/core/framework/tensor.h"

namespace shardline {


// One feature as the op gets it, and what its bags point into.
struct FeatureInput {
  FeaturePlan plan;
  std::string kind;
  bool is_weighted;
  int64_t kept;
  tensorflow::TensorShape output_shape;
};

// Takes one feature's tensors apart.
class BagsReader {
 public:
  BagsReader(const FeatureInput& feature, const tensorflow::Tensor& ids)
      : feature_(feature) {
    bags_.id_count = ids.NumElements();
    if (ids.dtype() == tensorflow::DT_INT32) {
      bags_.ids32 = ids.flat<int32_t>().data();
    } else {
      bags_.ids64 = ids.flat<int64_t>().data();
    }
  }

  absl::Status read_dense(const tensorflow::TensorShape& shape) {
    tensorflow::TensorShape leading = shape;
    if (leading.dims() > 1) leading.RemoveLastDims(1);
    if (leading != feature_.output_shape || leading.num_elements() != bags_.id_count) {
      return wrong_shape(leading.DebugString());
    }
    bags_.bags = bags_.row_bags = bags_.id_count;
    return absl::OkStatus();
  }

  absl::Status read_ragged(const tensorflow::Tensor& splits) {
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

  absl::Status read_sparse(const tensorflow::Tensor& indices,
                           const tensorflow::Tensor& dense_shape) {
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
  absl::Status read_weights(const tensorflow::Tensor& weights,
                            const tensorflow::Tensor* positions,
                            const tensorflow::Tensor& expected) {
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
      is_inside &= column >= 0 && column < sizes[rank - 1];
      if (!is_inside) return outside(index, sizes, rank);
      if (feature_.kept > 0) {
        bag = column < feature_.kept ? bag * feature_.kept + column : bags_.row_bags;
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

}  // namespace shardline
