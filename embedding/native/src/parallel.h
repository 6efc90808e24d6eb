// How the kernels share work among threads: whoever calls them says.
#pragma once

#include <cstdint>
#include <functional>

namespace shardline {

// Calls work(task) once for each task in [0, tasks), in any order, on any threads, and
// returns when all are done. No result depends on who runs what.
using Parallel = std::function<void(int64_t tasks, int64_t cycles_per_task,
                                    const std::function<void(int64_t)>& work)>;

inline void serial(int64_t tasks, int64_t /*cycles_per_task*/,
                   const std::function<void(int64_t)>& work) {
  for (int64_t task = 0; task < tasks; ++task) work(task);
}

}  // namespace shardline
