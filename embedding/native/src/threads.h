// Runs kernels on TensorFlow's threads.
#pragma once

#include <atomic>
#include <memory>

#include "absl/synchronization/blocking_counter.h"
#include "parallel.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/lib/core/threadpool.h"

namespace shardline {

// Returns how the threads of an op's device share tasks.
//
// Threads take the next task when they are done with one, so that no thread waits for
// another with more to do. The caller works too, and does not wait for threads that are
// busy with other ops: it does then all tasks itself.
inline Parallel threads_of(tensorflow::OpKernelContext* context) {
  tensorflow::thread::ThreadPool* pool =
      context->device()->tensorflow_cpu_worker_threads()->workers;
  return [pool](int64_t tasks, int64_t cycles_per_task,
                const std::function<void(int64_t)>& work) {
    constexpr int64_t kWorthAThread = 50000;  // cycles
    const int64_t worthy = tasks * cycles_per_task / kWorthAThread;
    const int64_t helpers =
        std::min<int64_t>({pool->NumThreads(), tasks, worthy + 1}) - 1;
    if (helpers <= 0) return serial(tasks, cycles_per_task, work);
    // Helpers that start late outlive the call: they own what they read.
    struct Shared {
      Shared(int64_t tasks, const std::function<void(int64_t)>* work)
          : tasks(tasks), work(work), open(tasks) {}
      void run() {
        for (int64_t task; (task = next.fetch_add(1)) < tasks;) {
          (*work)(task);
          open.DecrementCount();
        }
      }
      const int64_t tasks;
      const std::function<void(int64_t)>* const work;
      std::atomic<int64_t> next{0};
      absl::BlockingCounter open;
    };
    auto shared = std::make_shared<Shared>(tasks, &work);
    for (int64_t i = 0; i < helpers; ++i) {
      pool->Schedule([shared] { shared->run(); });
    }
    shared->run();
    shared->open.Wait();
  };
}

}  // namespace shardline
