/* Records what a process does to the files below one folder, in order, with the data.

   Loaded by LD_PRELOAD. SHARDLINE_RECORD_ROOT is the folder, SHARDLINE_RECORD_LOG the
   log. Each record is a line, `operation number number number path`, and the data of a
   write after it; `disk_log.py` reads it. One lock holds a call and its record together,
   so that the order of the log is the order of what happened.

   What a stream of stdio has not flushed is not yet written: TensorFlow writes so. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FDS 4096
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char root[PATH_MAX];
static int log_fd = -1;
static char tracked[MOST_FDS];
static struct {
  FILE *stream;
  size_t size; /* what is written to it and not flushed */
} pending[MOST_FDS];

static void write_all(const void *bytes, size_t size) {
  const char *next = bytes;
  while (size > 0) {
    ssize_t done = REAL(write)(log_fd, next, size);
    if (done < 0) abort();
    next += done;
    size -= (size_t)done;
  }
}

__attribute__((constructor)) static void start(void) {
  const char *folder = getenv("SHARDLINE_RECORD_ROOT");
  const char *log = getenv("SHARDLINE_RECORD_LOG");
  if (!folder || !log || !realpath(folder, root)) return;
  log_fd = REAL(open)(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log_fd < 0) abort();
}

static void record(const char *operation, long a, long b, long c, const char *path) {
  char line[2 * PATH_MAX + 128];
  int size = snprintf(line, sizeof line, "%s %ld %ld %ld %s\n", operation, a, b, c, path);
  write_all(line, (size_t)size);
}

/* Puts the path below the root into `below`; false if it is elsewhere. Of a path only
   its folder need exist. */
static int is_recorded(int folder_fd, const char *path, char *below) {
  if (log_fd < 0) return 0;
  char whole[2 * PATH_MAX], folder[PATH_MAX], base[PATH_MAX];
  if (path[0] == '/' || folder_fd == AT_FDCWD) {
    snprintf(whole, sizeof whole, "%s", path);
  } else {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder_fd);
    ssize_t size = readlink(link, base, sizeof base - 1);
    if (size < 0) return 0;
    base[size] = 0;
    snprintf(whole, sizeof whole, "%s/%s", base, path);
  }
  size_t end = strlen(whole);
  while (end > 1 && whole[end - 1] == '/') whole[--end] = 0;
  if (realpath(whole, folder) && strcmp(folder, root) == 0) {
    strcpy(below, ".");
    return 1;
  }
  char *name = strrchr(whole, '/');
  char start_of[PATH_MAX] = ".";
  if (name) {
    snprintf(start_of, sizeof start_of, "%.*s", (int)(name - whole) + (name == whole),
             whole);
    name++;
  } else {
    name = whole;
  }
  if (!realpath(start_of, folder)) return 0;
  size_t length = strlen(root);
  if (strncmp(folder, root, length) != 0 || (folder[length] && folder[length] != '/'))
    return 0;
  const char *inner = folder[length] ? folder + length + 1 : "";
  snprintf(below, PATH_MAX, "%s%s%s", inner, *inner ? "/" : "", name);
  return 1;
}

static int is_tracked(int fd) { return fd >= 0 && fd < MOST_FDS && tracked[fd]; }

static void opened(int fd, int flags, const char *below) {
  if (fd < 0 || (flags & O_TMPFILE) == O_TMPFILE) return;
  if (fd >= MOST_FDS) abort();
  tracked[fd] = 1;
  record("open", fd, (flags & O_TRUNC) != 0, (flags & O_DSYNC) != 0, below);
}

static int open_recorded(int folder_fd, const char *path, int flags, mode_t mode) {
  char below[PATH_MAX];
  pthread_mutex_lock(&lock);
  int recorded = is_recorded(folder_fd, path, below);
  int fd = REAL(openat)(folder_fd, path, flags, mode);
  int error = errno;
  if (recorded) opened(fd, flags, below);
  pthread_mutex_unlock(&lock);
  errno = error;
  return fd;
}

#define MODE_OF(flags)                          \
  mode_t mode = 0;                              \
  if ((flags) & (O_CREAT | __O_TMPFILE)) {      \
    va_list list;                               \
    va_start(list, flags);                      \
    mode = va_arg(list, mode_t);                \
    va_end(list);                               \
  }

int open(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_recorded(AT_FDCWD, path, flags, mode);
}
int open64(const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_recorded(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
int openat(int folder_fd, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_recorded(folder_fd, path, flags, mode);
}
int openat64(int folder_fd, const char *path, int flags, ...) {
  MODE_OF(flags)
  return open_recorded(folder_fd, path, flags | O_LARGEFILE, mode);
}
int __open_2(const char *path, int flags) { return open(path, flags); }
int __open64_2(const char *path, int flags) { return open64(path, flags); }
int __openat_2(int fd, const char *path, int flags) { return openat(fd, path, flags); }
int __openat64_2(int fd, const char *path, int flags) {
  return openat64(fd, path, flags);
}
int creat(const char *path, mode_t mode) {
  return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* Records bytes that are in the file by now, whatever call put them there. */
static void record_written(int fd, off_t offset, ssize_t size) {
  if (size <= 0) return;
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  int reader = REAL(open)(link, O_RDONLY | O_CLOEXEC);
  char *bytes = malloc((size_t)size);
  if (reader < 0 || !bytes || pread(reader, bytes, (size_t)size, offset) != size) abort();
  REAL(close)(reader);
  record("write", fd, offset, size, "-");
  write_all(bytes, (size_t)size);
  free(bytes);
}

static off_t position(int fd) {
  if (fcntl(fd, F_GETFL) & O_APPEND) return lseek(fd, 0, SEEK_END);
  return lseek(fd, 0, SEEK_CUR);
}

/* Makes one call that writes, and records it: `offset` and `written` are of the call. */
#define WRITING(type, fd, offset, call)       \
  do {                                        \
    if (log_fd < 0 || !is_tracked(fd)) return call; \
    pthread_mutex_lock(&lock);                \
    off_t at = offset;                        \
    type done = call;                         \
    int error = errno;                        \
    record_written(fd, at, done);             \
    pthread_mutex_unlock(&lock);              \
    errno = error;                            \
    return done;                              \
  } while (0)

ssize_t write(int fd, const void *bytes, size_t size) {
  WRITING(ssize_t, fd, position(fd), REAL(write)(fd, bytes, size));
}
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
  WRITING(ssize_t, fd, offset, REAL(pwrite)(fd, bytes, size, offset));
}
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset) {
  WRITING(ssize_t, fd, offset, REAL(pwrite64)(fd, bytes, size, offset));
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
  WRITING(ssize_t, fd, position(fd), REAL(writev)(fd, parts, count));
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  WRITING(ssize_t, fd, offset, REAL(pwritev)(fd, parts, count, offset));
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
  WRITING(ssize_t, fd, offset, REAL(pwritev64)(fd, parts, count, offset));
}
ssize_t sendfile(int to, int from, off_t *offset, size_t size) {
  WRITING(ssize_t, to, position(to), REAL(sendfile)(to, from, offset, size));
}
ssize_t sendfile64(int to, int from, off64_t *offset, size_t size) {
  WRITING(ssize_t, to, position(to), REAL(sendfile64)(to, from, offset, size));
}
ssize_t copy_file_range(int from, off64_t *from_offset, int to, off64_t *to_offset,
                        size_t size, unsigned flags) {
  WRITING(ssize_t, to, to_offset ? *to_offset : position(to),
          REAL(copy_file_range)(from, from_offset, to, to_offset, size, flags));
}

/* Makes one call, and records it under a name if it succeeded on a recorded file. */
#define CALLING(name, recorded, call, a, b, path)        \
  do {                                                   \
    pthread_mutex_lock(&lock);                           \
    int is_to_be = (recorded);                           \
    int result = call;                                   \
    int error = errno;                                   \
    if (is_to_be && result == 0) record(name, a, b, 0, path); \
    pthread_mutex_unlock(&lock);                         \
    errno = error;                                       \
    return result;                                       \
  } while (0)

int fsync(int fd) { CALLING("sync", is_tracked(fd), REAL(fsync)(fd), fd, 0, "-"); }
int fdatasync(int fd) {
  CALLING("sync", is_tracked(fd), REAL(fdatasync)(fd), fd, 0, "-");
}
int ftruncate(int fd, off_t size) {
  CALLING("truncate", is_tracked(fd), REAL(ftruncate)(fd, size), fd, size, "-");
}
int ftruncate64(int fd, off64_t size) {
  CALLING("truncate", is_tracked(fd), REAL(ftruncate64)(fd, size), fd, size, "-");
}
int posix_fallocate(int fd, off_t offset, off_t size) {
  CALLING("extend", is_tracked(fd), REAL(posix_fallocate)(fd, offset, size), fd,
          offset + size, "-");
}
int posix_fallocate64(int fd, off64_t offset, off64_t size) {
  CALLING("extend", is_tracked(fd), REAL(posix_fallocate64)(fd, offset, size), fd,
          offset + size, "-");
}
int close(int fd) {
  pthread_mutex_lock(&lock);
  int was_tracked = is_tracked(fd);
  if (was_tracked) {
    tracked[fd] = 0;
    record("close", fd, 0, 0, "-");
  }
  int result = REAL(close)(fd);
  pthread_mutex_unlock(&lock);
  return result;
}
int mkdirat(int fd, const char *path, mode_t mode) {
  char below[PATH_MAX];
  CALLING("mkdir", is_recorded(fd, path, below), REAL(mkdirat)(fd, path, mode), 0, 0,
          below);
}
int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
int unlinkat(int fd, const char *path, int flags) {
  char below[PATH_MAX];
  CALLING(flags & AT_REMOVEDIR ? "rmdir" : "unlink", is_recorded(fd, path, below),
          REAL(unlinkat)(fd, path, flags), 0, 0, below);
}
int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }
int remove(const char *path) {
  struct stat status;
  if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode)) return rmdir(path);
  return unlink(path);
}
int renameat(int from_fd, const char *from, int to_fd, const char *to) {
  char both[2 * PATH_MAX + 2], below[PATH_MAX], target[PATH_MAX];
  pthread_mutex_lock(&lock);
  int is_from = is_recorded(from_fd, from, below);
  int is_to = is_recorded(to_fd, to, target);
  int result = REAL(renameat)(from_fd, from, to_fd, to);
  int error = errno;
  if (result == 0 && is_from != is_to) abort(); /* in or out of the folder */
  if (result == 0 && is_from) {
    snprintf(both, sizeof both, "%s\t%s", below, target);
    record("rename", 0, 0, 0, both);
  }
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int rename(const char *from, const char *to) {
  return renameat(AT_FDCWD, from, AT_FDCWD, to);
}

static FILE *stream_recorded(FILE *stream, const char *path, const char *mode) {
  char below[PATH_MAX];
  if (stream && mode[0] != 'r' && is_recorded(AT_FDCWD, path, below)) {
    int fd = fileno(stream);
    opened(fd, mode[0] == 'w' ? O_TRUNC : 0, below);
    pending[fd].stream = stream;
  }
  return stream;
}
FILE *fopen(const char *path, const char *mode) {
  pthread_mutex_lock(&lock);
  FILE *stream = stream_recorded(REAL(fopen)(path, mode), path, mode);
  pthread_mutex_unlock(&lock);
  return stream;
}
FILE *fopen64(const char *path, const char *mode) {
  pthread_mutex_lock(&lock);
  FILE *stream = stream_recorded(REAL(fopen64)(path, mode), path, mode);
  pthread_mutex_unlock(&lock);
  return stream;
}
static int fd_of(FILE *stream) {
  int fd = stream && log_fd >= 0 ? fileno(stream) : -1;
  return is_tracked(fd) && pending[fd].stream == stream ? fd : -1;
}
size_t fwrite(const void *bytes, size_t size, size_t count, FILE *stream) {
  pthread_mutex_lock(&lock);
  size_t done = REAL(fwrite)(bytes, size, count, stream);
  int fd = fd_of(stream);
  if (fd >= 0) pending[fd].size += done * size;
  pthread_mutex_unlock(&lock);
  return done;
}
/* Records what was written to a stream since the last time, which is flushed now. */
static void record_flushed(int fd) {
  off_t end = lseek(fd, 0, SEEK_CUR);
  record_written(fd, end - (off_t)pending[fd].size, (ssize_t)pending[fd].size);
  pending[fd].size = 0;
}
int fflush(FILE *stream) {
  pthread_mutex_lock(&lock);
  int result = REAL(fflush)(stream);
  int error = errno;
  int fd = fd_of(stream);
  if (fd >= 0 && result == 0) record_flushed(fd);
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
int fclose(FILE *stream) {
  pthread_mutex_lock(&lock);
  int fd = fd_of(stream);
  if (fd >= 0) {
    fflush(stream);
    tracked[fd] = 0;
    pending[fd].stream = NULL;
    record("close", fd, 0, 0, "-");
  }
  int result = REAL(fclose)(stream);
  pthread_mutex_unlock(&lock);
  return result;
}

/* Called by the recorded program: a line about what it knows, such as a durable set. */
void shardline_note(const char *text) {
  pthread_mutex_lock(&lock);
  if (log_fd >= 0) record("note", 0, 0, 0, text);
  pthread_mutex_unlock(&lock);
}
