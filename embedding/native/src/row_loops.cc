// See row_loops.h. Compiled with SHARDLINE_ISA = baseline, avx2 and avx512.
#include "row_loops.h"

#include <math.h>

namespace shardline {
namespace SHARDLINE_ISA {

extern const RowLoops kRowLoops;

namespace {

// Rows ahead of the one at work to fetch.
constexpr int64_t kAhead = 8;

// Vectors of eight floats, as the compiler has them for every instruction set. Written
// out, for left to itself it sums the ids of a row one number at a time.
typedef float Vector __attribute__((vector_size(32)));
constexpr int kLanes = 8;

inline float floor_of(float value) { return floorf(value); }

inline Vector floor_of(Vector values) {
  for (int c = 0; c < kLanes; ++c) values[c] = floorf(values[c]);
  return values;
}

template <typename Value>
inline Value quantized(const Quantization& q, Value value) {
  Value clipped = value < q.lower ? Value{} + q.lower : value;
  clipped = clipped > q.upper ? Value{} + q.upper : clipped;
  return floor_of((clipped - q.lower) / q.step + 0.5f) * q.step + q.lower;
}

template <typename Value>
inline Value load(const float* from) {
  Value value;
  __builtin_memcpy(&value, from, sizeof(Value));
  return value;
}

template <typename Value>
inline void store(float* to, Value value) {
  __builtin_memcpy(to, &value, sizeof(Value));
}

// kCount values, vectors or single floats, of one activation row.
template <typename Value, int kCount, bool kQuantized>
inline void pool_columns(const PoolTask& task, int64_t first, int64_t end,
                         int64_t column, float* out) {
  constexpr int kWidth = sizeof(Value) / sizeof(float);
  Value sum[kCount] = {};
  for (int64_t i = first; i < end; ++i) {
    const float* row =
        task.parameters + task.lookup.rows[i] * task.dim + column;
    const float coefficient = task.lookup.coefficients[i];
#pragma GCC unroll 8
    for (int v = 0; v < kCount; ++v) {
      const Value value = load<Value>(row + v * kWidth);
      sum[v] += coefficient *
                (kQuantized ? quantized<Value>(task.quantization, value) : value);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kCount; ++v) {
    float* place = out + column + v * kWidth;
    store(place, task.add ? load<Value>(place) + sum[v] : sum[v]);
  }
}

template <bool kQuantized>
void pool_all(const PoolTask& task) {
  int64_t end = task.first_occurrence;
  float* out = task.activations;
  for (int64_t segment = task.first_segment; segment < task.end_segment;
       ++segment, out += task.dim) {
    const int64_t first = end;
    while (end < task.end_occurrence && task.lookup.segments[end] == segment) {
      const int64_t ahead = end + kAhead;
      if (ahead < task.end_occurrence) {
        prefetch(task.parameters + task.lookup.rows[ahead] * task.dim, task.dim);
      }
      ++end;
    }
    if (task.add && first == end) continue;
    int64_t column = 0;
    for (; column + 8 * kLanes <= task.dim; column += 8 * kLanes)
      pool_columns<Vector, 8, kQuantized>(task, first, end, column, out);
    for (; column + 2 * kLanes <= task.dim; column += 2 * kLanes)
      pool_columns<Vector, 2, kQuantized>(task, first, end, column, out);
    for (; column + kLanes <= task.dim; column += kLanes)
      pool_columns<Vector, 1, kQuantized>(task, first, end, column, out);
    for (; column < task.dim; ++column)
      pool_columns<float, 1, kQuantized>(task, first, end, column, out);
  }
}

void pool(const PoolTask& task) {
  task.quantization.step == 0 ? pool_all<false>(task) : pool_all<true>(task);
}

// Returns the gradient of an activation row.
template <bool kOnePart>
inline const float* gradient_row(const UpdateSource& source, int64_t segment,
                                 int64_t dim) {
  const GradientPart* part = source.parts;
  if (!kOnePart) {
    part += source.part_count - 1;
    while (part->first_segment > segment) --part;
  }
  return part->values + (segment - part->first_segment) * dim;
}

template <typename Value, int kCount, bool kOnePart>
inline void sum_columns(const UpdateSource& source, int64_t first, int64_t end,
                        int64_t dim, int64_t column, float* sum) {
  constexpr int kWidth = sizeof(Value) / sizeof(float);
  Value local[kCount] = {};
  for (int64_t i = first; i < end; ++i) {
    const auto occurrence = static_cast<uint32_t>(source.sorted[i]);
    const int64_t segment = source.segments[occurrence];
    const float* row = gradient_row<kOnePart>(source, segment, dim) + column;
    const float coefficient = source.coefficients[occurrence];
#pragma GCC unroll 8
    for (int v = 0; v < kCount; ++v) {
      local[v] += coefficient * load<Value>(row + v * kWidth);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kCount; ++v) store(sum + column + v * kWidth, local[v]);
}

template <bool kOnePart>
void sum_all(const UpdateSource& source, int64_t first, int64_t end, int64_t dim,
             float* sum) {
  int64_t column = 0;
  for (; column + 8 * kLanes <= dim; column += 8 * kLanes)
    sum_columns<Vector, 8, kOnePart>(source, first, end, dim, column, sum);
  for (; column + 2 * kLanes <= dim; column += 2 * kLanes)
    sum_columns<Vector, 2, kOnePart>(source, first, end, dim, column, sum);
  for (; column + kLanes <= dim; column += kLanes)
    sum_columns<Vector, 1, kOnePart>(source, first, end, dim, column, sum);
  for (; column < dim; ++column)
    sum_columns<float, 1, kOnePart>(source, first, end, dim, column, sum);
}

void sum_gradients(const UpdateSource& source, int64_t first, int64_t end, int64_t dim,
                   float* sum) {
  source.part_count == 1 ? sum_all<true>(source, first, end, dim, sum)
                         : sum_all<false>(source, first, end, dim, sum);
}

void clip(float* values, int64_t dim, float low, float high) {
  if (low != -INFINITY) {
    for (int64_t c = 0; c < dim; ++c) values[c] = values[c] < low ? low : values[c];
  }
  if (high != INFINITY) {
    for (int64_t c = 0; c < dim; ++c) values[c] = values[c] > high ? high : values[c];
  }
}

void sgd(const Optimizer& o, int64_t dim, const float* __restrict g,
         float* __restrict w) {
  for (int64_t c = 0; c < dim; ++c) w[c] -= o.rate * g[c];
}

void adagrad(const Optimizer& o, int64_t dim, const float* __restrict g,
             float* __restrict w, float* __restrict accumulator) {
  const float rate = o.rate;
  for (int64_t c = 0; c < dim; ++c) {
    accumulator[c] += g[c] * g[c];
    w[c] -= rate * g[c] / sqrtf(accumulator[c]);
  }
}

template <typename Scale>
inline void adagrad_momentum_of(const Optimizer& o, int64_t dim,
                                const float* __restrict g, float* __restrict w,
                                float* __restrict accumulator,
                                float* __restrict momentum, Scale scale) {
  const float decay = o.options[0], beta2 = o.options[1], rest = o.options[2];
  const float epsilon = o.options[3], rate = o.rate;
  const float keep = beta2 == 1 ? 1 : beta2, take = beta2 == 1 ? 1 : rest;
  for (int64_t c = 0; c < dim; ++c) {
    accumulator[c] = keep * accumulator[c] + take * (g[c] * g[c]);
    const float scaled = scale(accumulator[c] + epsilon) * g[c];
    momentum[c] = decay * momentum[c] + scaled;
    const float step = o.nesterov ? decay * momentum[c] + scaled : momentum[c];
    w[c] -= rate * step;
  }
}

void adagrad_momentum(const Optimizer& o, int64_t dim, const float* g, float* w,
                      float* accumulator, float* momentum) {
  const float power = o.options[4];
  if (power == -0.5f) {
    adagrad_momentum_of(o, dim, g, w, accumulator, momentum,
                        [](float x) { return 1.0f / sqrtf(x); });
  } else {
    adagrad_momentum_of(o, dim, g, w, accumulator, momentum,
                        [power](float x) { return powf(x, power); });
  }
}

void adam(const Optimizer& o, int64_t dim, const float* __restrict g,
          float* __restrict w, float* __restrict momentum,
          float* __restrict velocity) {
  const float beta1 = o.options[0], rest1 = o.options[1];
  const float beta2 = o.options[2], rest2 = o.options[3];
  const float inside = o.sum_inside_root ? o.options[4] : 0;
  const float outside = o.sum_inside_root ? 0 : o.options[4];
  const float rate = o.rate;
  for (int64_t c = 0; c < dim; ++c) {
    momentum[c] = beta1 * momentum[c] + rest1 * g[c];
    velocity[c] = beta2 * velocity[c] + rest2 * (g[c] * g[c]);
    w[c] -= rate * momentum[c] / (sqrtf(velocity[c] + inside) + outside);
  }
}

template <typename Power>
inline void ftrl_of(const Optimizer& o, int64_t dim, const float* __restrict g,
                    float* __restrict w, float* __restrict accumulator,
                    float* __restrict linear, Power power) {
  const float unit = o.multiply_linear_by_rate ? o.rate : 1;
  const float inverse = o.multiply_linear_by_rate ? 1 : 1 / o.rate;
  const float beta = o.options[1], l1 = unit * o.options[2], l2 = unit * o.options[3];
  for (int64_t c = 0; c < dim; ++c) {
    const float before = power(accumulator[c]);
    accumulator[c] += g[c] * g[c];
    const float after = power(accumulator[c]);
    linear[c] += unit * g[c] - (after - before) * w[c] * inverse;
    const float z = linear[c];
    float bounded = z < -l1 ? -l1 : z;
    bounded = bounded > l1 ? l1 : bounded;
    w[c] = (bounded - z) / ((after + beta) * inverse + l2);
  }
}

void ftrl(const Optimizer& o, int64_t dim, const float* g, float* w,
          float* accumulator, float* linear) {
  const float power = o.options[0];
  if (power == 0.5f) {
    ftrl_of(o, dim, g, w, accumulator, linear, [](float x) { return sqrtf(x); });
  } else {
    ftrl_of(o, dim, g, w, accumulator, linear,
            [power](float x) { return powf(x, power); });
  }
}

void update_row(const Optimizer& o, const TableRows& table, int64_t row,
                float* gradient) {
  const int64_t dim = table.dim;
  float* w = table.parameters + row * dim;
  float* first = table.slots[0] ? table.slots[0] + row * dim : nullptr;
  float* second = table.slots[1] ? table.slots[1] + row * dim : nullptr;
  clip(gradient, dim, o.clip_gradient_min, o.clip_gradient_max);
  if (o.weight_decay != 0) {
    for (int64_t c = 0; c < dim; ++c) w[c] -= o.weight_decay * w[c];
  }
  switch (o.rule) {
    case Rule::kSgd: sgd(o, dim, gradient, w); break;
    case Rule::kAdagrad: adagrad(o, dim, gradient, w, first); break;
    case Rule::kAdagradMomentum:
      adagrad_momentum(o, dim, gradient, w, first, second);
      break;
    case Rule::kAdam: adam(o, dim, gradient, w, first, second); break;
    case Rule::kFtrl: ftrl(o, dim, gradient, w, first, second); break;
  }
  clip(w, dim, o.clip_weight_min, o.clip_weight_max);
}

bool is_finite(const float* values, int64_t count) {
  // The exponent of what is not finite has all bits set.
  uint32_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto bits = load<uint32_t>(values + i);
    found |= (bits & 0x7f800000u) == 0x7f800000u;
  }
  return !found;
}

bool all_below(const int32_t* values, int64_t count, int64_t limit) {
  uint32_t largest = 0;  // what is negative is large as an unsigned number
  for (int64_t i = 0; i < count; ++i) {
    const uint32_t value = values[i];
    largest = value > largest ? value : largest;
  }
  return count == 0 || largest < limit;
}

bool is_ascending(const int32_t* values, int64_t count) {
  int32_t descents = 0;
  for (int64_t i = 1; i < count; ++i) descents |= values[i - 1] > values[i];
  return !descents;
}

#define SHARDLINE_STRING(x) #x
#define SHARDLINE_NAME(x) SHARDLINE_STRING(x)

}  // namespace

const RowLoops kRowLoops = {pool,      sum_gradients, update_row,   is_finite,
                            all_below, is_ascending,  SHARDLINE_NAME(SHARDLINE_ISA)};

}  // namespace SHARDLINE_ISA
}  // namespace shardline
