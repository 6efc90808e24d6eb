// What one step does to one row, for the five optimizers. Written from the formulas of
// the project's contract, in double precision, without regard to the host backend.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "config.h"

namespace emulator {

inline double Clipped(double x, const Limit& low, const Limit& high) {
  if (low.set) x = std::max(x, static_cast<double>(low.value));
  if (high.set) x = std::min(x, static_cast<double>(high.value));
  return x;
}

// Updates one element: values[0] is the weight, the rest are slots in their order.
inline void UpdateElement(const TableConfig& table, double rate, double g,
                          std::vector<double>* values) {
  std::vector<double>& v = *values;
  const Message& o = table.optimizer;
  g = Clipped(g, table.gradient_min, table.gradient_max);
  v[0] -= table.weight_decay * (table.decay_times_rate ? rate : 1) * v[0];
  if (table.algorithm == "StochasticGradientDescent") {
    v[0] -= rate * g;
  } else if (table.algorithm == "Adagrad") {
    v[1] += g * g;
    v[0] -= rate * g / std::sqrt(v[1]);
  } else if (table.algorithm == "AdagradMomentum") {
    const double momentum = o.Float(1), exponent = o.Float(3), beta2 = o.Float(4);
    v[1] = beta2 == 1 ? v[1] + g * g : beta2 * v[1] + (1 - beta2) * g * g;
    const double scaled = g * std::pow(v[1] + o.Float(5), -1 / exponent);
    v[2] = momentum * v[2] + scaled;
    v[0] -= rate * (o.Int(2) ? momentum * v[2] + scaled : v[2]);
  } else if (table.algorithm == "ADAM") {
    const double beta1 = o.Float(3), beta2 = o.Float(4), epsilon = o.Float(5);
    v[1] = beta1 * v[1] + (1 - beta1) * g;
    v[2] = beta2 * v[2] + (1 - beta2) * g * g;
    v[0] -= rate * v[1] /
            (o.Int(10) ? std::sqrt(v[2] + epsilon * epsilon)
                       : std::sqrt(v[2]) + epsilon);
  } else if (table.algorithm == "FTRL") {
    const double l1 = o.Float(1), l2 = o.Float(2), power = -o.Float(3);
    const double beta = o.Float(7);
    const double before = std::pow(v[1], power);
    v[1] += g * g;
    const double after = std::pow(v[1], power);
    double bound = l1, divisor = (after + beta) / rate + 2 * l2;
    if (o.Int(6)) {
      v[2] += rate * g - (after - before) * v[0];
      bound = rate * l1;
      divisor = after + 2 * rate * l2 + beta;
    } else {
      v[2] += g - (after - before) * v[0] / rate;
    }
    v[0] = (std::min(std::max(v[2], -bound), bound) - v[2]) / divisor;
  }
  v[0] = Clipped(v[0], table.weight_min, table.weight_max);
}

}  // namespace emulator
