// Takes a place in a file over a system whose fallocate is interrupted at first.
#include <fcntl.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "copy_room.h"

int interruptions = 3;

extern "C" {
int __real_posix_fallocate(int file, off_t offset, off_t size);
int __wrap_posix_fallocate(int file, off_t offset, off_t size) {
  if (interruptions-- > 0) return EINTR;
  return __real_posix_fallocate(file, offset, size);
}
}

int main(int, char** argv) {
  shardline::CopyRoom room(0, argv[1]);
  const char kept[] = "a row";
  char read[sizeof(kept)] = {};
  const int64_t place = room.take_place(sizeof(kept));
  const bool is_kept = place >= 0 && room.write(place, kept, sizeof(kept)) &&
                       room.read(place, read, sizeof(kept));
  std::printf("%s|%d", is_kept ? read : "lost", room.failure().number);
  return 0;
}
