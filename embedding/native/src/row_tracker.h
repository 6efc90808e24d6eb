// Which rows of a table were touched since a cut, and how they were at that cut.
//
// A cut is the state that a checkpoint set holds. Training goes on while the set is
// written: before a row is changed for the first time since the cut, it is copied aside,
// if the set is to hold it and does not yet.
//
// Locks are those of the table's variables: an update holds them alone, who writes a set
// and who makes a cut share them. Nothing here has a lock of its own but for what ops ask
// that hold none.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "copies_aside.h"
#include "row_bitmap.h"
#include "row_loops.h"

namespace shardline {

// What one cut is of one table, until its set is written.
class RowCut {
 public:
  RowCut(int64_t rows, int64_t dim, int slots, bool differential,
         const std::shared_ptr<CopyRoom>& room);

  // Whether the set is to hold a row that is not written yet.
  bool wants(int64_t row) const {
    return row >= written_end_ && (!differential_ || touched_.has(row));
  }

  bool differential() const { return differential_; }
  int64_t rows() const { return rows_; }
  // Rows are written, and copied aside, in blocks of so many.
  int64_t block_rows() const { return block_rows_; }
  // The rows touched between the cut before this one and this one.
  const RowBitmap& touched() const { return touched_; }
  int64_t stored_rows() const { return differential_ ? touched_.count() : rows_; }
  CopiesAside& copies() { return copies_; }

  // The rows before `end` need no copies any more. With the variables' lock.
  void set_written(int64_t end) { written_end_ = end; }

  // Whether the tables have got other values than those that training makes of them.
  bool is_void() const { return is_void_.load(std::memory_order_relaxed); }

 private:
  friend class RowTracker;

  const int64_t rows_, block_rows_;
  const bool differential_;
  RowBitmap touched_;
  int64_t written_end_ = 0;
  std::atomic<bool> is_void_{false};
  CopiesAside copies_;
};

class RowTracker {
 public:
  // All rows are touched: no set holds them.
  RowTracker(int64_t rows, int64_t dim, int slots);

  // Says that a row is about to be changed. With the variables' lock, held alone; threads
  // of the update may call it at the same time, for different rows.
  void touch(int64_t row, const TableRows& table) {
    if (__builtin_expect(!touched_.has(row), false)) touch_first(row, table);
  }
  // Whether `touch` of a row does nothing. Bits come from far: to ask for those of rows
  // that come later costs less than to wait for each.
  bool is_touched(int64_t row) const { return touched_.has(row); }

  int64_t rows() const { return rows_; }
  int64_t dim() const { return dim_; }
  int slots() const { return slots_; }

  int64_t count() const;
  // Sets all rows to touched, or none, and makes a cut void. With the variables' lock.
  void set_all(bool touched);

  // Begins a cut, which costs no more than an exchange of pointers. With the variables'
  // lock. Returns whether there was no other.
  bool begin(std::shared_ptr<RowCut> cut);
  // Returns the cut that was begun; null if there is none.
  std::shared_ptr<RowCut> cut() const;
  // Ends a cut. The rows that a set should have held, and does not, count as touched.
  // With the variables' lock.
  void end(bool succeeded);

 private:
  void touch_first(int64_t row, const TableRows& table);

  const int64_t rows_, dim_;
  const int slots_;
  RowBitmap touched_;
  std::shared_ptr<RowCut> cut_;
  // For what holds no lock of the variables: exchanges, and reading what is exchanged.
  mutable std::mutex mutex_;
};

}  // namespace shardline
