#include "partition.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

namespace shardline {
namespace {

// Ids and bags of a task together: some 20 microseconds of work.
constexpr int64_t kTaskSize = 8192;
constexpr int64_t kCyclesPerTask = kTaskSize * 8;
constexpr int64_t kShownWeights = 3;

// Weights whose largest in a bag lies between these are combined as they are: neither
// their sum nor that of their squares can leave float32.
constexpr uint32_t kLeastOrdinary = (127 - 45) << 23;  // 2^-45
constexpr uint32_t kMostOrdinary = (127 + 44) << 23;   // 2^44
// Others are first multiplied by one of these, which is exact, and changes no quotient.
constexpr float kOfTiny = 0x1p90f;
constexpr float kOfHuge = 0x1p-80f;

uint32_t bits_of(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Returns the bits of an absolute value, which compare as the values do. Denormal ones
// do not otherwise: TensorFlow has its threads take them for zeros.
uint32_t magnitude_of(float value) { return bits_of(value) & 0x7fffffffu; }

float scaled(float weight, float scale) {
  const uint32_t magnitude = magnitude_of(weight);
  if (scale != kOfTiny || magnitude >= 1u << 23) return weight * scale;
  const float value = static_cast<float>(magnitude) * 0x1p-59f;  // 2^-149 * 2^90
  return bits_of(weight) == magnitude ? value : -value;
}

bool is_usable(const FeaturePlan& plan, float weight) {
  constexpr uint32_t kMinusZero = 1u << 31;
  return std::isfinite(weight) &&
         (plan.combiner == Combiner::kSum || bits_of(weight) <= kMinusZero);
}

// Reads one feature's occurrences under its table's policy.
template <typename Id>
class Reader {
 public:
  Reader(const FeaturePlan& plan, const FeatureBags& bags, const Id* ids)
      : plan_(plan), bags_(bags), ids_(ids) {}

  int64_t begin(int64_t bag) const { return bags_.splits ? bags_.splits[bag] : bag; }

  // The end of what has activation rows.
  int64_t end(int64_t bag) const {
    if (bag >= bags_.row_bags) return begin(bag);
    const int64_t end = bags_.splits ? bags_.splits[bag + 1] : bag + 1;
    return bags_.kept ? std::min(end, begin(bag) + bags_.kept) : end;
  }

  int64_t position(int64_t place) const {
    return bags_.order ? bags_.order[place] : place;
  }

  float weight(int64_t position) const {
    return bags_.weights ? bags_.weights[position] : 1.0f;
  }

  // Returns the row of the id at a position, or -1 if the policy leaves it out.
  int64_t row(int64_t position) const {
    if (bags_.weights && plan_.validate && !is_usable(plan_, weight(position))) {
      return -1;
    }
    const int64_t id = ids_[position];
    if (id >= 0 && id < plan_.vocabulary_size) return id;
    return plan_.policy == Policy::kOovRow ? plan_.vocabulary_size - 1 : -1;
  }

  // How the weights of a bag become coefficients.
  struct Norm {
    float scale;    // what each is multiplied by first: a power of two
    float divisor;  // what it is divided by then, 0 if the bag has no weight
  };

  Norm norm(int64_t bag) const {
    if (plan_.combiner == Combiner::kSum || !bags_.combine) return {1.0f, 1.0f};
    const bool is_mean = plan_.combiner == Combiner::kMean;
    const float scale = bags_.weights ? scale_of(bag) : 1.0f;
    float total = 0;
    const int64_t last = end(bag);
    for (int64_t place = begin(bag); place < last; ++place) {
      const int64_t at = position(place);
      if (row(at) < 0) continue;
      const float value = scaled(weight(at), scale);
      total += is_mean ? value : value * value;
    }
    return {scale, is_mean ? total : std::sqrt(total)};
  }

  float coefficient(int64_t position, const Norm& norm) const {
    if (!bags_.combine) return 1.0f;
    if (plan_.combiner == Combiner::kSum) return weight(position);
    return norm.divisor == 0 ? 0.0f
                             : scaled(weight(position), norm.scale) / norm.divisor;
  }

  // Returns the coefficient of each of `count` ids of a bag without weights.
  float equal_coefficient(int64_t count) const {
    if (!bags_.combine || plan_.combiner == Combiner::kSum || count == 0) return 1.0f;
    const auto total = static_cast<float>(count);
    return 1.0f / (plan_.combiner == Combiner::kMean ? total : std::sqrt(total));
  }

  int64_t segment(int64_t bag, int64_t place) const {
    return plan_.first_segment +
           (bags_.kept ? bag * bags_.kept + place - begin(bag) : bag);
  }

 private:
  float scale_of(int64_t bag) const {
    uint32_t largest = 0;
    const int64_t last = end(bag);
    for (int64_t place = begin(bag); place < last; ++place) {
      const int64_t at = position(place);
      if (row(at) >= 0) largest = std::max(largest, magnitude_of(weight(at)));
    }
    if (largest < kLeastOrdinary) return kOfTiny;
    return largest > kMostOrdinary ? kOfHuge : 1.0f;
  }

  const FeaturePlan& plan_;
  const FeatureBags& bags_;
  const Id* ids_;
};

// Tells whether all ids lie in [0, limit).
template <typename Id>
bool all_below(const Id* ids, int64_t count, int64_t limit) {
  uint64_t largest = 0;  // what is negative is large as an unsigned number
  for (int64_t i = 0; i < count; ++i) {
    largest = std::max(largest, static_cast<uint64_t>(int64_t{ids[i]}));
  }
  return count == 0 || largest < static_cast<uint64_t>(limit);
}

// Which host holds a row. Tables have few hosts: comparing with all beats a search.
int64_t host_of(const std::vector<int64_t>& first_rows, int64_t row) {
  int64_t host = 0;
  for (size_t h = 1; h < first_rows.size(); ++h) host += row >= first_rows[h];
  return host;
}

}  // namespace

Partition::Partition(const std::vector<FeaturePlan>& plans,
                     const std::vector<FeatureBags>& bags,
                     const std::vector<TableRanges>& tables, int64_t hosts)
    : plans_(plans), bags_(bags), tables_(tables), hosts_(hosts), ends_(hosts) {
  for (const TableRanges& table : tables) {
    for (const int64_t feature : table.features) add_tasks(feature);
  }
  counts_.resize(tasks_.size() * hosts_);
}

void Partition::add_tasks(int64_t feature) {
  const FeatureBags& bags = bags_[feature];
  int64_t bag = 0;
  while (bag < bags.bags) {
    const int64_t first = bag;
    bag = std::min(bag + kTaskSize, bags.bags);
    if (bags.splits) {
      const int64_t* stop = std::upper_bound(bags.splits + first, bags.splits + bag,
                                             bags.splits[first] + kTaskSize);
      bag = std::max(first + 1, stop - bags.splits - 1);
    }
    tasks_.push_back({feature, first, bag});
  }
}

std::string Partition::count(const Parallel& parallel) {
  std::vector<Fault> faults(tasks_.size(), Fault::kNone);
  parallel(tasks_.size(), kCyclesPerTask, [&](int64_t t) {
    const FeatureBags& bags = bags_[tasks_[t].feature];
    int64_t* counts = counts_.data() + t * hosts_;
    faults[t] = bags.ids32 ? count_task(tasks_[t], bags.ids32, counts)
                           : count_task(tasks_[t], bags.ids64, counts);
  });
  for (size_t t = 0; t < tasks_.size(); ++t) {
    if (faults[t] != Fault::kNone) return message(tasks_[t].feature, faults[t]);
  }
  // Tables follow each other on each host, tasks within a table: sums of what is before.
  std::vector<int64_t> next(hosts_);
  size_t t = 0;
  for (size_t table = 0; table < tables_.size(); ++table) {
    for (; t < tasks_.size() && plans_[tasks_[t].feature].table ==
                                    static_cast<int64_t>(table); ++t) {
      for (int64_t host = 0; host < hosts_; ++host) {
        const int64_t count = counts_[t * hosts_ + host];
        counts_[t * hosts_ + host] = next[host];
        next[host] += count;
      }
    }
    for (size_t host = 0; host < tables_[table].first_rows.size(); ++host) {
      ends_[host].push_back(next[host]);
    }
  }
  return "";
}

bool Partition::is_plain(const Task& task) const {
  const FeaturePlan& plan = plans_[task.feature];
  const FeatureBags& bags = bags_[task.feature];
  const bool refuses = plan.policy == Policy::kError || !plan.validate;
  return refuses && !bags.weights && !bags.order && !bags.kept &&
         task.end_bag <= bags.row_bags;
}

template <typename Id>
Partition::Fault Partition::count_task(const Task& task, const Id* ids,
                                       int64_t* counts) const {
  const FeaturePlan& plan = plans_[task.feature];
  const FeatureBags& bags = bags_[task.feature];
  const std::vector<int64_t>& first_rows = tables_[plan.table].first_rows;
  const Reader<Id> reader(plan, bags, ids);
  // What is not validated is still never read outside of its table.
  const bool refuses = plan.policy == Policy::kError || !plan.validate;
  if (is_plain(task)) {
    const int64_t first = reader.begin(task.first_bag);
    const int64_t end = reader.end(task.end_bag - 1);
    if (!all_below(ids + first, end - first, plan.vocabulary_size)) return Fault::kId;
    if (first_rows.size() == 1) {
      counts[0] = end - first;
    } else {
      for (int64_t i = first; i < end; ++i) ++counts[host_of(first_rows, ids[i])];
    }
    return Fault::kNone;
  }
  for (int64_t bag = task.first_bag; bag < task.end_bag; ++bag) {
    const int64_t end = bags.splits ? bags.splits[bag + 1] : bag + 1;
    const int64_t end_of_rows = reader.end(bag);
    for (int64_t place = reader.begin(bag); place < end; ++place) {
      const int64_t at = reader.position(place);
      const int64_t row = reader.row(at);
      const bool is_outside = ids[at] < 0 || ids[at] >= plan.vocabulary_size;
      if (refuses && is_outside) return Fault::kId;
      if (refuses && row < 0) return Fault::kWeight;
      if (row >= 0 && place < end_of_rows) ++counts[host_of(first_rows, row)];
    }
  }
  return Fault::kNone;
}

std::vector<int64_t> Partition::table_ends(int64_t host) const { return ends_[host]; }

void Partition::write(const std::vector<HostLookups>& lookups,
                      const Parallel& parallel) const {
  parallel(tasks_.size(), kCyclesPerTask, [&](int64_t t) {
    const int64_t* counts = counts_.data() + t * hosts_;
    const FeatureBags& bags = bags_[tasks_[t].feature];
    const std::vector<int64_t> starts(counts, counts + hosts_);
    bags.ids32 ? write_task(tasks_[t], bags.ids32, lookups, starts)
               : write_task(tasks_[t], bags.ids64, lookups, starts);
  });
}

template <typename Id>
void Partition::write_task(const Task& task, const Id* ids,
                           const std::vector<HostLookups>& lookups,
                           std::vector<int64_t> starts) const {
  const FeaturePlan& plan = plans_[task.feature];
  const std::vector<int64_t>& first_rows = tables_[plan.table].first_rows;
  const Reader<Id> reader(plan, bags_[task.feature], ids);
  const HostLookups* hosts = lookups.data();
  int64_t* next = starts.data();
  if (is_plain(task)) return write_plain_task(task, ids, hosts, next);
  for (int64_t bag = task.first_bag; bag < task.end_bag; ++bag) {
    const auto norm = reader.norm(bag);
    const int64_t end = reader.end(bag);
    for (int64_t place = reader.begin(bag); place < end; ++place) {
      const int64_t at = reader.position(place);
      const int64_t row = reader.row(at);
      if (row < 0) continue;
      const int64_t host = host_of(first_rows, row);
      const int64_t to = next[host]++;
      const HostLookups& target = hosts[host];
      target.rows[to] = static_cast<int32_t>(row - first_rows[host]);
      target.segments[to] = static_cast<int32_t>(reader.segment(bag, place));
      target.coefficients[to] = reader.coefficient(at, norm);
    }
  }
}

template <typename Id>
void Partition::write_plain_task(const Task& task, const Id* ids,
                                 const HostLookups* hosts, int64_t* next) const {
  const FeaturePlan& plan = plans_[task.feature];
  const std::vector<int64_t>& first_rows = tables_[plan.table].first_rows;
  const Reader<Id> reader(plan, bags_[task.feature], ids);
  for (int64_t bag = task.first_bag; bag < task.end_bag; ++bag) {
    const int64_t begin = reader.begin(bag), end = reader.end(bag);
    const float coefficient = reader.equal_coefficient(end - begin);
    const auto segment = static_cast<int32_t>(reader.segment(bag, begin));
    if (first_rows.size() == 1) {
      const int64_t to = next[0] - begin;
      for (int64_t i = begin; i < end; ++i) {
        hosts[0].rows[to + i] = static_cast<int32_t>(ids[i]);
        hosts[0].segments[to + i] = segment;
        hosts[0].coefficients[to + i] = coefficient;
      }
      next[0] += end - begin;
      continue;
    }
    for (int64_t i = begin; i < end; ++i) {
      const int64_t host = host_of(first_rows, ids[i]);
      const int64_t to = next[host]++;
      hosts[host].rows[to] = static_cast<int32_t>(ids[i] - first_rows[host]);
      hosts[host].segments[to] = segment;
      hosts[host].coefficients[to] = coefficient;
    }
  }
}

std::string Partition::message(int64_t feature, Fault fault) const {
  return fault == Fault::kId ? id_message(feature) : weight_message(feature);
}

std::string Partition::id_message(int64_t feature) const {
  const FeaturePlan& plan = plans_[feature];
  const FeatureBags& bags = bags_[feature];
  auto id_at = [&](int64_t i) {
    return bags.ids32 ? int64_t{bags.ids32[i]} : bags.ids64[i];
  };
  int64_t smallest = id_at(0), largest = id_at(0);
  for (int64_t i = 1; i < bags.id_count; ++i) {
    smallest = std::min(smallest, id_at(i));
    largest = std::max(largest, id_at(i));
  }
  std::ostringstream text;
  text << "Feature '" << plan.path << "': ids of table '" << plan.table_name
       << "' must lie in [0, " << plan.vocabulary_size << "), got ids from " << smallest
       << " to " << largest
       << ". Mend the preprocessing, or give the table the policy drop or oov_row.";
  return text.str();
}

std::string Partition::weight_message(int64_t feature) const {
  const FeaturePlan& plan = plans_[feature];
  const FeatureBags& bags = bags_[feature];
  const char* combiner = plan.combiner == Combiner::kSum    ? "sum"
                         : plan.combiner == Combiner::kMean ? "mean"
                                                            : "sqrtn";
  std::ostringstream text;
  text << "Feature '" << plan.path << "': weights under the combiner " << combiner
       << " must be finite"
       << (plan.combiner == Combiner::kSum ? "" : " and not negative") << ", got [";
  int64_t shown = 0;
  for (int64_t i = 0; i < bags.id_count && shown <= kShownWeights; ++i) {
    if (is_usable(plan, bags.weights[i])) continue;
    text << (shown ? ", " : "");
    shown < kShownWeights ? text << bags.weights[i] : text << "...";
    ++shown;
  }
  text << "]. Mend the preprocessing, or give the table the policy drop or oov_row.";
  return text.str();
}

}  // namespace shardline
