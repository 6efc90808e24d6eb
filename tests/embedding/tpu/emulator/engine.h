// The emulated TPU embedding engine: one for the process, as a TPU system has one.
//
// Every core has an inbox of batches. A batch of training that was received awaits its
// gradients; the update of a step happens once all cores have sent theirs, and the next
// step's lookups wait for it. With pipelining they wait for the update before that one,
// and the update waits for them: lookups are exactly one step stale. What would hang
// forever on a TPU ends with an error after `timeout_ms`.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>

#include "config.h"
#include "update.h"

namespace emulator {

struct Occurrence {
  int64_t id;
  int64_t row;  // Of the activations.
  double coefficient;
};

struct Batch {
  bool training = false;
  std::vector<std::vector<Occurrence>> features;
};

struct Shape {
  int64_t rows = 0;
  int64_t dim = 0;
};

// Parameters first, then slots, each [rows, dim].
using Matrices = std::vector<std::vector<float>>;

class Engine {
 public:
  static Engine& Get() {
    static Engine engine;
    return engine;
  }

  void Reset() {
    std::lock_guard<std::mutex> lock(mutex_);
    initialized_ = false;
    config_ = Config();
    tables_.clear();
    inbox_.clear();
    awaiting_.clear();
    pending_.clear();
    applied_ = 0;
    received_.clear();
    sent_.clear();
    timeout_ms = 20000;
    changed_.notify_all();
  }

  bool initialized() {
    std::lock_guard<std::mutex> lock(mutex_);
    return initialized_;
  }

  void Configure(const std::string& data) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (initialized_) throw std::runtime_error("the engine is already configured");
    data_ = data;
    config_ = ReadConfig(data);
    tables_.resize(config_.tables.size());
    inbox_.resize(config_.cores);
    awaiting_.resize(config_.cores);
    received_.assign(config_.cores, 0);
    sent_.assign(config_.cores, 0);
    initialized_ = true;
  }

  // The configuration that an op was given, or none, must be the engine's.
  const Config& Checked(const std::string& data) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!initialized_) throw std::runtime_error("the engine is not configured");
    if (!data.empty() && data != data_) {
      throw std::runtime_error("an op has another configuration than the engine");
    }
    return config_;
  }

  const Config& config() const { return config_; }

  int TableId(const std::string& name, const std::string& algorithm) const {
    for (size_t id = 0; id < config_.tables.size(); ++id) {
      if (config_.tables[id].name != name) continue;
      if (config_.tables[id].algorithm != algorithm) {
        throw std::runtime_error("table " + name + " has the optimizer " +
                                 config_.tables[id].algorithm + ", not " + algorithm);
      }
      return id;
    }
    throw std::runtime_error("no table has the name " + name);
  }

  Shape ShardShape(int table, int shard, int shards) const {
    if (shards != config_.hosts || shard < 0 || shard >= shards) {
      throw std::runtime_error("shard_id or num_shards does not fit the hosts");
    }
    const int64_t rows = config_.tables[table].rows;
    return {rows / shards + (shard < rows % shards), config_.tables[table].dim};
  }

  void Load(int table, int shard, const std::vector<const float*>& values) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto& config = config_.tables[table];
    Matrices& matrices = tables_[table];
    matrices.resize(values.size());
    const Shape shape = ShardShape(table, shard, config_.hosts);
    const int64_t first = FirstRow(table, shard) * config.dim;
    for (size_t slot = 0; slot < values.size(); ++slot) {
      matrices[slot].resize(config.rows * config.dim);
      std::copy(values[slot], values[slot] + shape.rows * shape.dim,
                matrices[slot].begin() + first);
    }
  }

  void Retrieve(int table, int shard, const std::vector<float*>& values) {
    std::lock_guard<std::mutex> lock(mutex_);
    Flush();
    const Shape shape = ShardShape(table, shard, config_.hosts);
    const int64_t first = FirstRow(table, shard) * shape.dim;
    for (size_t slot = 0; slot < values.size(); ++slot) {
      const auto& matrix = tables_[table].at(slot);
      std::copy(matrix.begin() + first,
                matrix.begin() + first + shape.rows * shape.dim, values[slot]);
    }
  }

  void Enqueue(int core, Batch batch) {
    std::lock_guard<std::mutex> lock(mutex_);
    inbox_.at(core).push_back(std::move(batch));
    changed_.notify_all();
  }

  int64_t Enqueued(int core) {
    std::lock_guard<std::mutex> lock(mutex_);
    return core < static_cast<int>(inbox_.size()) ? inbox_[core].size() : 0;
  }

  // Waits for the core's next batch and returns its activations, by feature.
  std::vector<std::vector<float>> Receive(int core) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto limit = std::chrono::milliseconds(timeout_ms);
    const bool ready = changed_.wait_for(lock, limit, [&] { return IsReady(core); });
    if (!ready) {
      throw std::runtime_error(
          inbox_.at(core).empty()
              ? "deadlock: no batch was enqueued for the core"
              : "deadlock: the step before still waits for its gradients");
    }
    Batch batch = std::move(inbox_[core].front());
    inbox_[core].pop_front();
    std::vector<std::vector<float>> activations;
    for (size_t f = 0; f < config_.features.size(); ++f) {
      activations.push_back(LookUp(config_.features[f], batch.features[f]));
    }
    if (batch.training) {
      awaiting_[core].push_back(std::move(batch));
      ++received_[core];
      if (config_.pipelined) ApplyStale();
    }
    changed_.notify_all();
    return activations;
  }

  void Send(int core, const std::vector<const float*>& gradients,
            const std::vector<float>& rates) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (awaiting_.at(core).empty()) {
      throw std::runtime_error(
          "gradients were sent for a core that received no training batch");
    }
    Batch batch = std::move(awaiting_[core].front());
    awaiting_[core].pop_front();
    Update& update = pending_[sent_[core]++];
    update.rates = rates;
    ++update.cores;
    for (size_t f = 0; f < batch.features.size(); ++f) {
      const int table = config_.features[f].table;
      const int64_t dim = config_.tables[table].dim;
      for (const Occurrence& o : batch.features[f]) {
        std::vector<double> part(dim);
        for (int64_t d = 0; d < dim; ++d) {
          part[d] = o.coefficient * gradients[f][o.row * dim + d];
        }
        update.parts.push_back({table, o.id, std::move(part)});
      }
    }
    if (config_.pipelined) {
      ApplyStale();
    } else {
      ApplyUpTo(applied_ + 1);
    }
    changed_.notify_all();
  }

  int timeout_ms = 20000;

 private:
  struct Part {
    int table;
    int64_t id;
    std::vector<double> gradient;
  };

  struct Update {
    int cores = 0;
    std::vector<float> rates;
    std::vector<Part> parts;
  };

  int64_t FirstRow(int table, int shard) const {
    int64_t row = 0;
    for (int s = 0; s < shard; ++s) row += ShardShape(table, s, config_.hosts).rows;
    return row;
  }

  bool IsReady(int core) {
    if (inbox_.at(core).empty()) return false;
    const int64_t step = received_[core];
    if (!inbox_[core].front().training) {
      if (applied_ < step) Flush();
      return applied_ >= step;
    }
    return applied_ >= (config_.pipelined ? step - 1 : step);
  }

  // With pipelining an update waits until all cores have looked the next step up.
  void ApplyStale() {
    const int64_t slowest = *std::min_element(received_.begin(), received_.end());
    ApplyUpTo(slowest - 1);
  }

  void Flush() { ApplyUpTo(INT64_MAX); }

  void ApplyUpTo(int64_t steps) {
    while (applied_ < steps && pending_.count(applied_) &&
           pending_[applied_].cores == config_.cores) {
      Apply(pending_[applied_]);
      pending_.erase(applied_++);
    }
  }

  void Apply(const Update& update) {
    std::vector<std::map<int64_t, std::vector<double>>> sums(config_.tables.size());
    for (const Part& part : update.parts) {
      const TableConfig& table = config_.tables[part.table];
      if (!table.accumulate) {
        UpdateRow(part.table, part.id, part.gradient, update.rates);
        continue;
      }
      auto& sum = sums[part.table][part.id];
      sum.resize(table.dim);
      for (int64_t d = 0; d < table.dim; ++d) sum[d] += part.gradient[d];
    }
    for (size_t id = 0; id < sums.size(); ++id) {
      const TableConfig& table = config_.tables[id];
      if (table.algorithm == "ADAM" && table.optimizer.Int(8)) {
        const std::vector<double> zero(table.dim);
        for (int64_t row = 0; row < table.rows; ++row) sums[id].emplace(row, zero);
      }
      for (const auto& [row, sum] : sums[id]) UpdateRow(id, row, sum, update.rates);
    }
  }

  void UpdateRow(int id, int64_t row, const std::vector<double>& gradient,
                 const std::vector<float>& rates) {
    const TableConfig& table = config_.tables[id];
    const double rate = table.dynamic_rate ? rates.at(table.rate_tag) : table.rate;
    for (int64_t d = 0; d < table.dim; ++d) {
      std::vector<double> values;
      for (const auto& matrix : tables_[id]) values.push_back(matrix[row * table.dim + d]);
      UpdateElement(table, rate, gradient[d], &values);
      for (size_t slot = 0; slot < values.size(); ++slot) {
        tables_[id][slot][row * table.dim + d] = values[slot];
      }
    }
  }

  std::vector<float> LookUp(const FeatureConfig& feature,
                            const std::vector<Occurrence>& occurrences) const {
    const TableConfig& table = config_.tables[feature.table];
    if (tables_[feature.table].empty()) {
      throw std::runtime_error("table " + table.name + " was not loaded");
    }
    int64_t rows = 1;
    for (const int64_t size : feature.shape) rows *= size;
    std::vector<double> sums(rows * table.dim);
    for (const Occurrence& o : occurrences) {
      for (int64_t d = 0; d < table.dim; ++d) {
        double value = tables_[feature.table][0][o.id * table.dim + d];
        if (table.quantized) {
          const double width = (table.upper - table.lower) / (table.buckets - 1);
          value = std::min(std::max(value, static_cast<double>(table.lower)),
                           static_cast<double>(table.upper));
          value = std::floor((value - table.lower) / width + 0.5) * width + table.lower;
        }
        sums[o.row * table.dim + d] += o.coefficient * value;
      }
    }
    return std::vector<float>(sums.begin(), sums.end());
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool initialized_ = false;
  std::string data_;
  Config config_;
  std::vector<Matrices> tables_;
  std::vector<std::deque<Batch>> inbox_, awaiting_;  // By core.
  std::vector<int64_t> received_, sent_;             // Training batches, by core.
  std::map<int64_t, Update> pending_;                // By step.
  int64_t applied_ = 0;
};

}  // namespace emulator
