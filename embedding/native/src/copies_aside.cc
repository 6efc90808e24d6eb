#include "copies_aside.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace shardline {
namespace {

constexpr int64_t kSlabBytes = 8 << 10;

}  // namespace

CopiesAside::CopiesAside(int64_t rows, int64_t block_rows, int64_t dim, int slots,
                         std::shared_ptr<CopyRoom> room)
    : block_rows_(block_rows),
      dim_(dim),
      row_floats_((1 + slots) * dim),
      slab_rows_(std::max<int64_t>(kSlabBytes / (row_floats_ * sizeof(float)), 1)),
      slab_bytes_(slab_rows_ * row_floats_ * sizeof(float)),
      room_(std::move(room)),
      blocks_((rows + block_rows - 1) / block_rows) {}

CopiesAside::~CopiesAside() {
  for (size_t block = 0; block < blocks_.size(); ++block) drop(block);
}

void CopiesAside::keep(int64_t row, const TableRows& table) {
  if (room_->has_failed()) return;
  const int64_t block = row / block_rows_;
  const std::lock_guard<std::mutex> lock(mutexes_[block % mutexes_.size()]);
  Slab* slab = slab_with_room(&blocks_[block]);
  if (slab == nullptr) return;
  const int64_t offset = slab->rows.size() * row_floats_ * sizeof(float);
  std::vector<float> to_spill(slab->memory ? 0 : row_floats_);
  float* copy = slab->memory ? reinterpret_cast<float*>(slab->memory + offset)
                             : to_spill.data();
  std::memcpy(copy, table.parameters + row * dim_, dim_ * sizeof(float));
  for (int64_t slot = 0; (slot + 1) * dim_ < row_floats_; ++slot) {
    std::memcpy(copy + (slot + 1) * dim_, table.slots[slot] + row * dim_,
                dim_ * sizeof(float));
  }
  if (!slab->memory && !room_->write(slab->place + offset, copy,
                                     row_floats_ * sizeof(float))) {
    return;
  }
  slab->rows.push_back(row);
  count_.fetch_add(1, std::memory_order_relaxed);
}

CopiesAside::Slab* CopiesAside::slab_with_room(std::vector<Slab>* slabs) {
  if (!slabs->empty() &&
      static_cast<int64_t>(slabs->back().rows.size()) < slab_rows_) {
    return &slabs->back();
  }
  char* const memory = room_->take_memory(slab_bytes_);
  const int64_t place = memory ? 0 : room_->take_place(slab_bytes_);
  if (place < 0) return nullptr;
  slabs->push_back({memory, place, {}});
  slabs->back().rows.reserve(slab_rows_);
  return &slabs->back();
}

void CopiesAside::drop(int64_t block) {
  for (Slab& slab : blocks_[block]) {
    slab.memory ? room_->give_memory(slab.memory, slab_bytes_)
                : room_->give_place(slab.place, slab_bytes_);
  }
  // Its memory too: there are many blocks.
  std::vector<Slab>().swap(blocks_[block]);
}

}  // namespace shardline
