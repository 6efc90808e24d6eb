// Writes a file as a host writes its shard; told how the system calls below it behave.
//
//   driver <path> <bytes> [direct] [full] [short]
//
// direct: open refuses O_DIRECT. full: the disk is full after a megabyte.
// short: writes stop halfway, at odd places, and are interrupted.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "shard_file.h"

namespace {

bool refuses_direct = false, is_full = false, is_short = false;
int writes = 0, syncs = 0;

char byte_at(int64_t i) { return static_cast<char>(i * 2654435761u >> 13); }

}  // namespace

extern "C" {

int __real_open(const char* path, int flags, ...);
ssize_t __real_pwrite(int file, const void* from, size_t size, off_t offset);
int __real_fdatasync(int file);

int __wrap_open(const char* path, int flags, ...) {
  if (refuses_direct && (flags & O_DIRECT)) return errno = EINVAL, -1;
  return __real_open(path, flags, 0666);
}

ssize_t __wrap_pwrite(int file, const void* from, size_t size, off_t offset) {
  if (is_full && offset + size > 1 << 20) return errno = ENOSPC, -1;
  if (is_short && ++writes % 3 == 0) return errno = EINTR, -1;
  if (is_short && size > 1) size = writes % 2 ? size / 2 : (size / 2 | 1);
  return __real_pwrite(file, from, size, offset);
}

int __wrap_fdatasync(int file) {
  ++syncs;
  return __real_fdatasync(file);
}

}  // extern "C"

int main(int argc, char** argv) {
  for (int i = 3; i < argc; ++i) {
    refuses_direct |= !std::strcmp(argv[i], "direct");
    is_full |= !std::strcmp(argv[i], "full");
    is_short |= !std::strcmp(argv[i], "short");
  }
  const int64_t bytes = std::atoll(argv[2]);
  constexpr int64_t kLargest = 5'000'001;
  shardline::ShardFile file(argv[1], kLargest);
  shardline::Failure failure = file.open(bytes);
  // Of sizes from nothing to the largest.
  for (int64_t size = 0; !failure && file.size() < bytes; size = (size * 3 + 1)) {
    const int64_t part = std::min(size % (kLargest + 1), bytes - file.size());
    char* const room = file.room(part);
    for (int64_t i = 0; i < part; ++i) room[i] = byte_at(file.size() + i);
    file.commit(part);
  }
  if (!failure) failure = file.finish();
  std::printf("%s|%d|%d\n", failure.what.c_str(), failure.number, syncs);
  return 0;
}
