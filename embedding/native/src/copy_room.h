// Where copies of rows lie while a set is written: memory up to a limit, then a file.
//
// The file has no name, so that a killed process leaves none behind, and has its place on
// the disk before anything is written to it.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "failure.h"

namespace shardline {

// The room of all tables of a host for one set. Any thread may call anything.
class CopyRoom {
 public:
  CopyRoom(int64_t memory_limit, std::string folder);
  ~CopyRoom();

  // Returns memory, or null once the limit is reached.
  char* take_memory(int64_t size);
  void give_memory(char* memory, int64_t size);

  // Returns a place in the file; negative if there is none.
  int64_t take_place(int64_t size);
  void give_place(int64_t place, int64_t size);
  // Returns whether all went well.
  bool write(int64_t place, const void* from, int64_t size);
  bool read(int64_t place, void* to, int64_t size);

  // Copies are of no more use once one could not be kept.
  bool has_failed() const { return has_failed_.load(std::memory_order_relaxed); }
  Failure failure();
  void fail(Failure failure);

  int64_t spilled_bytes() const { return end_; }

 private:
  Failure open();

  const int64_t memory_limit_;
  const std::string folder_;
  std::atomic<int64_t> memory_{0};
  std::atomic<bool> has_failed_{false};
  std::mutex mutex_;
  Failure failure_;
  int file_ = -1;
  int64_t end_ = 0, allocated_ = 0;
  std::map<int64_t, std::vector<int64_t>> free_places_;  // by size
};

}  // namespace shardline
