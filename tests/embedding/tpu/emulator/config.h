// The TPUEmbeddingConfiguration, read straight from the wire format: the wheel brings no
// C++ code for this message.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace emulator {

// The fields of one message by number; numbers keep their bits, the rest its bytes.
class Message {
 public:
  explicit Message(const std::string& data) {
    size_t at = 0;
    while (at < data.size()) {
      const uint64_t key = Varint(data, &at);
      std::string bytes;
      uint64_t number = 0;
      switch (key & 7) {
        case 0:
          number = Varint(data, &at);
          break;
        case 2: {
          const size_t size = Varint(data, &at);
          bytes = data.substr(at, size);
          at += size;
          break;
        }
        case 5: {
          uint32_t bits = 0;
          std::memcpy(&bits, data.data() + at, 4);
          number = bits;
          at += 4;
          break;
        }
        default:
          throw std::runtime_error("unexpected wire type in the configuration");
      }
      fields_[key >> 3].emplace_back(number, bytes);
    }
  }

  bool Has(int field) const { return fields_.count(field) > 0; }

  int64_t Int(int field) const {
    return Has(field) ? static_cast<int64_t>(fields_.at(field).back().first) : 0;
  }

  float Float(int field) const {
    const uint32_t bits = static_cast<uint32_t>(Int(field));
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
  }

  std::string Bytes(int field) const {
    return Has(field) ? fields_.at(field).back().second : std::string();
  }

  Message Sub(int field) const { return Message(Bytes(field)); }

  std::vector<std::string> All(int field) const {
    std::vector<std::string> all;
    if (Has(field)) {
      for (const auto& value : fields_.at(field)) all.push_back(value.second);
    }
    return all;
  }

  std::vector<int64_t> Packed(int field) const {
    std::vector<int64_t> all;
    if (!Has(field)) return all;
    for (const auto& value : fields_.at(field)) {
      size_t at = 0;
      if (value.second.empty()) all.push_back(value.first);
      while (at < value.second.size()) all.push_back(Varint(value.second, &at));
    }
    return all;
  }

 private:
  static uint64_t Varint(const std::string& data, size_t* at) {
    uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const uint8_t byte = data.at((*at)++);
      value |= static_cast<uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  std::map<int, std::vector<std::pair<uint64_t, std::string>>> fields_;
};

struct Limit {
  bool set = false;
  float value = 0;
};

struct TableConfig {
  std::string name;
  int64_t rows = 0;
  int64_t dim = 0;
  std::string algorithm;
  Message optimizer{""};  // The fields of the algorithm.
  bool dynamic_rate = false;
  int rate_tag = 0;
  float rate = 0;
  Limit weight_min, weight_max, gradient_min, gradient_max;
  float weight_decay = 0;
  bool decay_times_rate = false;
  bool accumulate = true;
  bool quantized = false;
  float lower = 0, upper = 0;
  int64_t buckets = 0;
};

struct FeatureConfig {
  int table = 0;
  std::vector<int64_t> shape;
};

struct Config {
  std::vector<TableConfig> tables;
  std::vector<FeatureConfig> features;
  int hosts = 0;
  int cores = 0;
  bool pipelined = false;
  int rates = 0;  // Dynamic learning rates.
};

inline void ReadLimits(const Message& limits, Limit* lower, Limit* upper) {
  if (limits.Has(1)) *lower = {true, limits.Sub(1).Float(1)};
  if (limits.Has(2)) *upper = {true, limits.Sub(2).Float(1)};
}

inline TableConfig ReadTable(const Message& table) {
  TableConfig out;
  out.name = table.Bytes(1);
  out.rows = table.Int(2);
  out.dim = table.Int(3);
  const Message parameters = table.Sub(5);
  const std::map<int, std::string> algorithms = {
      {3, "Adagrad"}, {26, "AdagradMomentum"}, {4, "StochasticGradientDescent"},
      {5, "FTRL"},    {6, "ADAM"}};
  for (const auto& [field, algorithm] : algorithms) {
    if (!parameters.Has(field)) continue;
    out.algorithm = algorithm;
    out.optimizer = parameters.Sub(field);
  }
  const Message rate = parameters.Sub(13);
  out.dynamic_rate = rate.Has(2);
  out.rate_tag = out.dynamic_rate ? rate.Sub(2).Int(1) : 0;
  out.rate = rate.Float(1);
  ReadLimits(parameters.Sub(2), &out.weight_min, &out.weight_max);
  ReadLimits(parameters.Sub(7), &out.gradient_min, &out.gradient_max);
  out.weight_decay = parameters.Float(16);
  out.decay_times_rate = parameters.Int(22);
  out.accumulate = parameters.Int(17) != 2;
  const Message quantization = parameters.Sub(27);
  out.quantized = quantization.Int(1);
  Limit lower, upper;
  ReadLimits(quantization.Sub(2), &lower, &upper);
  out.lower = lower.value;
  out.upper = upper.value;
  out.buckets = quantization.Int(3);
  return out;
}

inline Config ReadConfig(const std::string& data) {
  const Message message(data);
  Config config;
  for (const auto& table : message.All(1)) {
    config.tables.push_back(ReadTable(Message(table)));
    const TableConfig& last = config.tables.back();
    if (last.dynamic_rate && last.rate_tag >= config.rates) {
      config.rates = last.rate_tag + 1;
    }
  }
  for (const auto& data : message.All(10)) {
    const Message feature(data);
    config.features.push_back(
        {static_cast<int>(feature.Int(2)), feature.Packed(3)});
  }
  config.hosts = message.Int(4);
  config.cores = message.Int(5);
  config.pipelined = message.Int(7);
  return config;
}

}  // namespace emulator
