#include "tables.h"

#include "row_loops.h"

namespace shardline {

absl::Status split_lookups(const tensorflow::Tensor& rows,
                           const tensorflow::Tensor& segments,
                           const tensorflow::Tensor& coefficients,
                           const tensorflow::Tensor& table_ends,
                           const std::vector<int64_t>& row_counts,
                           const std::vector<int64_t>& segment_counts,
                           std::vector<Lookup>* lookups) {
  const int64_t tables = row_counts.size();
  const int64_t count = rows.NumElements();
  if (rows.dims() != 1 || segments.dims() != 1 || coefficients.dims() != 1 ||
      table_ends.dims() != 1 || segments.NumElements() != count ||
      coefficients.NumElements() != count || table_ends.NumElements() != tables) {
    return absl::InvalidArgumentError(absl::StrCat(
        "rows, segments and coefficients must be vectors of one size and table_ends of ",
        tables, " tables, got ", rows.shape().DebugString(), ", ",
        segments.shape().DebugString(), ", ", coefficients.shape().DebugString(),
        " and ", table_ends.shape().DebugString(), "."));
  }
  const RowLoops& loops = row_loops();
  int64_t begin = 0;
  for (int64_t table = 0; table < tables; ++table) {
    const int64_t end = table_ends.flat<int64_t>()(table);
    if (end < begin || end > count || (table == tables - 1 && end != count)) {
      return absl::InvalidArgumentError(
          absl::StrCat("table_ends must ascend to ", count, ", got ",
                       table_ends.DebugString(tables), "."));
    }
    const Lookup lookup = {rows.flat<int32_t>().data() + begin,
                           segments.flat<int32_t>().data() + begin,
                           coefficients.flat<float>().data() + begin, end - begin};
    if (!loops.all_below(lookup.rows, lookup.count, row_counts[table])) {
      return absl::InvalidArgumentError(absl::StrCat(
          "Table ", table, ": rows must lie in [0, ", row_counts[table], ")."));
    }
    if (!loops.all_below(lookup.segments, lookup.count, segment_counts[table]) ||
        !loops.is_ascending(lookup.segments, lookup.count)) {
      return absl::InvalidArgumentError(
          absl::StrCat("Table ", table, ": segments must ascend within [0, ",
                       segment_counts[table], ")."));
    }
    lookups->push_back(lookup);
    begin = end;
  }
  return absl::OkStatus();
}

}  // namespace shardline
