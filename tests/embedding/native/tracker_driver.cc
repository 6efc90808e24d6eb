// Updates a table by several threads while another writes cuts of it, under a
// ThreadSanitizer: TensorFlow, which has the variables' lock, cannot be built with one.
//
// Prints how many cuts were written. Ends with 1 if one is not what the table was.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <shared_mutex>
#include <thread>
#include <vector>

#include "row_tracker.h"

namespace {

using shardline::CopyRoom;
using shardline::RowCut;
using shardline::RowTracker;
using shardline::TableRows;

constexpr int64_t kRows = 30'003, kDim = 16;
constexpr int kThreads = 3, kCuts = 6;

struct Table {
  std::vector<float> parameters = std::vector<float>(kRows * kDim);
  std::vector<float> slot = std::vector<float>(kRows * kDim);
  RowTracker tracker{kRows, kDim, 1};
  std::shared_mutex mutex;

  TableRows rows() { return {parameters.data(), {slot.data(), nullptr}, kRows, kDim}; }

  // Changes every third row or so; neighbouring rows may be of different threads.
  void step(uint64_t seed) {
    const std::unique_lock<std::shared_mutex> lock(mutex);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
      threads.emplace_back([this, thread, seed] {
        const TableRows table = rows();
        uint64_t random = seed;
        for (int64_t row = 0; row < kRows; row += 1 + (random >> 60)) {
          random = random * 6364136223846793005u + 1442695040888963407u;
          if (row % kThreads != thread) continue;
          tracker.touch(row, table);
          for (int64_t i = row * kDim; i < (row + 1) * kDim; ++i) {
            parameters[i] += 1;
            slot[i] -= 1;
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
};

// Writes a cut as ShardlineWriteShard does, into memory.
bool write(Table* table, RowCut* cut, std::vector<float>* parameters,
           std::vector<float>* slot) {
  const int64_t step = cut->block_rows();
  for (int64_t first = 0; first < kRows; first += step) {
    const int64_t end = std::min(first + step, kRows), count = (end - first) * kDim;
    {
      const std::shared_lock<std::shared_mutex> lock(table->mutex);
      std::copy_n(&table->parameters[first * kDim], count, &(*parameters)[first * kDim]);
    }
    {
      const std::shared_lock<std::shared_mutex> lock(table->mutex);
      std::copy_n(&table->slot[first * kDim], count, &(*slot)[first * kDim]);
      cut->set_written(end);
    }
    const bool is_whole =
        cut->copies().each(first / step, [&](int64_t row, const float* copy) {
          std::copy_n(copy, kDim, &(*parameters)[row * kDim]);
          std::copy_n(copy + kDim, kDim, &(*slot)[row * kDim]);
        });
    if (!is_whole) return false;
    cut->copies().drop(first / step);
  }
  return true;
}

}  // namespace

int main(int, char** argv) {
  Table table;
  std::atomic<bool> is_done{false};
  std::thread training([&] {
    for (uint64_t seed = 1; !is_done; ++seed) table.step(seed);
  });
  bool is_right = true;
  for (int number = 0; is_right && number < kCuts; ++number) {
    // Memory for all copies, for some, for none.
    const int64_t limit = number % 3 == 0 ? 1 << 30 : number % 3 == 1 ? 200'000 : 0;
    const bool differential = number % 2;
    const auto room = std::make_shared<CopyRoom>(limit, argv[1]);
    const auto cut = std::make_shared<RowCut>(kRows, kDim, 1, differential, room);
    std::vector<float> parameters, slot;
    {
      const std::shared_lock<std::shared_mutex> lock(table.mutex);
      parameters = table.parameters;
      slot = table.slot;
      is_right &= table.tracker.begin(cut);
    }
    std::vector<float> found(kRows * kDim), found_slot(kRows * kDim);
    is_right &= write(&table, cut.get(), &found, &found_slot);
    for (int64_t row = 0; row < kRows; ++row) {
      if (differential && !cut->touched().has(row)) continue;
      const int64_t at = row * kDim;
      is_right &= !std::memcmp(&found[at], &parameters[at], kDim * sizeof(float));
      is_right &= !std::memcmp(&found_slot[at], &slot[at], kDim * sizeof(float));
    }
    table.tracker.count();
    const std::shared_lock<std::shared_mutex> lock(table.mutex);
    table.tracker.end(number % 4 != 3);
  }
  is_done = true;
  training.join();
  std::printf("%d\n", kCuts);
  return is_right ? 0 : 1;
}
