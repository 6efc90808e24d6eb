// See row_loops.h. Compiled with SHARDLINE_ISA = baseline, avx2 and avx512.
#include "row_loops.h"

#include <math.h>

namespace shardline {
namespace SHARDLINE_ISA {

extern const RowLoops kRowLoops;

namespace {

// Rows ahead of the one at work to fetch.
constexpr int64_t kAhead = 8;

inline float quantized(const Quantization& q, float value) {
  float clipped = value < q.lower ? q.lower : value;
  clipped = clipped > q.upper ? q.upper : clipped;
  return floorf((clipped - q.lower) / q.step + 0.5f) * q.step + q.lower;
}

// Columns [column, column + kWidth) of one activation row.
template <int kWidth, bool kQuantized>
inline void pool_columns(const PoolTask& task, int64_t first, int64_t end,
                         int64_t column, float* out) {
  float sum[kWidth] = {};
  for (int64_t i = first; i < end; ++i) {
    const float* row =
        task.parameters + task.occurrences.rows[i] * task.dim + column;
    const float coefficient = task.occurrences.coefficients[i];
    for (int c = 0; c < kWidth; ++c) {
      const float value = kQuantized ? quantized(task.quantization, row[c]) : row[c];
      sum[c] += coefficient * value;
    }
  }
  if (task.add) {
    for (int c = 0; c < kWidth; ++c) out[column + c] += sum[c];
  } else {
    for (int c = 0; c < kWidth; ++c) out[column + c] = sum[c];
  }
}

template <bool kQuantized>
void pool_all(const PoolTask& task) {
  int64_t end = task.first_occurrence;
  float* out = task.activations;
  for (int64_t segment = task.first_segment; segment < task.end_segment;
       ++segment, out += task.dim) {
    const int64_t first = end;
    while (end < task.end_occurrence && task.occurrences.segments[end] == segment) {
      const int64_t ahead = end + kAhead;
      if (ahead < task.end_occurrence) {
        prefetch(task.parameters + task.occurrences.rows[ahead] * task.dim, task.dim);
      }
      ++end;
    }
    if (task.add && first == end) continue;
    int64_t column = 0;
    for (; column + 64 <= task.dim; column += 64)
      pool_columns<64, kQuantized>(task, first, end, column, out);
    for (; column + 16 <= task.dim; column += 16)
      pool_columns<16, kQuantized>(task, first, end, column, out);
    for (; column + 4 <= task.dim; column += 4)
      pool_columns<4, kQuantized>(task, first, end, column, out);
    for (; column < task.dim; ++column)
      pool_columns<1, kQuantized>(task, first, end, column, out);
  }
}

void pool(const PoolTask& task) {
  task.quantization.step == 0 ? pool_all<false>(task) : pool_all<true>(task);
}

template <int kWidth>
inline void sum_columns(const UpdateSource& source, int64_t first, int64_t end,
                        int64_t dim, int64_t column, float* sum) {
  float local[kWidth];
  for (int c = 0; c < kWidth; ++c) local[c] = sum[column + c];
  for (int64_t i = first; i < end; ++i) {
    const float* row = gradient_row(source, source.sorted[i], dim) + column;
    const float coefficient =
        source.coefficients[static_cast<uint32_t>(source.sorted[i])];
    for (int c = 0; c < kWidth; ++c) local[c] += coefficient * row[c];
  }
  for (int c = 0; c < kWidth; ++c) sum[column + c] = local[c];
}

void sum_gradients(const UpdateSource& source, int64_t first, int64_t end, int64_t dim,
                   float* sum) {
  int64_t column = 0;
  for (; column + 64 <= dim; column += 64)
    sum_columns<64>(source, first, end, dim, column, sum);
  for (; column + 16 <= dim; column += 16)
    sum_columns<16>(source, first, end, dim, column, sum);
  for (; column + 4 <= dim; column += 4)
    sum_columns<4>(source, first, end, dim, column, sum);
  for (; column < dim; ++column)
    sum_columns<1>(source, first, end, dim, column, sum);
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
  const uint32_t* bits = reinterpret_cast<const uint32_t*>(values);
  uint32_t found = 0;
  for (int64_t i = 0; i < count; ++i) {
    found |= (bits[i] & 0x7f800000u) == 0x7f800000u;
  }
  return !found;
}

#define SHARDLINE_STRING(x) #x
#define SHARDLINE_NAME(x) SHARDLINE_STRING(x)

}  // namespace

const RowLoops kRowLoops = {pool, sum_gradients, update_row, is_finite,
                            SHARDLINE_NAME(SHARDLINE_ISA)};

}  // namespace SHARDLINE_ISA
}  // namespace shardline
