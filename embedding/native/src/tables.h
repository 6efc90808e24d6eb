// Tables and lookups as ops get them: resource variables, and tensors of all tables.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "lookup.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/resource_var.h"
#include "tensorflow/core/kernels/training_op_helpers.h"

namespace shardline {

// Float variables [rows, dim], locked until this is destroyed: shared to be read, alone to
// be written. Never copied, but for one that another op's output still shares the first
// time it is used here.
class LockedTables {
 public:
  // Takes the inputs of some lists, by their names, one list after the other.
  absl::Status lock(tensorflow::OpKernelContext* context,
                    const std::vector<const char*>& lists,
                    const std::vector<int64_t>& dims, bool to_write) {
    for (const char* list : lists) TF_RETURN_IF_ERROR(take(context, list));
    if (variables_.size() != dims.size()) {
      return absl::InvalidArgumentError("As many dims as tables are needed.");
    }
    // One that is given twice would be written by two threads.
    if (!acquire(to_write) && to_write) {
      return absl::InvalidArgumentError("A variable is given twice.");
    }
    for (size_t i = 0; i < variables_.size(); ++i) {
      TF_RETURN_IF_ERROR(check(*variables_[i]->tensor(), dims[i]));
    }
    return absl::OkStatus();
  }

  float* values(size_t table) const {
    return variables_[table]->tensor()->flat<float>().data();
  }
  int64_t rows(size_t table) const {
    return variables_[table]->tensor()->dim_size(0);
  }

 private:
  absl::Status take(tensorflow::OpKernelContext* context, const char* list) {
    tensorflow::OpInputList handles;
    TF_RETURN_IF_ERROR(context->input_list(list, &handles));
    for (const tensorflow::Tensor& handle : handles) {
      if (handle.NumElements() != 1) {
        return absl::InvalidArgumentError("A table's handle must be a scalar.");
      }
      tensorflow::core::RefCountPtr<tensorflow::Var> variable;
      TF_RETURN_IF_ERROR(LookupResource(
          context, handle.scalar<tensorflow::ResourceHandle>()(), &variable));
      const tensorflow::DataType type = variable->tensor()->dtype();
      if (type != tensorflow::DT_FLOAT) {
        return absl::InvalidArgumentError(absl::StrCat(
            "A table must be float32, got ", tensorflow::DataTypeString(type), "."));
      }
      TF_RETURN_IF_ERROR(
          tensorflow::EnsureSparseVariableAccess<Eigen::ThreadPoolDevice, float>(
              context, variable.get()));
      variables_.push_back(std::move(variable));
    }
    return absl::OkStatus();
  }

  // In the order of addresses, so that two ops never wait for each other. Returns whether
  // no variable is there twice.
  bool acquire(bool to_write) {
    std::vector<tsl::mutex*> mutexes;
    for (const auto& variable : variables_) mutexes.push_back(variable->mu());
    std::sort(mutexes.begin(), mutexes.end());
    mutexes.erase(std::unique(mutexes.begin(), mutexes.end()), mutexes.end());
    for (tsl::mutex* mutex : mutexes) {
      to_write ? (void)exclusive_.emplace_back(*mutex)
               : (void)shared_.emplace_back(*mutex);
    }
    return mutexes.size() == variables_.size();
  }

  static absl::Status check(const tensorflow::Tensor& tensor, int64_t dim) {
    if (tensor.dtype() != tensorflow::DT_FLOAT || tensor.dims() != 2 ||
        tensor.dim_size(1) != dim) {
      return absl::InvalidArgumentError(absl::StrCat(
          "A table must be float32 [rows, ", dim, "], got ",
          tensorflow::DataTypeString(tensor.dtype()), " ",
          tensor.shape().DebugString(), "."));
    }
    return absl::OkStatus();
  }

  // Destroyed last: locks are borrowed from the variables.
  std::vector<tensorflow::core::RefCountPtr<tensorflow::Var>> variables_;
  std::deque<tsl::mutex_lock> exclusive_;
  std::deque<tsl::tf_shared_lock> shared_;
};

// Which activations the features of an op's tables have.
struct FeatureLayout {
  // Where each feature's activations begin among its table's.
  std::vector<int64_t> first_segments;
  std::vector<int64_t> table_segments;  // activation rows of each table

  FeatureLayout(const std::vector<int64_t>& tables, const std::vector<int64_t>& rows,
                int64_t table_count)
      : table_segments(table_count) {
    for (size_t feature = 0; feature < tables.size(); ++feature) {
      first_segments.push_back(table_segments[tables[feature]]);
      table_segments[tables[feature]] += rows[feature];
    }
  }
};

// Splits a host's lookups by table, and checks that nothing in them lies outside.
absl::Status split_lookups(const tensorflow::Tensor& rows,
                           const tensorflow::Tensor& segments,
                           const tensorflow::Tensor& coefficients,
                           const tensorflow::Tensor& table_ends,
                           const std::vector<int64_t>& row_counts,
                           const std::vector<int64_t>& segment_counts,
                           std::vector<Lookup>* lookups);

}  // namespace shardline
