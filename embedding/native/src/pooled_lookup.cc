#include "pooled_lookup.h"

#include <algorithm>

namespace shardline {
namespace {

// Activation rows and ids of a task together: some 10 microseconds of work.
constexpr int64_t kTaskSize = 2048;

int64_t first_at(const Lookup& lookup, int64_t segment) {
  const int32_t* end = lookup.segments + lookup.count;
  return std::lower_bound(lookup.segments, end, segment) - lookup.segments;
}

// Cuts a part into tasks of equal work: rows count, and so do their ids.
void add_tasks(const PooledTable& table, const ActivationPart& part, bool add,
               std::vector<PoolTask>* tasks) {
  const int64_t first_id = first_at(table.lookup, part.first_segment);
  const int64_t end_segment = part.first_segment + part.row_count;
  const int64_t end_id = first_at(table.lookup, end_segment);
  int64_t segment = part.first_segment, id = first_id;
  while (segment < end_segment) {
    // As many ids as fit, or as many rows without ids.
    int64_t stop_segment = std::min(segment + kTaskSize, end_segment);
    int64_t stop_id = std::min(id + kTaskSize, end_id);
    if (stop_id < end_id) {
      stop_segment = std::min<int64_t>(
          stop_segment,
          std::max<int64_t>(table.lookup.segments[stop_id], segment + 1));
    }
    stop_id = first_at(table.lookup, stop_segment);
    tasks->push_back({table.lookup, table.parameters, table.dim,
                      table.quantization, segment, stop_segment, id, stop_id,
                      part.values + (segment - part.first_segment) * table.dim, add});
    segment = stop_segment;
    id = stop_id;
  }
}

}  // namespace

void pooled_lookup(const std::vector<PooledTable>& tables, bool add,
                   const Parallel& parallel) {
  std::vector<PoolTask> tasks;
  int64_t numbers = 0;
  for (const PooledTable& table : tables) {
    numbers += table.lookup.count * table.dim;
    for (const ActivationPart& part : table.parts) add_tasks(table, part, add, &tasks);
  }
  if (tasks.empty()) return;
  const int64_t task_count = tasks.size();
  const RowLoops& loops = row_loops();
  parallel(task_count, 1000 + numbers / task_count,
           [&](int64_t task) { loops.pool(tasks[task]); });
}

}  // namespace shardline
