#include "copy_room.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "crash_point.h"

namespace shardline {
namespace {

// The file grows by so much at least.
constexpr int64_t kExtent = 16 << 20;

}  // namespace

CopyRoom::CopyRoom(int64_t memory_limit, std::string folder)
    : memory_limit_(memory_limit), folder_(std::move(folder)) {}

CopyRoom::~CopyRoom() {
  if (file_ >= 0) close(file_);
}

char* CopyRoom::take_memory(int64_t size) {
  if (memory_.fetch_add(size) + size <= memory_limit_) {
    if (auto* memory = static_cast<char*>(std::malloc(size))) return memory;
  }
  memory_ -= size;
  return nullptr;
}

void CopyRoom::give_memory(char* memory, int64_t size) {
  std::free(memory);
  memory_ -= size;
}

int64_t CopyRoom::take_place(int64_t size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<int64_t>& places = free_places_[size];
  if (!places.empty()) {
    const int64_t place = places.back();
    places.pop_back();
    return place;
  }
  Failure failure;
  if (file_ < 0) failure = open();
  if (!failure && end_ + size > allocated_) {
    crash_point("copies_allocate");
    const int64_t extent = std::max(size, kExtent);
    do {
      failure.number = posix_fallocate(file_, allocated_, extent);
    } while (failure.number == EINTR);
    if (failure) {
      failure.what = "find room for copies of rows in " + folder_;
    } else {
      allocated_ += extent;
    }
  }
  if (failure) {
    if (!failure_) failure_ = std::move(failure);
    has_failed_ = true;
    return -1;
  }
  return std::exchange(end_, end_ + size);
}

void CopyRoom::give_place(int64_t place, int64_t size) {
  const std::lock_guard<std::mutex> lock(mutex_);
  free_places_[size].push_back(place);
}

bool CopyRoom::write(int64_t place, const void* from, int64_t size) {
  const auto* bytes = static_cast<const char*>(from);
  while (size > 0) {
    const ssize_t done = pwrite(file_, bytes, size, place);
    if (done < 0 && errno == EINTR) continue;
    if (done == 0) errno = EIO;
    if (done <= 0) {
      fail(failure_of("write copies of rows in", folder_));
      return false;
    }
    bytes += done;
    size -= done;
    place += done;
  }
  return true;
}

bool CopyRoom::read(int64_t place, void* to, int64_t size) {
  auto* bytes = static_cast<char*>(to);
  while (size > 0) {
    const ssize_t done = pread(file_, bytes, size, place);
    if (done < 0 && errno == EINTR) continue;
    if (done == 0) errno = EIO;
    if (done <= 0) {
      fail(failure_of("read copies of rows in", folder_));
      return false;
    }
    bytes += done;
    size -= done;
    place += done;
  }
  return true;
}

Failure CopyRoom::failure() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

void CopyRoom::fail(Failure failure) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!failure_) failure_ = std::move(failure);
  has_failed_ = true;
}

Failure CopyRoom::open() {
  file_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ >= 0) return {};
  // Not every file system has files without a name.
  std::string name = folder_ + "/.copies-XXXXXX";
  file_ = mkostemp(name.data(), O_CLOEXEC);
  if (file_ < 0) return failure_of("open a file for copies of rows in", folder_);
  if (unlink(name.c_str())) return failure_of("unlink", name);
  return {};
}

}  // namespace shardline
