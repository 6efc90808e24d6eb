// Runs the loops of one instruction set on numbers that are always the same.
//
// Linked at run time to the library of the kernels, which holds those of all sets.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "row_loops.h"

namespace shardline {
namespace baseline {
extern const RowLoops kRowLoops;
}
namespace avx2 {
extern const RowLoops kRowLoops;
}
namespace avx512 {
extern const RowLoops kRowLoops;
}
}  // namespace shardline

namespace {

using namespace shardline;

constexpr int64_t kRows = 50, kSegments = 20, kIds = 200;

class Numbers {
 public:
  // In [-1, 1).
  float next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<int32_t>(state_ >> 32) / 2147483648.0f;
  }
  int32_t below(int32_t limit) { return (next() + 1) / 2 * limit; }
  std::vector<float> list(int64_t count) {
    std::vector<float> found(count);
    for (float& number : found) number = next();
    return found;
  }

 private:
  uint64_t state_ = 1;
};

class Output {
 public:
  Output(float* to, int64_t limit) : to_(to), limit_(limit) {}
  void add(const std::vector<float>& numbers) {
    if (count_ + static_cast<int64_t>(numbers.size()) > limit_) return;
    std::copy(numbers.begin(), numbers.end(), to_ + count_);
    count_ += numbers.size();
  }
  int64_t count() const { return count_; }

 private:
  float* to_;
  const int64_t limit_;
  int64_t count_ = 0;
};

void run_dim(const RowLoops& loops, int64_t dim, Output* output) {
  Numbers numbers;
  std::vector<int32_t> rows, segments;
  std::vector<uint64_t> sorted;
  for (int64_t i = 0; i < kIds; ++i) {
    rows.push_back(numbers.below(kRows));
    segments.push_back(numbers.below(kSegments));
    sorted.push_back(i);
  }
  std::sort(segments.begin(), segments.end());
  const std::vector<float> coefficients = numbers.list(kIds);
  const std::vector<float> table = numbers.list(kRows * dim);
  const std::vector<float> gradients = numbers.list(kSegments * dim);
  for (const float step : {0.0f, 0.3f}) {
    for (const bool add : {false, true}) {
      std::vector<float> activations = numbers.list(kSegments * dim);
      loops.pool({{rows.data(), segments.data(), coefficients.data(), kIds},
                  table.data(), dim, {-0.8f, 0.7f, step}, 0, kSegments, 0, kIds,
                  activations.data(), add});
      output->add(activations);
    }
  }
  const GradientPart part = {gradients.data(), 0};
  const UpdateSource source = {sorted.data(), segments.data(), coefficients.data(),
                               &part, 1};
  std::vector<float> sum(dim);
  loops.sum_gradients(source, 0, kIds, dim, sum.data());
  output->add(sum);
  for (const Rule rule : {Rule::kSgd, Rule::kAdagrad, Rule::kAdagradMomentum,
                          Rule::kAdam, Rule::kFtrl}) {
    for (const bool flag : {false, true}) {
      // Usual roots, and other powers.
      const float option = rule == Rule::kFtrl ? (flag ? 0.5f : 0.3f) : 0.9f;
      const float power = flag ? -0.5f : -0.3f;
      const float last = rule == Rule::kAdam ? 0.1f : power;
      const float bound = flag ? 0.5f : INFINITY;
      const Optimizer optimizer = {
          rule, 0.1f, -bound, bound, -bound, bound, flag ? 0.1f : 0,
          {option, 0.9f, 0.1f, 0.05f, last}, flag, flag, flag};
      std::vector<float> parameters = table, gradient = sum;
      std::vector<float> first(kRows * dim, 0.1f), second(kRows * dim, 0.2f);
      const TableRows own = {parameters.data(), {first.data(), second.data()}, kRows,
                             dim};
      for (int64_t row = 0; row < kRows; row += 7) {
        gradient = sum;
        loops.update_row(optimizer, own, row, gradient.data());
      }
      for (const auto& numbers : {parameters, first, second}) output->add(numbers);
    }
  }
}

}  // namespace

// Writes all results; returns how many numbers they are, or -1 if the processor lacks
// the instruction set: 0 baseline, 1 AVX2, 2 AVX-512.
extern "C" int64_t run_row_loops(int set, float* results, int64_t limit) {
  if (set == 1 && !__builtin_cpu_supports("avx2")) return -1;
  if (set == 2 && !(__builtin_cpu_supports("avx512f") &&
                    __builtin_cpu_supports("avx512vl") &&
                    __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq"))) {
    return -1;
  }
  const RowLoops& loops = set == 0   ? baseline::kRowLoops
                          : set == 1 ? avx2::kRowLoops
                                     : avx512::kRowLoops;
  Output output(results, limit);
  for (const int64_t dim : {1, 3, 4, 15, 16, 17, 64, 65, 100, 300}) {
    run_dim(loops, dim, &output);
  }
  return output.count();
}
