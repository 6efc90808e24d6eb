#include "row_tracker.h"

#include <algorithm>
#include <utility>

namespace shardline {
namespace {

// What a block's parameters take, and each of its slots: as much as is copied under one
// lock, for training waits so long, and read again from the cache for its checksum.
constexpr int64_t kBlockBytes = 256 << 10;

int64_t rows_of_block(int64_t dim) {
  // Words of the bitmap belong to one block.
  return std::max<int64_t>(kBlockBytes / (dim * sizeof(float)) / 64 * 64, 64);
}

}  // namespace

RowCut::RowCut(int64_t rows, int64_t dim, int slots, bool differential,
               const std::shared_ptr<CopyRoom>& room)
    : rows_(rows),
      block_rows_(rows_of_block(dim)),
      differential_(differential),
      touched_(rows),
      copies_(rows, block_rows_, dim, slots, room) {}

RowTracker::RowTracker(int64_t rows, int64_t dim, int slots)
    : rows_(rows), dim_(dim), slots_(slots), touched_(rows) {
  touched_.set_all();
}

void RowTracker::touch_first(int64_t row, const TableRows& table) {
  if (cut_ && cut_->wants(row)) cut_->copies_.keep(row, table);
  touched_.set(row);
}

int64_t RowTracker::count() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return touched_.count();
}

void RowTracker::set_all(bool touched) {
  const std::lock_guard<std::mutex> lock(mutex_);
  touched ? touched_.set_all() : touched_.clear();
  if (cut_) cut_->is_void_ = true;
  cut_.reset();
}

bool RowTracker::begin(std::shared_ptr<RowCut> cut) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (cut_) return false;
  touched_.swap(cut->touched_);
  cut_ = std::move(cut);
  return true;
}

std::shared_ptr<RowCut> RowTracker::cut() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return cut_;
}

void RowTracker::end(bool succeeded) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (cut_ && !succeeded) touched_.add(cut_->touched_);
  cut_.reset();
}

}  // namespace shardline
