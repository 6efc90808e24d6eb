// ShardlineWriteShard: writes a host's rows as they were at the cut, beside training.
#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <memory>

#include "checksum.h"
#include "row_tracker_resource.h"
#include "shard_file.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/resource_var.h"
#include "tensorflow/core/framework/shape_inference.h"
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
// A piece of the file is of so many blocks, in a differential cut of as many rows.
constexpr int64_t kPieceBlocks = 16;

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
      : number_(number),
        table_(table),
        cut_(table.cut()),
        row_bytes_(table.dim() * sizeof(float)),
        file_(file),
        pieces_(pieces) {}

  absl::Status write() {
    const int64_t blocks = (cut_.rows() + cut_.block_rows() - 1) / cut_.block_rows();
    for (int64_t block = 0, end; block < blocks; block = end) {
      end = end_of_run(block, blocks, kPieceBlocks * cut_.block_rows());
      TF_RETURN_IF_ERROR(write_group(block, end));
    }
    return absl::OkStatus();
  }

 private:
  int64_t first_of(int64_t block) const {
    return std::min(block * cut_.block_rows(), cut_.rows());
  }
  // How many rows of blocks are to be stored.
  int64_t count_of(int64_t block, int64_t end) const {
    const int64_t first = first_of(block), last = first_of(end);
    return cut_.differential() ? cut_.touched().count(first, last) : last - first;
  }
  // Takes as many blocks as have no more rows to be stored than that; at least one.
  int64_t end_of_run(int64_t block, int64_t end, int64_t most_rows) const {
    int64_t rows = count_of(block, block + 1);
    for (++block; block < end; ++block) {
      rows += count_of(block, block + 1);
      if (rows > most_rows) break;
    }
    return block;
  }

  // Writes blocks as one piece of each tensor.
  absl::Status write_group(int64_t block, int64_t end) {
    const int64_t count = count_of(block, end);
    const int64_t first =
        cut_.differential() ? stored_ : table_.first_row() + first_of(block);
    const int64_t number_bytes = cut_.differential() ? count * sizeof(int64_t) : 0;
    char* const group = file_->room(count * table_.row_bytes());
    std::vector<uint32_t> checksums(table_.tensors());
    uint32_t number_checksum = 0;
    for (int64_t done = 0, next; block < end; block = next, done += count_) {
      next = end_of_run(block, end, cut_.block_rows());
      take_rows(block, next);
      if (cut_.differential()) put_numbers(done, group, &number_checksum);
      const auto place_of = [&](int64_t tensor) {
        return group + number_bytes + (tensor * count + done) * row_bytes_;
      };
      TF_RETURN_IF_ERROR(copy_values(next, place_of));
      TF_RETURN_IF_ERROR(put_back(block, next, place_of));
      for (int64_t tensor = 0; tensor < table_.tensors(); ++tensor) {
        checksums[tensor] = extend_crc32c(
            checksums[tensor], place_of(tensor), count_ * row_bytes_);
      }
    }
    TF_RETURN_IF_ERROR(status_of(file_->failure()));
    if (count == 0) return absl::OkStatus();
    int64_t offset = file_->size();
    const auto add_piece = [&](int64_t tensor, int64_t bytes, uint32_t checksum) {
      pieces_->push_back({number_, tensor, first, count, offset, bytes,
                          tensorflow::crc32c::Mask(checksum)});
      offset += bytes;
    };
    if (number_bytes) add_piece(kRowNumbers, number_bytes, number_checksum);
    for (int64_t tensor = 0; tensor < table_.tensors(); ++tensor) {
      add_piece(tensor, count * row_bytes_, checksums[tensor]);
    }
    file_->commit(count * table_.row_bytes());
    stored_ += count;
    return absl::OkStatus();
  }

  // Says which rows of some blocks are to be stored.
  void take_rows(int64_t block, int64_t end) {
    first_ = first_of(block);
    count_ = first_of(end) - first_;
    if (!cut_.differential()) return;
    rows_.clear();
    cut_.touched().each(first_, first_of(end),
                        [&](int64_t row) { rows_.push_back(row); });
    count_ = rows_.size();
  }

  void put_numbers(int64_t done, char* numbers, uint32_t* checksum) {
    char* const to = numbers + done * sizeof(int64_t);
    for (int64_t i = 0; i < count_; ++i) {
      const int64_t row = table_.first_row() + rows_[i];
      std::memcpy(to + i * sizeof(row), &row, sizeof(row));
    }
    *checksum = extend_crc32c(*checksum, to, count_ * sizeof(int64_t));
  }

  template <typename PlaceOf>
  absl::Status copy_values(int64_t end_block, const PlaceOf& place_of) {
    for (int64_t tensor = 0; tensor < table_.tensors(); ++tensor) {
      char* const to = place_of(tensor);
      TF_RETURN_IF_ERROR(table_.locked([&](const auto& values) {
        const auto* from = reinterpret_cast<const char*>(values[tensor]);
        if (cut_.differential()) {
          for (int64_t i = 0; i < count_; ++i) {
            std::memcpy(to + i * row_bytes_, from + rows_[i] * row_bytes_, row_bytes_);
          }
        } else {
          std::memcpy(to, from + first_ * row_bytes_, count_ * row_bytes_);
        }
        // From here on no copies of these rows are kept: who does it has the lock alone.
        if (tensor + 1 == table_.tensors()) cut_.set_written(first_of(end_block));
      }));
    }
    return absl::OkStatus();
  }

  // Puts rows back as they were that were changed between the cut and their copy here.
  template <typename PlaceOf>
  absl::Status put_back(int64_t block, int64_t end, const PlaceOf& place_of) {
    const auto put = [&](int64_t row, const float* copy) {
      const int64_t at =
          cut_.differential()
              ? std::lower_bound(rows_.begin(), rows_.end(), row) - rows_.begin()
              : row - first_;
      for (int64_t tensor = 0; tensor < table_.tensors(); ++tensor) {
        std::memcpy(place_of(tensor) + at * row_bytes_, copy + tensor * table_.dim(),
                    row_bytes_);
      }
    };
    for (; block < end; ++block) {
      if (!cut_.copies().each(block, put)) return status_of(cut_.copies().failure());
      cut_.copies().drop(block);
    }
    return absl::OkStatus();
  }

  const int64_t number_;
  const CutTable& table_;
  RowCut& cut_;
  const int64_t row_bytes_;  // of one tensor
  ShardFile* const file_;
  std::vector<Piece>* const pieces_;
  int64_t stored_ = 0;
  // The rows that are being copied: the first, their number, and which they are in a
  // differential cut.
  int64_t first_ = 0, count_ = 0;
  std::vector<int64_t> rows_;
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
      const int64_t rows = std::min(kPieceBlocks * cut.block_rows(), cut.rows());
      largest = std::max(largest, rows * table.row_bytes());
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
