#include "shard_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <system_error>
#include <utility>

#include "crash_point.h"

namespace shardline {
namespace {

// What O_DIRECT asks of addresses, offsets and sizes on any usual disk.
constexpr int64_t kAlignment = 4096;
// Less than this is written only at the end.
constexpr int64_t kWriteBytes = 4 << 20;
// Through the page cache, so many bytes at most are not on the disk.
constexpr int64_t kUnsyncedBytes = 32 << 20;

int64_t round_up(int64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

ShardFile::ShardFile(std::string path, int64_t largest)
    : path_(std::move(path)),
      capacity_(round_up(std::max(largest, kWriteBytes) + kAlignment)) {}

ShardFile::~ShardFile() {
  stop();
  if (file_ >= 0) close(file_);
}

Failure ShardFile::open(int64_t bytes) {
  for (Buffer& buffer : buffers_) {
    buffer.reset(static_cast<char*>(std::aligned_alloc(kAlignment, capacity_)));
    if (!buffer) return {ENOMEM, "allocate buffers to write " + path_};
  }
  crash_point("shard_open");
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  file_ = ::open(path_.c_str(), kFlags | O_DIRECT, 0666);
  if (file_ < 0 && errno == EINVAL) {
    is_direct_ = false;
    file_ = ::open(path_.c_str(), kFlags, 0666);
  }
  if (file_ < 0) return failure_of("open", path_);
  crash_point("shard_opened");
  if (Failure failure = allocate(bytes)) return failure;
  try {
    writer_ = std::thread([this] { write_in_turn(); });
  } catch (const std::system_error&) {
    return {EAGAIN, "start a thread to write " + path_};
  }
  return {};
}

// A full disk is known before anything is written, and the file lies in one piece.
Failure ShardFile::allocate(int64_t bytes) {
  if (bytes == 0 || fallocate(file_, FALLOC_FL_KEEP_SIZE, 0, bytes) == 0) return {};
  if (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINTR ||
      errno == ENODEV) {
    return {};
  }
  return failure_of("allocate", path_);
}

char* ShardFile::room(int64_t size) {
  if (used_ + size > capacity_) hand_over();
  return buffers_[filled_].get() + used_;
}

void ShardFile::commit(int64_t size) {
  used_ += size;
  if (used_ >= kWriteBytes) hand_over();
}

Failure ShardFile::failure() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

// Has the full part of the buffer written, and goes on in the other one.
void ShardFile::hand_over() {
  const int64_t full = used_ / kAlignment * kAlignment;
  const char* from = buffers_[filled_].get();
  std::unique_lock<std::mutex> lock(mutex_);
  // The other buffer is free once nothing is pending.
  changed_.wait(lock, [this] { return pending_ == nullptr; });
  filled_ = 1 - filled_;
  std::memcpy(buffers_[filled_].get(), from + full, used_ - full);
  if (full > 0) {
    pending_ = from;
    pending_size_ = full;
    pending_offset_ = start_;
    changed_.notify_all();
  }
  start_ += full;
  used_ -= full;
}

void ShardFile::write_in_turn() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return pending_ != nullptr || is_stopped_; });
    if (pending_ == nullptr) return;
    if (!failure_) {
      const char* from = pending_;
      const int64_t size = pending_size_, offset = pending_offset_;
      lock.unlock();
      Failure failure = write(from, size, offset);
      lock.lock();
      failure_ = std::move(failure);
    }
    pending_ = nullptr;
    changed_.notify_all();
  }
}

Failure ShardFile::write(const char* from, int64_t size, int64_t offset) {
  crash_point("shard_write");
  while (size > 0) {
    const ssize_t written = pwrite(file_, from, size, offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EINVAL && is_direct_) {
      if (Failure failure = leave_direct()) return failure;
      continue;
    }
    if (written == 0) errno = EIO;
    if (written <= 0) return failure_of("write", path_);
    from += written;
    size -= written;
    offset += written;
    unsynced_ += written;
  }
  crash_point("shard_written");
  if (!is_direct_ && unsynced_ >= kUnsyncedBytes) {
    if (fdatasync(file_)) return failure_of("sync", path_);
    unsynced_ = 0;
  }
  return {};
}

// Goes on through the page cache.
Failure ShardFile::leave_direct() {
  const int flags = fcntl(file_, F_GETFL);
  if (flags < 0 || fcntl(file_, F_SETFL, flags & ~O_DIRECT)) {
    return failure_of("write", path_);
  }
  is_direct_ = false;
  return {};
}

Failure ShardFile::finish() {
  hand_over();
  stop();
  if (failure_) return failure_;
  // Less than O_DIRECT could write.
  if (used_ > 0) {
    if (is_direct_) {
      if (Failure failure = leave_direct()) return failure;
    }
    if (Failure failure = write(buffers_[filled_].get(), used_, start_)) return failure;
  }
  crash_point("shard_fsync");
  if (fsync(file_)) return failure_of("sync", path_);
  crash_point("shard_fsynced");
  const int file = std::exchange(file_, -1);
  if (close(file)) return failure_of("close", path_);
  return {};
}

void ShardFile::stop() {
  if (!writer_.joinable()) return;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_stopped_ = true;
  }
  changed_.notify_all();
  writer_.join();
}

}  // namespace shardline
