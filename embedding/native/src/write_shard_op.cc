// ShardlineWriteShard: writes a host's rows as they were at the cut, beside training.
#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <memory>

#include "row_tracker_resource.h"
#include "shard_file.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/resource_var.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/lib/hash/crc32c.h"
#include "tensorflow/core/platform/env.h"

namespace shardline {
namespace {

using tensorflow::OpInputList;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

REGISTER_OP("ShardlineWriteShard")
    .Input("tables: table_count * resource")
    .Input("slots: slot_count * resource")
    .Input("trackers: table_count * resource")
    .Input("path: string")
    .Output("pieces: int64")
    .Attr("table_count: int >= 1")
    .Attr("slot_count: int >= 0")
    .Attr("first_rows: list(int) >= 1")
    .SetIsStateful()
    .SetShapeFn(tensorflow::shape_inference::UnknownShape)
    .Doc(R"doc(
Writes the rows of a cut into one file, which is durable when this returns.

For each table, for each block of its rows: parameters, then each slot, float32 [n, dim];
before them, in a differential cut, the numbers of the rows, int64 [n].

slots: of the tables one after the other; as many of each as its tracker says.
first_rows: of each table, the number of the host's first row.
pieces: int64 [pieces, 7], in the order of the file: table, tensor (0: parameters, from 1
  on: a slot, -1: the numbers of rows), first row, rows, offset, bytes, masked CRC32C. The
  first row is one of the table, or of a differential cut's rows on this host.
)doc");

constexpr int64_t kColumns = 7;
constexpr int64_t kRowNumbers = -1;
// What is copied under one lock: training waits for no more than that.
constexpr int64_t kLockedBytes = 512 << 10;

using Piece = std::array<int64_t, kColumns>;

// A table's variables, parameters first, and its cut.
class CutTable {
 public:
  CutTable(std::vector<tensorflow::core::RefCountPtr<tensorflow::Var>> variables,
           const RowTracker& tracker, int64_t first_row)
      : variables_(std::move(variables)),
        dim_(tracker.dim()),
        first_row_(first_row),
        cut_(tracker.cut()) {
    for (const auto& variable : variables_) mutexes_.push_back(variable->mu());
    // In the order in which updates lock them.
    std::sort(mutexes_.begin(), mutexes_.end());
  }

  bool has_cut() const { return cut_ != nullptr; }
  RowCut& cut() const { return *cut_; }
  int64_t dim() const { return dim_; }
  int64_t first_row() const { return first_row_; }
  int64_t tensors() const { return variables_.size(); }
  // Bytes of a stored row: of all tensors, and its number if that is stored.
  int64_t row_bytes() const {
    return tensors() * dim_ * sizeof(float) +
           (cut_->differential() ? sizeof(int64_t) : 0);
  }

  // Calls work(values of each tensor) while no update changes them.
  template <typename Work>
  absl::Status locked(const Work& work) const {
    std::deque<tsl::tf_shared_lock> locks;
    for (tsl::mutex* mutex : mutexes_) locks.emplace_back(*mutex);
    if (cut_->is_void()) {
      return absl::AbortedError(
          "The tables got other values, by a restore, while a set was written. Save "
          "again.");
    }
    std::array<const float*, 1 + kMaxSlots> values;
    for (size_t i = 0; i < variables_.size(); ++i) {
      const Tensor& tensor = *variables_[i]->tensor();
      if (tensor.dtype() != tensorflow::DT_FLOAT ||
          tensor.shape() != TensorShape({cut_->rows(), dim_})) {
        return absl::InvalidArgumentError(absl::StrCat(
            "A table or slot is ", tensorflow::DataTypeString(tensor.dtype()), " ",
            tensor.shape().DebugString(), ", its row tracker is of float32 [",
            cut_->rows(), ", ", dim_, "]."));
      }
      values[i] = tensor.flat<float>().data();
    }
    work(values);
    return absl::OkStatus();
  }

 private:
  std::vector<tensorflow::core::RefCountPtr<tensorflow::Var>> variables_;
  std::vector<tsl::mutex*> mutexes_;
  int64_t dim_, first_row_;
  std::shared_ptr<RowCut> cut_;
};

// Writes one table into a file.
class TableWriter {
 public:
  TableWriter(int64_t number, const CutTable& table, ShardFile* file,
              std::vector<Piece>* pieces)
      : number_(number), table_(table), cut_(table.cut()), file_(file),
        pieces_(pieces) {}

  absl::Status write() {
    const int64_t blocks =
        (cut_.rows() + cut_.block_rows() - 1) / cut_.block_rows();
    for (int64_t block = 0, end; block < blocks; block = end) {
      end = end_of_group(block, blocks);
      TF_RETURN_IF_ERROR(write_group(block, end));
    }
    return absl::OkStatus();
  }

 private:
  int64_t first_of(int64_t block) const {
    return std::min(block * cut_.block_rows(), cut_.rows());
  }
  int64_t count_of(int64_t block) const {
    const int64_t first = first_of(block), end = first_of(block + 1);
    return cut_.differential() ? cut_.touched().count(first, end) : end - first;
  }

  // As many blocks as have no more rows to be stored than one may have.
  int64_t end_of_group(int64_t block, int64_t blocks) const {
    int64_t rows = count_of(block);
    for (++block; block < blocks; ++block) {
      rows += count_of(block);
      if (rows > cut_.block_rows()) break;
    }
    return block;
  }

  absl::Status write_group(int64_t block, int64_t end_block) {
    const int64_t first = first_of(block), end = first_of(end_block);
    rows_.clear();
    if (cut_.differential()) {
      cut_.touched().each(first, end, [&](int64_t row) { rows_.push_back(row); });
    }
    first_ = first;
    count_ = cut_.differential() ? rows_.size() : end - first;
    tensor_bytes_ = count_ * table_.dim() * sizeof(float);
    group_ = file_->room(count_ * table_.row_bytes());
    at_ = group_ + (cut_.differential() ? count_ * sizeof(int64_t) : 0);
    TF_RETURN_IF_ERROR(copy_values());
    // From here on no copies of these rows are kept: who does it holds the lock alone.
    TF_RETURN_IF_ERROR(table_.locked([&](const auto&) { cut_.set_written(end); }));
    for (; block < end_block; ++block) TF_RETURN_IF_ERROR(overlay(block));
    TF_RETURN_IF_ERROR(status_of(file_->failure()));
    if (count_ == 0) return absl::OkStatus();
    if (cut_.differential()) {
      for (int64_t i = 0; i < count_; ++i) {
        const int64_t row = table_.first_row() + rows_[i];
        std::memcpy(group_ + i * sizeof(row), &row, sizeof(row));
      }
      add_piece(kRowNumbers, group_, count_ * sizeof(int64_t));
    }
    for (int64_t tensor = 0; tensor < table_.tensors(); ++tensor) {
      add_piece(tensor, at_ + tensor * tensor_bytes_, tensor_bytes_);
    }
    file_->commit(count_ * table_.row_bytes());
    stored_ += count_;
    return absl::OkStatus();
  }

  absl::Status copy_values() {
    const int64_t row_bytes = table_.dim() * sizeof(float);
    const int64_t step = std::max<int64_t>(kLockedBytes / row_bytes, 1);
    for (int64_t tensor = 0; tensor < table_.tensors(); ++tensor) {
      for (int64_t i = 0; i < count_; i += step) {
        const int64_t end = std::min(i + step, count_);
        char* const to = at_ + tensor * tensor_bytes_;
        TF_RETURN_IF_ERROR(table_.locked([&](const auto& values) {
          const auto* from = reinterpret_cast<const char*>(values[tensor]);
          if (!cut_.differential()) {
            std::memcpy(to + i * row_bytes, from + (first_ + i) * row_bytes,
                        (end - i) * row_bytes);
            return;
          }
          for (int64_t k = i; k < end; ++k) {
            std::memcpy(to + k * row_bytes, from + rows_[k] * row_bytes, row_bytes);
          }
        }));
      }
    }
    return absl::OkStatus();
  }

  // Puts rows that were changed since the cut back as they were.
  absl::Status overlay(int64_t block) {
    const int64_t row_bytes = table_.dim() * sizeof(float);
    const bool is_whole = cut_.copies().each(block, [&](int64_t row, const float* copy) {
      const int64_t place =
          cut_.differential()
              ? std::lower_bound(rows_.begin(), rows_.end(), row) - rows_.begin()
              : row - first_;
      for (int64_t tensor = 0; tensor < table_.tensors(); ++tensor) {
        std::memcpy(at_ + tensor * tensor_bytes_ + place * row_bytes,
                    copy + tensor * table_.dim(), row_bytes);
      }
    });
    if (!is_whole) return status_of(cut_.copies().failure());
    cut_.copies().drop(block);
    return absl::OkStatus();
  }

  void add_piece(int64_t tensor, const char* from, int64_t bytes) {
    const uint32_t checksum =
        tensorflow::crc32c::Mask(tensorflow::crc32c::Value(from, bytes));
    const int64_t first =
        cut_.differential() ? stored_ : table_.first_row() + first_;
    const int64_t offset = file_->size() + (from - group_);
    pieces_->push_back({number_, tensor, first, count_, offset, bytes, checksum});
  }

  const int64_t number_;
  const CutTable& table_;
  RowCut& cut_;
  ShardFile* const file_;
  std::vector<Piece>* const pieces_;
  int64_t stored_ = 0;
  // Of the group that is being written: its first row, the rows of a differential cut,
  // how many there are, and where the group and its tensors go.
  int64_t first_ = 0;
  std::vector<int64_t> rows_;
  int64_t count_ = 0, tensor_bytes_ = 0;
  char* group_ = nullptr;
  char* at_ = nullptr;
};

class WriteShardOp : public tensorflow::AsyncOpKernel {
 public:
  explicit WriteShardOp(OpKernelConstruction* context) : AsyncOpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("first_rows", &first_rows_));
  }

  // On a thread of its own: those of TensorFlow are for training.
  void ComputeAsync(OpKernelContext* context, DoneCallback done) override {
    context->env()->SchedClosure([this, context, done = std::move(done)] {
      context->SetStatus(write(context));
      done();
    });
  }

 private:
  absl::Status write(OpKernelContext* context) const {
    std::vector<CutTable> tables;
    TF_RETURN_IF_ERROR(take(context, &tables));
    const Tensor* path;
    TF_RETURN_IF_ERROR(context->input("path", &path));
    int64_t bytes = 0, largest = 0;
    for (const CutTable& table : tables) {
      const RowCut& cut = table.cut();
      bytes += cut.stored_rows() * table.row_bytes();
      largest = std::max(largest, std::min(cut.block_rows(), cut.rows()) *
                                      table.row_bytes());
    }
    ShardFile file(std::string(path->flat<tensorflow::tstring>()(0)), largest);
    TF_RETURN_IF_ERROR(status_of(file.open(bytes)));
    std::vector<Piece> pieces;
    for (size_t i = 0; i < tables.size(); ++i) {
      TF_RETURN_IF_ERROR(TableWriter(i, tables[i], &file, &pieces).write());
    }
    TF_RETURN_IF_ERROR(status_of(file.finish()));
    const auto count = static_cast<int64_t>(pieces.size());
    Tensor* output;
    TF_RETURN_IF_ERROR(
        context->allocate_output(0, TensorShape({count, kColumns}), &output));
    for (int64_t i = 0; i < count; ++i) {
      for (int64_t c = 0; c < kColumns; ++c) output->matrix<int64_t>()(i, c) = pieces[i][c];
    }
    return absl::OkStatus();
  }

  absl::Status take(OpKernelContext* context, std::vector<CutTable>* tables) const {
    OpInputList parameters, slots;
    TF_RETURN_IF_ERROR(context->input_list("tables", &parameters));
    TF_RETURN_IF_ERROR(context->input_list("slots", &slots));
    RowTrackers trackers;
    TF_RETURN_IF_ERROR(take_trackers(context, &trackers));
    int slots_of_all = 0;
    for (const auto& tracker : trackers) slots_of_all += tracker->tracker.slots();
    if (first_rows_.size() != trackers.size() || slots_of_all != slots.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "The trackers are of ", trackers.size(), " tables with ", slots_of_all,
          " slots, got ", slots.size(), " slots and ", first_rows_.size(),
          " first rows."));
    }
    int slot = 0;
    for (size_t i = 0; i < trackers.size(); ++i) {
      const RowTracker& tracker = trackers[i]->tracker;
      std::vector<tensorflow::core::RefCountPtr<tensorflow::Var>> variables;
      TF_RETURN_IF_ERROR(add(context, parameters[i], &variables));
      for (int n = 0; n < tracker.slots(); ++n) {
        TF_RETURN_IF_ERROR(add(context, slots[slot++], &variables));
      }
      tables->emplace_back(std::move(variables), tracker, first_rows_[i]);
      if (!tables->back().has_cut()) {
        return absl::FailedPreconditionError(
            "There is no cut to be written: begin one, and end it after the write.");
      }
    }
    return absl::OkStatus();
  }

  static absl::Status add(
      OpKernelContext* context, const Tensor& handle,
      std::vector<tensorflow::core::RefCountPtr<tensorflow::Var>>* variables) {
    if (handle.NumElements() != 1) {
      return absl::InvalidArgumentError("A table's handle must be a scalar.");
    }
    variables->emplace_back();
    return LookupResource(context, handle.flat<tensorflow::ResourceHandle>()(0),
                          &variables->back());
  }

  std::vector<int64_t> first_rows_;
};

REGISTER_KERNEL_BUILDER(Name("ShardlineWriteShard").Device(tensorflow::DEVICE_CPU),
                        WriteShardOp);

}  // namespace
}  // namespace shardline
