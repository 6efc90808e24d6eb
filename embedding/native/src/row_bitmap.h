// A bit for each row of a table.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace shardline {

class RowBitmap {
 public:
  // All bits are clear.
  explicit RowBitmap(int64_t rows)
      : rows_(rows), words_(new std::atomic<uint64_t>[words()]()) {}

  bool has(int64_t row) const {
    return (words_[row >> 6].load(kRelaxed) >> (row & 63)) & 1;
  }
  // Threads may set bits at the same time.
  void set(int64_t row) { words_[row >> 6].fetch_or(1ull << (row & 63), kRelaxed); }

  void set_all() {
    for (int64_t i = 0; i < words(); ++i) words_[i].store(~0ull, kRelaxed);
    if (rows_ % 64) words_[words() - 1].store((1ull << rows_ % 64) - 1, kRelaxed);
  }
  void clear() {
    for (int64_t i = 0; i < words(); ++i) words_[i].store(0, kRelaxed);
  }
  void add(const RowBitmap& other) {
    for (int64_t i = 0; i < words(); ++i) {
      words_[i].fetch_or(other.words_[i].load(kRelaxed), kRelaxed);
    }
  }

  int64_t count() const { return count(0, rows_); }
  // How many bits are set of the rows [first, end).
  int64_t count(int64_t first, int64_t end) const {
    int64_t found = 0;
    for (int64_t row = first; row < end; row = next_word(row)) {
      found += __builtin_popcountll(bits_from(row, end));
    }
    return found;
  }
  // Calls work(row) for each set bit of the rows [first, end), in order.
  template <typename Work>
  void each(int64_t first, int64_t end, const Work& work) const {
    for (int64_t row = first; row < end; row = next_word(row)) {
      for (uint64_t bits = bits_from(row, end); bits; bits &= bits - 1) {
        work(row / 64 * 64 + __builtin_ctzll(bits));
      }
    }
  }

  void swap(RowBitmap& other) {
    std::swap(rows_, other.rows_);
    words_.swap(other.words_);
  }

 private:
  static constexpr std::memory_order kRelaxed = std::memory_order_relaxed;

  int64_t words() const { return (rows_ + 63) / 64; }
  static int64_t next_word(int64_t row) { return (row / 64 + 1) * 64; }
  // The bits of a row's word, from the row on and before the end.
  uint64_t bits_from(int64_t row, int64_t end) const {
    uint64_t bits = words_[row / 64].load(kRelaxed) & ~0ull << row % 64;
    if (end < next_word(row)) bits &= (1ull << end % 64) - 1;
    return bits;
  }

  int64_t rows_;
  std::unique_ptr<std::atomic<uint64_t>[]> words_;
};

}  // namespace shardline
