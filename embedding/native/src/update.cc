#include "update.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include "sort.h"

namespace shardline {
namespace {

// Occurrences of a task: some 30 microseconds of work.
constexpr int64_t kChunk = 4096;
// Table rows of a task when all rows are updated.
constexpr int64_t kRowBlock = 4096;
constexpr int64_t kAhead = 32;
// Kept memory is given back after so many steps that need less than a part of it.
constexpr int64_t kTooLarge = 4;
constexpr int kPatience = 64;

int64_t row_of(uint64_t sorted) { return static_cast<int64_t>(sorted >> 32); }

int64_t pieces(int64_t count, int64_t size) { return (count + size - 1) / size; }

// Memory that is not set to zero first.
template <typename T>
class Buffer {
 public:
  explicit Buffer(int64_t count) : data_(new T[count]) {}
  T* get() const { return data_.get(); }

 private:
  std::unique_ptr<T[]> data_;
};

// The lookups of all replicas as one.
class Joined {
 public:
  explicit Joined(const UpdatedTable& table) {
    if (table.lookups.size() == 1) {
      joined_ = table.lookups[0];
      return;
    }
    for (size_t replica = 0; replica < table.lookups.size(); ++replica) {
      const Lookup& lookup = table.lookups[replica];
      const auto shift = static_cast<int32_t>(replica * table.replica_segments);
      rows_.insert(rows_.end(), lookup.rows, lookup.rows + lookup.count);
      coefficients_.insert(coefficients_.end(), lookup.coefficients,
                           lookup.coefficients + lookup.count);
      for (int64_t i = 0; i < lookup.count; ++i) {
        segments_.push_back(lookup.segments[i] + shift);
      }
    }
    joined_ = {rows_.data(), segments_.data(), coefficients_.data(),
               static_cast<int64_t>(rows_.size())};
  }
  Joined(Joined&&) = default;
  const Lookup& get() const { return joined_; }

 private:
  std::vector<int32_t> rows_, segments_;
  std::vector<float> coefficients_;
  Lookup joined_;
};

// Updates one table, whose occurrences are sorted.
class Update {
 public:
  Update(const UpdatedTable& table, const Lookup& joined, uint64_t* sorted)
      : table_(table),
        loops_(row_loops()),
        tracker_(table.tracker),
        source_{sorted, joined.segments, joined.coefficients, table.parts.data(),
                static_cast<int64_t>(table.parts.size())},
        count_(joined.count),
        dim_(table.table.dim),
        partial_sums_(table.sum_first && !table.touch_all_rows
                          ? 2 * pieces(count_, kChunk) * dim_
                          : 0) {}

  int64_t tasks() const {
    return table_.touch_all_rows ? pieces(table_.table.rows, kRowBlock)
                                 : pieces(count_, kChunk);
  }

  void run(int64_t task) const {
    // A row's gradient: on the stack for the usual dim, which costs no allocation.
    float usual[256];
    std::unique_ptr<float[]> large(dim_ > 256 ? new float[dim_] : nullptr);
    float* gradient = large ? large.get() : usual;
    table_.touch_all_rows ? update_block(task, gradient)
                          : update_chunk(task, gradient);
  }

  // Rows whose occurrences lie in several chunks, after all chunks have run.
  void finish() const {
    if (!table_.sum_first || table_.touch_all_rows) return;
    std::vector<float> sum(dim_);
    for (int64_t chunk = 0; chunk + 1 < pieces(count_, kChunk);) {
      const int64_t row = row_of(source_.sorted[(chunk + 1) * kChunk - 1]);
      int64_t next = chunk + 1;
      if (row_of(source_.sorted[next * kChunk]) != row) {
        chunk = next;
        continue;
      }
      std::memcpy(sum.data(), tail_of(chunk), dim_ * sizeof(float));
      for (; next < pieces(count_, kChunk); ++next) {
        if (row_of(source_.sorted[next * kChunk]) != row) break;
        const float* head = head_of(next);
        for (int64_t c = 0; c < dim_; ++c) sum[c] += head[c];
      }
      apply(row, sum.data());
      // The last of these chunks may begin another such row.
      chunk = next - 1;
    }
  }

 private:
  // Where a chunk leaves the sum of a row that began before it, or goes on after it.
  float* head_of(int64_t chunk) const {
    return partial_sums_.get() + 2 * chunk * dim_;
  }
  float* tail_of(int64_t chunk) const { return head_of(chunk) + dim_; }

  void apply(int64_t row, float* gradient, bool is_touched = false) const {
    if (table_.skip_not_finite && !loops_.is_finite(gradient, dim_)) return;
    if (!is_touched) touch(row);
    loops_.update_row(table_.optimizer, table_.table, row, gradient);
  }

  // Before a row is changed.
  SHARDLINE_INLINE void touch(int64_t row) const {
    if (tracker_) tracker_->touch(row, table_.table);
  }

  int64_t end_of_run(int64_t first, int64_t limit) const {
    int64_t end = first + 1;
    while (end < limit && row_of(source_.sorted[end]) == row_of(source_.sorted[first])) {
      ++end;
    }
    return end;
  }

  void sum(int64_t first, int64_t end, float* gradient) const {
    loops_.sum_gradients(source_, first, end, dim_, gradient);
  }

  void update_chunk(int64_t chunk, float* gradient) const {
    const int64_t begin = chunk * kChunk;
    const int64_t limit = std::min(begin + kChunk, count_);
    if (!table_.sum_first) return update_each_in_turn(begin, limit, gradient);
    int64_t fetched = begin + 1;
    // The last occurrence, of those that were fetched, whose row is not touched yet.
    int64_t untouched = begin;
    for (int64_t first = begin, end; first < limit; first = end) {
      end = end_of_run(first, limit);
      const int64_t to_fetch = std::min(end + kAhead, limit);
      for (; fetched < to_fetch; ++fetched) fetch(fetched, &untouched);
      const int64_t row = row_of(source_.sorted[first]);
      if (end == limit && limit < count_ && row_of(source_.sorted[limit]) == row) {
        // A row that also began before this chunk fills all of it: a head.
        const bool began = first == begin && begin > 0 &&
                           row_of(source_.sorted[begin - 1]) == row;
        sum(first, end, began ? head_of(chunk) : tail_of(chunk));
      } else if (first == begin && begin > 0 &&
                 row_of(source_.sorted[begin - 1]) == row) {
        sum(first, end, head_of(chunk));
      } else {
        sum(first, end, gradient);
        apply(row, gradient, first > untouched);
      }
    }
  }

  // The rows that begin in this chunk, one update for each occurrence.
  void update_each_in_turn(int64_t begin, int64_t limit, float* gradient) const {
    int64_t first = begin;
    if (begin > 0) {
      const int64_t before = row_of(source_.sorted[begin - 1]);
      while (first < limit && row_of(source_.sorted[first]) == before) ++first;
    }
    for (int64_t end; first < limit; first = end) {
      end = end_of_run(first, count_);
      if (table_.skip_not_finite && !all_finite(first, end, gradient)) continue;
      touch(row_of(source_.sorted[first]));
      for (int64_t i = first; i < end; ++i) {
        sum(i, i + 1, gradient);
        loops_.update_row(table_.optimizer, table_.table,
                          row_of(source_.sorted[first]), gradient);
      }
    }
  }

  bool all_finite(int64_t first, int64_t end, float* gradient) const {
    for (int64_t i = first; i < end; ++i) {
      sum(i, i + 1, gradient);
      if (!loops_.is_finite(gradient, dim_)) return false;
    }
    return true;
  }

  // All rows of a block of the table, touched or not.
  void update_block(int64_t block, float* gradient) const {
    const int64_t last = std::min((block + 1) * kRowBlock, table_.table.rows);
    const uint64_t* sorted = source_.sorted;
    int64_t first = std::lower_bound(sorted, sorted + count_,
                                     static_cast<uint64_t>(block * kRowBlock) << 32) -
                    sorted;
    for (int64_t row = block * kRowBlock; row < last; ++row) {
      const bool is_touched = first < count_ && row_of(sorted[first]) == row;
      const int64_t end = is_touched ? end_of_run(first, count_) : first;
      sum(first, end, gradient);
      apply(row, gradient);
      first = end;
    }
  }

  // Fetches the row that an occurrence updates, if it is not that of the one before.
  SHARDLINE_INLINE void fetch(int64_t occurrence, int64_t* untouched) const {
    const int64_t row = row_of(source_.sorted[occurrence]);
    if (row == row_of(source_.sorted[occurrence - 1])) return;
    prefetch(table_.table.parameters + row * dim_, dim_);
    for (const float* slot : table_.table.slots) {
      if (slot) prefetch(slot + row * dim_, dim_);
    }
    if (tracker_) *untouched = tracker_->is_touched(row) ? *untouched : occurrence;
  }

  const UpdatedTable& table_;
  const RowLoops& loops_;
  RowTracker* const tracker_;
  const UpdateSource source_;
  const int64_t count_, dim_;
  const Buffer<float> partial_sums_;
};

}  // namespace

uint64_t* SortMemory::room_for(int64_t count) {
  steps_with_less_ = count < size_ / kTooLarge ? steps_with_less_ + 1 : 0;
  if (count > size_ || steps_with_less_ == kPatience) {
    // Forgotten first: never two are held, and none is counted on that was not given.
    numbers_.reset();
    size_ = 0;
    const int64_t room = count + count / 8;
    numbers_.reset(new uint64_t[room]);
    size_ = room;
    steps_with_less_ = 0;
  }
  return numbers_.get();
}

void update_tables(const std::vector<UpdatedTable>& tables, const Parallel& parallel,
                   SortMemory* memory) {
  std::vector<Joined> joined(tables.begin(), tables.end());
  int64_t ids = 0, numbers = 0;
  for (size_t t = 0; t < tables.size(); ++t) {
    ids += joined[t].get().count;
    numbers += tables[t].table.dim * (tables[t].touch_all_rows
                                          ? tables[t].table.rows
                                          : joined[t].get().count);
  }
  uint64_t* const sorted = memory->room_for(2 * ids);
  uint64_t* const scratch = sorted + ids;
  std::vector<SortJob> sorts;
  std::deque<Update> updates;
  std::vector<std::pair<const Update*, int64_t>> tasks;
  int64_t offset = 0;
  for (size_t t = 0; t < tables.size(); ++t) {
    const Lookup& lookup = joined[t].get();
    uint64_t* by_row = sorted + offset;
    sorts.push_back({lookup.rows, lookup.count, tables[t].table.rows, by_row,
                     scratch + offset});
    updates.emplace_back(tables[t], lookup, by_row);
    for (int64_t task = 0; task < updates.back().tasks(); ++task) {
      tasks.emplace_back(&updates.back(), task);
    }
    offset += lookup.count;
  }
  sort_by_row(sorts, parallel);
  if (tasks.empty()) return;
  const int64_t task_count = tasks.size();
  parallel(task_count, 1000 + 2 * numbers / task_count,
           [&](int64_t task) { tasks[task].first->run(tasks[task].second); });
  for (const Update& update : updates) update.finish();
}

}  // namespace shardline
