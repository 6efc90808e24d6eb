// Tables as ops get them: resource variables, and lists of occurrences.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "occurrences.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/resource_var.h"
#include "tensorflow/core/kernels/training_op_helpers.h"

namespace shardline {

// Float variables [rows, dim], locked until this is destroyed: shared to be read, alone to
// be written. Never copied, but for one that another op's output still shares the first
// time it is used here.
class LockedTables {
 public:
  // Takes the inputs of a list, by its name.
  absl::Status lock(tensorflow::OpKernelContext* context, const char* list,
                    const std::vector<int64_t>& dims, bool to_write) {
    tensorflow::OpInputList handles;
    TF_RETURN_IF_ERROR(context->input_list(list, &handles));
    if (handles.size() != static_cast<int>(dims.size())) {
      return absl::InvalidArgumentError("As many dims as tables are needed.");
    }
    for (int i = 0; i < handles.size(); ++i) {
      tensorflow::core::RefCountPtr<tensorflow::Var> variable;
      TF_RETURN_IF_ERROR(LookupResource(
          context, handles[i].scalar<tensorflow::ResourceHandle>()(), &variable));
      TF_RETURN_IF_ERROR(
          tensorflow::EnsureSparseVariableAccess<Eigen::ThreadPoolDevice, float>(
              context, variable.get()));
      variables_.push_back(std::move(variable));
    }
    acquire(to_write);
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
  // In the order of addresses, so that two ops never wait for each other.
  void acquire(bool to_write) {
    std::vector<tsl::mutex*> mutexes;
    for (const auto& variable : variables_) mutexes.push_back(variable->mu());
    std::sort(mutexes.begin(), mutexes.end());
    mutexes.erase(std::unique(mutexes.begin(), mutexes.end()), mutexes.end());
    for (tsl::mutex* mutex : mutexes) {
      to_write ? (void)exclusive_.emplace_back(*mutex)
               : (void)shared_.emplace_back(*mutex);
    }
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

// Splits a host's share of a batch by table, and checks that nothing in it lies outside.
absl::Status occurrences_of(const tensorflow::Tensor& rows,
                            const tensorflow::Tensor& segments,
                            const tensorflow::Tensor& coefficients,
                            const tensorflow::Tensor& table_ends,
                            const std::vector<int64_t>& row_counts,
                            const std::vector<int64_t>& segment_counts,
                            std::vector<Occurrences>* by_table);

}  // namespace shardline
