// Chooses the loops for the processor that the library is loaded on.
#include "row_loops.h"

namespace shardline {

namespace baseline {
extern const RowLoops kRowLoops;
}
#if defined(__x86_64__)
namespace avx2 {
extern const RowLoops kRowLoops;
}
namespace avx512 {
extern const RowLoops kRowLoops;
}
#endif

const RowLoops& row_loops() {
#if defined(__x86_64__)
  static const RowLoops& chosen =
      __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
          ? avx512::kRowLoops
      : __builtin_cpu_supports("avx2") ? avx2::kRowLoops
                                       : baseline::kRowLoops;
  return chosen;
#else
  return baseline::kRowLoops;
#endif
}

}  // namespace shardline
