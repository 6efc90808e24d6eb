// The data file of one host's shard: written from two buffers, past the page cache.
//
// What a save writes is not read again soon: in the page cache it would drive out what
// training needs, and be written in one burst at the end. O_DIRECT avoids both. Where a
// file system refuses it, the file is written through the cache and synced now and then.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "failure.h"

namespace shardline {

class ShardFile {
 public:
  // `largest`: the most bytes that are asked for at once.
  ShardFile(std::string path, int64_t largest);
  // Ends the writing thread; what was not finished is no whole file.
  ~ShardFile();

  // Creates the file, with room on the disk for so many bytes if that can be had.
  Failure open(int64_t bytes);

  // Returns memory for the next bytes of the file; waits while both buffers are full.
  char* room(int64_t size);
  // Hands over that memory, filled.
  void commit(int64_t size);
  // How many bytes were committed.
  int64_t size() const { return start_ + used_; }
  // What has failed so far, if anything. Nothing is written from then on.
  Failure failure();

  // Writes what is left and syncs: the bytes are durable if nothing failed.
  Failure finish();

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  using Buffer = std::unique_ptr<char, Free>;

  void hand_over();
  void write_in_turn();
  Failure write(const char* from, int64_t size, int64_t offset);
  Failure allocate(int64_t bytes);
  Failure leave_direct();
  void stop();

  const std::string path_;
  const int64_t capacity_;
  Buffer buffers_[2];
  int file_ = -1;
  bool is_direct_ = true;
  int64_t unsynced_ = 0;  // bytes in the page cache; the writing thread's

  // Of whoever fills: the buffer, where in the file it begins, and how full it is.
  int filled_ = 0;
  int64_t start_ = 0, used_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  // What waits to be written, or is being written: at most one buffer.
  const char* pending_ = nullptr;
  int64_t pending_size_ = 0, pending_offset_ = 0;
  bool is_stopped_ = false;
  Failure failure_;
  std::thread writer_;
};

}  // namespace shardline
