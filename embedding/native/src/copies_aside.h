// Rows of one table as they were at a cut, kept until the set that is written has them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "copy_room.h"
#include "row_loops.h"

namespace shardline {

// Copies by blocks of rows. Threads may keep copies at the same time. What is kept of a
// block may be read and dropped once no thread keeps more of it.
class CopiesAside {
 public:
  CopiesAside(int64_t rows, int64_t block_rows, int64_t dim, int slots,
              std::shared_ptr<CopyRoom> room);
  ~CopiesAside();
  CopiesAside(const CopiesAside&) = delete;
  CopiesAside& operator=(const CopiesAside&) = delete;

  // Keeps a row: its parameters, then each slot. Does nothing once the room has failed.
  void keep(int64_t row, const TableRows& table);

  // Calls work(row, values) for each copy of a block. Returns false if some are lost.
  template <typename Work>
  bool each(int64_t block, const Work& work) const {
    std::vector<float> read;
    for (const Slab& slab : blocks_[block]) {
      const auto* values = reinterpret_cast<const float*>(slab.memory);
      if (values == nullptr) {
        read.resize(slab.rows.size() * row_floats_);
        if (!room_->read(slab.place, read.data(), read.size() * sizeof(float))) {
          return false;
        }
        values = read.data();
      }
      for (size_t i = 0; i < slab.rows.size(); ++i) {
        work(slab.rows[i], values + i * row_floats_);
      }
    }
    return !room_->has_failed();
  }
  void drop(int64_t block);

  Failure failure() const { return room_->failure(); }
  // How many copies were kept so far.
  int64_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  // So many copies of a block, in memory or in the file.
  struct Slab {
    char* memory;
    int64_t place;
    std::vector<int64_t> rows;
  };

  Slab* slab_with_room(std::vector<Slab>* slabs);

  const int64_t block_rows_, dim_, row_floats_, slab_rows_, slab_bytes_;
  const std::shared_ptr<CopyRoom> room_;
  std::vector<std::vector<Slab>> blocks_;
  // Of neighbouring blocks, which threads fill at the same time, each has its own.
  std::array<std::mutex, 16> mutexes_;
  std::atomic<int64_t> count_{0};
};

}  // namespace shardline
