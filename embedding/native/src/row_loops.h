// The innermost loops over the numbers of a row, compiled for several processors.
//
// row_loops.cc is compiled once for each instruction set. It uses no template or inline
// function of the standard library: the linker would keep one of several copies, and
// perhaps the one that the processor does not have. Products are not fused with sums
// (-ffp-contract=off), so that every processor gives the same bits.
#pragma once

#include <cstdint>

#include "lookup.h"

namespace shardline {

// How a table's numbers are rounded before they are looked up.
struct Quantization {
  float lower, upper, step;  // step 0: not at all
};

// Some activation rows of one table, to be looked up.
struct PoolTask {
  Lookup lookup;
  const float* parameters;  // [rows, dim]
  int64_t dim;
  Quantization quantization;
  int64_t first_segment, end_segment;
  int64_t first_occurrence, end_occurrence;  // those of these segments
  float* activations;                        // [end - first segment, dim]
  bool add;  // whether to add to what other hosts found, rather than to write
};

enum class Rule : int32_t { kSgd, kAdagrad, kAdagradMomentum, kAdam, kFtrl };

// An optimizer's options; one rule reads only its own.
struct Optimizer {
  Rule rule;
  float rate;
  float clip_gradient_min, clip_gradient_max;  // infinite: none
  float clip_weight_min, clip_weight_max;
  float weight_decay;  // what part of a weight decays in a step
  // Adagrad momentum: momentum, beta2, 1 - beta2, epsilon, -1 / exponent.
  // Adam: beta1, 1 - beta1, beta2, 1 - beta2, epsilon (squared if inside the root).
  // FTRL: power, beta, L1 strength, twice the L2 strength.
  float options[5];
  bool nesterov, sum_inside_root, multiply_linear_by_rate;
};

constexpr int kMaxSlots = 2;

// A table's variables on one host.
struct TableRows {
  float* parameters;         // [rows, dim]
  float* slots[kMaxSlots];   // [rows, dim] each
  int64_t rows, dim;
};

// One feature's gradient, or one feature's of one replica.
struct GradientPart {
  const float* values;    // [rows, dim]
  int64_t first_segment;  // of the table's stacked activations
};

// All that the update of one table reads.
struct UpdateSource {
  const uint64_t* sorted;  // [count], row << 32 | occurrence, ascending
  const int32_t* segments;
  const float* coefficients;
  const GradientPart* parts;
  int64_t part_count;
};

struct RowLoops {
  void (*pool)(const PoolTask& task);
  // sum[dim] = coefficient * gradient, added up over sorted[first, end).
  void (*sum_gradients)(const UpdateSource& source, int64_t first, int64_t end,
                        int64_t dim, float* sum);
  // Updates one row and its slots. `gradient` is changed.
  void (*update_row)(const Optimizer& optimizer, const TableRows& table, int64_t row,
                     float* gradient);
  bool (*is_finite)(const float* values, int64_t count);
  // Whether all values lie in [0, limit), and whether none is below the one before.
  bool (*all_below)(const int32_t* values, int64_t count, int64_t limit);
  bool (*is_ascending)(const int32_t* values, int64_t count);
  const char* name;
};

// Returns the loops for this processor.
const RowLoops& row_loops();

// Inlined into its caller, whatever the compiler thinks of it. It takes a function that
// only prefetches for one without effects, and removes the calls of what it did not
// inline.
#define SHARDLINE_INLINE inline __attribute__((always_inline))

// Fetches a row into the cache. Static, so that each instruction set has its own copy.
static SHARDLINE_INLINE void prefetch(const float* row, int64_t dim) {
  for (int64_t i = 0; i < dim; i += 16) __builtin_prefetch(row + i);
}

}  // namespace shardline
