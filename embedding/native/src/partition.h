// From the features of a batch to the lookups that each host answers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "parallel.h"

namespace shardline {

enum class Combiner : int64_t { kSum, kMean, kSqrtN };
// What a table does with ids and weights it cannot use: embedding/config/policies.py.
enum class Policy : int64_t { kError, kDrop, kOovRow };

// What is known of a feature before its batches.
struct FeaturePlan {
  std::string path, table_name;
  int64_t table;
  int64_t vocabulary_size;
  int64_t first_segment;  // of the table's stacked activations
  Combiner combiner;
  Policy policy;
  bool validate;  // whether ids and weights are checked; ids always stay in the table
};

// One feature's ids as bags: bag b holds the positions splits[b] to splits[b + 1].
struct FeatureBags {
  const int32_t* ids32;   // ids of either type, the other is null
  const int64_t* ids64;
  int64_t id_count;
  const int64_t* splits;  // [bags + 1]; null: every id is a bag
  const int64_t* order;   // positions in the order of the bags; null: as they stand
  const float* weights;   // null: 1
  int64_t bags;
  int64_t row_bags;       // bags with activation rows; ids of the others are only checked
  // 0: a bag is one activation row. Otherwise each of its first `kept` ids has a row.
  int64_t kept;
  bool combine;           // whether weights and combiner count; else coefficients are 1
};

// Where the lookups of one host are written, those of its tables one after the other.
struct HostLookups {
  int32_t *rows, *segments;
  float* coefficients;
};

// The rows of a table: host h holds [first_rows[h], first_rows[h + 1]).
struct TableRanges {
  std::vector<int64_t> first_rows;
  std::vector<int64_t> features;  // by first segment
};

// Plans where every occurrence of an id goes, then writes all of them.
class Partition {
 public:
  Partition(const std::vector<FeaturePlan>& plans,
            const std::vector<FeatureBags>& bags,
            const std::vector<TableRanges>& tables, int64_t hosts);

  // Checks and counts. Returns what is wrong with the first feature that is refused.
  std::string count(const Parallel& parallel);

  // Where the lookup of each table ends on a host: [tables that have rows there].
  std::vector<int64_t> table_ends(int64_t host) const;

  // Writes what was counted. A host has room for as many entries as the end of its
  // last table says.
  void write(const std::vector<HostLookups>& lookups, const Parallel& parallel) const;

 private:
  // Some bags of one feature: one thread's work.
  struct Task {
    int64_t feature, first_bag, end_bag;
  };
  enum class Fault : int8_t { kNone, kId, kWeight };

  // Whether every id of a task has a row or is refused, and weighs the same as the rest
  // of its bag: the usual case, with the shortest loops.
  bool is_plain(const Task& task) const;
  template <typename Id>
  Fault count_task(const Task& task, const Id* ids, int64_t* counts) const;
  template <typename Id>
  void write_task(const Task& task, const Id* ids,
                  const std::vector<HostLookups>& lookups,
                  std::vector<int64_t> starts) const;
  template <typename Id>
  void write_plain_task(const Task& task, const Id* ids, const HostLookups* hosts,
                        int64_t* next) const;
  void add_tasks(int64_t feature);
  std::string message(int64_t feature, Fault fault) const;
  std::string id_message(int64_t feature) const;
  std::string weight_message(int64_t feature) const;

  const std::vector<FeaturePlan>& plans_;
  const std::vector<FeatureBags>& bags_;
  const std::vector<TableRanges>& tables_;
  const int64_t hosts_;
  std::vector<Task> tasks_;      // by table, feature and bag
  std::vector<int64_t> counts_;  // [tasks, hosts]; then where each task begins to write on a host
  std::vector<std::vector<int64_t>> ends_;  // [hosts, tables there]
};

}  // namespace shardline
