// ShardlineReadShard: reads rows of a checkpoint set straight into tables, and checks them.
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "checksum.h"
#include "failure.h"
#include "tables.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace shardline {
namespace {

using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::Tensor;
using tensorflow::TensorShape;

REGISTER_OP("ShardlineReadShard")
    .Input("tables: table_count * resource")
    .Input("paths: string")
    .Input("pieces: int64")
    .Output("faults: int64")
    .Attr("table_count: int >= 1")
    .Attr("dims: list(int) >= 1")
    .SetIsStateful()
    .SetShapeFn([](tensorflow::shape_inference::InferenceContext* context) {
      context->set_output(0, context->Vector(context->UnknownDim()));
      return absl::OkStatus();
    })
    .Doc(R"doc(
Reads rows into variables, in place, and compares every byte that it reads with a checksum.

tables: float32 [n, dim] each, for parameters and for slots.
pieces: int64 [n, 8]: table, path, offset, bytes, masked CRC32C, rows to skip, rows to
  take, and the table's row that the first of these goes to. Best in the order in which
  they lie in the files: neighbours are read at once.
faults: which pieces are not what was written, ascending. Their rows in the tables may be
  anything.
)doc");

constexpr int64_t kStoredColumns = 8;
// While one thread compares, another reads.
constexpr int kThreads = 2;
// Neighbours are read at once up to so many bytes, and so many pieces.
constexpr int64_t kRunBytes = 4 << 20;
constexpr size_t kRunPieces = 256;

struct StoredPiece {
  int64_t number, path, offset, bytes;
  uint32_t checksum;
  char* to;          // where its bytes go, or those of the rows to take
  int64_t skip, take;  // in bytes

  bool is_whole() const { return take == bytes; }
};

// Pieces that lie next to each other in one file.
struct Run {
  std::vector<StoredPiece> pieces;

  int64_t path() const { return pieces.front().path; }
  int64_t offset() const { return pieces.front().offset; }
  int64_t end() const { return pieces.back().offset + pieces.back().bytes; }
  bool fits(const StoredPiece& next) const {
    return next.path == path() && next.offset == end() &&
           next.offset + next.bytes - offset() <= kRunBytes &&
           pieces.size() < kRunPieces;
  }
};

class File {
 public:
  explicit File(const std::string& path)
      : path_(path), file_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (file_ >= 0) close(file_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  Failure opened() const { return file_ < 0 ? failure_of("open", path_) : Failure{}; }

  // Lets the disk begin.
  void announce(const Run& run) const {
    posix_fadvise(file_, run.offset(), run.end() - run.offset(), POSIX_FADV_WILLNEED);
  }

  // Fills memory from an offset on; `read` says how much the file still had.
  Failure read(std::vector<iovec> to, int64_t offset, int64_t* read) const {
    *read = 0;
    auto next = to.begin();
    while (next != to.end()) {
      const ssize_t count =
          preadv(file_, &*next, static_cast<int>(to.end() - next), offset + *read);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure_of("read", path_);
      if (count == 0) return {};
      *read += count;
      for (size_t left = count; left > 0 && next != to.end();) {
        const size_t part = std::min(left, next->iov_len);
        next->iov_base = static_cast<char*>(next->iov_base) + part;
        next->iov_len -= part;
        left -= part;
        if (next->iov_len == 0) ++next;
      }
    }
    return {};
  }

 private:
  const std::string path_;
  const int file_;
};

// Reads runs in their order, by several threads.
class Reading {
 public:
  Reading(const std::vector<std::unique_ptr<File>>& files, const std::vector<Run>& runs)
      : files_(files), runs_(runs) {}

  void work() {
    std::vector<char> beside;
    for (size_t i; (i = next_++) < runs_.size();) {
      // This thread's next run, and at first the other threads' first ones.
      const size_t ahead = i + kThreads;
      if (ahead < runs_.size()) file_of(runs_[ahead]).announce(runs_[ahead]);
      if (Failure failure = read(runs_[i], &beside)) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!failure_) failure_ = std::move(failure);
        next_ = runs_.size();
      }
    }
  }

  // Once all threads have ended.
  const Failure& failure() const { return failure_; }
  std::vector<int64_t> faults() const {
    std::vector<int64_t> sorted = faults_;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

 private:
  const File& file_of(const Run& run) const { return *files_[run.path()]; }

  // `beside`: memory for pieces of which not all rows are taken.
  Failure read(const Run& run, std::vector<char>* beside) {
    int64_t room = 0;
    for (const StoredPiece& piece : run.pieces) room += piece.is_whole() ? 0 : piece.bytes;
    if (static_cast<int64_t>(beside->size()) < room) beside->resize(room);
    std::vector<iovec> parts;
    char* free = beside->data();
    for (const StoredPiece& piece : run.pieces) {
      char* to = piece.to;
      if (!piece.is_whole()) to = std::exchange(free, free + piece.bytes);
      parts.push_back({to, static_cast<size_t>(piece.bytes)});
    }
    int64_t count;
    if (Failure failure = file_of(run).read(parts, run.offset(), &count)) return failure;
    for (size_t i = 0; i < parts.size(); ++i) {
      const StoredPiece& piece = run.pieces[i];
      const char* const from = static_cast<const char*>(parts[i].iov_base);
      const bool is_there = piece.offset + piece.bytes - run.offset() <= count;
      if (!is_there || masked_crc32c(from, piece.bytes) != piece.checksum) {
        const std::lock_guard<std::mutex> lock(mutex_);
        faults_.push_back(piece.number);
      } else if (!piece.is_whole()) {
        std::memcpy(piece.to, from + piece.skip, piece.take);
      }
    }
    return {};
  }

  const std::vector<std::unique_ptr<File>>& files_;
  const std::vector<Run>& runs_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  std::vector<int64_t> faults_;
  Failure failure_;
};

class ReadShardOp : public tensorflow::OpKernel {
 public:
  explicit ReadShardOp(OpKernelConstruction* context) : OpKernel(context) {
    OP_REQUIRES_OK(context, context->GetAttr("dims", &dims_));
  }

  void Compute(OpKernelContext* context) override {
    LockedTables locked;
    OP_REQUIRES_OK(context, locked.lock(context, {"tables"}, dims_, true));
    const Tensor *paths, *pieces;
    OP_REQUIRES_OK(context, context->input("paths", &paths));
    OP_REQUIRES_OK(context, context->input("pieces", &pieces));
    std::vector<Run> runs;
    OP_REQUIRES_OK(context, take(locked, paths->NumElements(), *pieces, &runs));
    std::vector<std::unique_ptr<File>> files;
    for (int64_t i = 0; i < paths->NumElements(); ++i) {
      files.push_back(
          std::make_unique<File>(std::string(paths->flat<tensorflow::tstring>()(i))));
      OP_REQUIRES_OK(context, data_loss_of(files.back()->opened()));
    }
    Reading reading(files, runs);
    read(&reading);
    OP_REQUIRES_OK(context, data_loss_of(reading.failure()));
    const std::vector<int64_t> faults = reading.faults();
    Tensor* output;
    const auto count = static_cast<int64_t>(faults.size());
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({count}), &output));
    std::copy(faults.begin(), faults.end(), output->flat<int64_t>().data());
  }

 private:
  static void read(Reading* reading) {
    std::vector<std::thread> others;
    try {
      while (others.size() + 1 < kThreads) others.emplace_back([=] { reading->work(); });
    } catch (const std::system_error&) {
      // One thread does it too.
    }
    reading->work();
    for (std::thread& other : others) other.join();
  }

  static absl::Status data_loss_of(const Failure& failure) {
    if (!failure) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat("Cannot ", failure.what, ": ", std::strerror(failure.number)));
  }

  absl::Status take(const LockedTables& locked, int64_t paths, const Tensor& pieces,
                    std::vector<Run>* runs) const {
    if (pieces.dims() != 2 || pieces.dim_size(1) != kStoredColumns) {
      return absl::InvalidArgumentError(
          absl::StrCat("pieces must be int64 [n, ", kStoredColumns, "], got ",
                       pieces.shape().DebugString(), "."));
    }
    const auto numbers = pieces.matrix<int64_t>();
    for (int64_t i = 0; i < pieces.dim_size(0); ++i) {
      const int64_t table = numbers(i, 0), path = numbers(i, 1), offset = numbers(i, 2),
                    bytes = numbers(i, 3), skip = numbers(i, 5), take = numbers(i, 6),
                    first = numbers(i, 7);
      const bool is_known = table >= 0 && table < static_cast<int64_t>(dims_.size()) &&
                            path >= 0 && path < paths && bytes > 0 && offset >= 0 &&
                            offset <= std::numeric_limits<int64_t>::max() - bytes;
      const int64_t row_bytes = is_known ? dims_[table] * sizeof(float) : 1;
      const int64_t held = bytes / row_bytes;
      if (!is_known || bytes % row_bytes != 0 || skip < 0 || take < 0 || skip > held ||
          take > held - skip || first < 0 || first > locked.rows(table) ||
          take > locked.rows(table) - first) {
        return absl::InvalidArgumentError(
            absl::StrCat("Piece ", i, " does not fit the tables and paths: ",
                         pieces.SubSlice(i).SummarizeValue(kStoredColumns), "."));
      }
      char* const to = reinterpret_cast<char*>(locked.values(table)) + first * row_bytes;
      const StoredPiece piece = {i,  path,
                           offset, bytes,
                           static_cast<uint32_t>(numbers(i, 4)), to,
                           skip * row_bytes, take * row_bytes};
      if (runs->empty() || !runs->back().fits(piece)) runs->emplace_back();
      runs->back().pieces.push_back(piece);
    }
    return absl::OkStatus();
  }

  std::vector<int64_t> dims_;
};

REGISTER_KERNEL_BUILDER(Name("ShardlineReadShard").Device(tensorflow::DEVICE_CPU),
                        ReadShardOp);

}  // namespace
}  // namespace shardline
