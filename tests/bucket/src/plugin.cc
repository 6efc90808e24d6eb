// `bucket://` for TensorFlow, through its C API of file-system plug-ins.

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "objects.h"
#include "tensorflow/c/experimental/filesystem/filesystem_interface.h"

namespace {

using bucket::Error;
using bucket::Place;
using bucket::Wish;

// Runs what may throw, and tells TensorFlow how it went.
template <typename Function>
auto told(TF_Status* status, Function function) -> decltype(function()) {
  TF_SetStatus(status, TF_OK, "");
  try {
    return function();
  } catch (const Error& error) {
    TF_SetStatus(status, error.code, error.what());
  } catch (const std::exception& error) {
    TF_SetStatus(status, TF_INTERNAL, error.what());
  }
  return decltype(function())();
}

[[noreturn]] void fail_io(const std::string& uri, const char* what) {
  throw Error(TF_INTERNAL, uri + ": " + what + ": " + std::strerror(errno));
}

char* copy_of(const std::string& text) { return strdup(text.c_str()); }

int given(const std::vector<std::string>& texts, char*** entries) {
  *entries = static_cast<char**>(std::calloc(texts.size() + 1, sizeof(char*)));
  for (size_t i = 0; i < texts.size(); ++i) (*entries)[i] = copy_of(texts[i]);
  return texts.size();
}

namespace reading {

struct File {
  std::string uri;
  FILE* file;
};

void cleanup(TF_RandomAccessFile* file) {
  auto* opened = static_cast<File*>(file->plugin_file);
  fclose(opened->file);
  delete opened;
}

int64_t read(const TF_RandomAccessFile* file, uint64_t offset, size_t n, char* buffer,
             TF_Status* status) {
  const auto* opened = static_cast<File*>(file->plugin_file);
  return told(status, [&]() -> int64_t {
    size_t done = 0;
    while (done < n) {
      const ssize_t got =
          pread(fileno(opened->file), buffer + done, n - done, offset + done);
      if (got < 0) fail_io(opened->uri, "cannot be read");
      if (got == 0) {
        TF_SetStatus(status, TF_OUT_OF_RANGE, "EOF reached");
        break;
      }
      done += got;
    }
    return done;
  });
}

}  // namespace reading

namespace writing {

// An object that is not there before it is closed.
struct File {
  std::string uri;
  std::filesystem::path upload;
  FILE* file;
};

void append(const TF_WritableFile* file, const char* buffer, size_t n,
            TF_Status* status) {
  const auto* opened = static_cast<File*>(file->plugin_file);
  told(status, [&] {
    if (opened->file == nullptr) throw Error(TF_FAILED_PRECONDITION, "is closed");
    if (fwrite(buffer, 1, n, opened->file) != n) fail_io(opened->uri, "is not written");
  });
}

int64_t tell(const TF_WritableFile* file, TF_Status* status) {
  const auto* opened = static_cast<File*>(file->plugin_file);
  return told(status, [&]() -> int64_t { return ftell(opened->file); });
}

void flush(const TF_WritableFile*, TF_Status* status) { TF_SetStatus(status, TF_OK, ""); }

void close(const TF_WritableFile* file, TF_Status* status) {
  auto* opened = static_cast<File*>(file->plugin_file);
  told(status, [&] {
    if (opened->file == nullptr) return;
    const int failed = fclose(opened->file);
    opened->file = nullptr;
    if (failed) fail_io(opened->uri, "is not written");
    Place(opened->uri, Wish::kWrite).put(opened->upload);
  });
}

void cleanup(TF_WritableFile* file) {
  auto* opened = static_cast<File*>(file->plugin_file);
  std::unique_ptr<TF_Status, void (*)(TF_Status*)> status(TF_NewStatus(),
                                                          TF_DeleteStatus);
  close(file, status.get());
  std::error_code is_put;
  std::filesystem::remove(opened->upload, is_put);
  delete opened;
}

}  // namespace writing

namespace files {

void init(TF_Filesystem* filesystem, TF_Status* status) {
  filesystem->plugin_filesystem = nullptr;
  TF_SetStatus(status, TF_OK, "");
}

void cleanup(TF_Filesystem*) {}

void open_to_read(const TF_Filesystem*, const char* path, TF_RandomAccessFile* file,
                  TF_Status* status) {
  told(status, [&] {
    const Place place(path, Wish::kRead);
    place.must_be_object();
    FILE* opened = fopen(place.file().c_str(), "rbe");
    if (opened == nullptr) throw Error(TF_NOT_FOUND, place.uri() + ": is gone");
    file->plugin_file = new reading::File{place.uri(), opened};
  });
}

// As with the stores of clouds, whether it may be written shows when it is closed.
void open_to_write(const TF_Filesystem*, const char* path, TF_WritableFile* file,
                   TF_Status* status) {
  told(status, [&] {
    const auto upload = bucket::new_upload();
    FILE* opened = fopen(upload.c_str(), "wbe");
    if (opened == nullptr) fail_io(path, "cannot be written");
    file->plugin_file = new writing::File{path, upload, opened};
  });
}

void open_to_append(const TF_Filesystem*, const char* path, TF_WritableFile*,
                    TF_Status* status) {
  told(status, [&] {
    throw Error(TF_UNIMPLEMENTED,
                std::string(path) + ": nothing can be appended to an object.");
  });
}

void create_dir(const TF_Filesystem*, const char* path, TF_Status* status) {
  told(status, [&] { Place(path, Wish::kRead); });
}

void delete_file(const TF_Filesystem*, const char* path, TF_Status* status) {
  told(status, [&] { Place(path, Wish::kWrite).remove(); });
}

void delete_dir(const TF_Filesystem*, const char* path, TF_Status* status) {
  told(status, [&] {
    if (!Place(path, Wish::kWrite).keys().empty()) {
      throw Error(TF_FAILED_PRECONDITION, std::string(path) + ": has objects.");
    }
  });
}

void delete_recursively(const TF_Filesystem*, const char* path, uint64_t* files,
                        uint64_t* folders, TF_Status* status) {
  *files = 0;
  *folders = 1;
  told(status, [&] {
    const Place place(path, Wish::kWrite);
    if (!place.is_folder()) {
      throw Error(TF_NOT_FOUND, place.uri() + ": there is no object below.");
    }
    for (const auto& key : place.keys()) place.below(key).remove();
    *folders = 0;
  });
}

void rename_file(const TF_Filesystem*, const char* source, const char* target,
                 TF_Status* status) {
  told(status, [&] { bucket::rename(source, target); });
}

void copy_file(const TF_Filesystem*, const char* source, const char* target,
               TF_Status* status) {
  told(status, [&] {
    Place(source, Wish::kRead).copy_to(Place(target, Wish::kWrite));
  });
}

void path_exists(const TF_Filesystem*, const char* path, TF_Status* status) {
  told(status, [&] {
    const Place place(path, Wish::kRead);
    if (!place.is_object() && !place.is_folder()) {
      throw Error(TF_NOT_FOUND, place.uri() + ": there is nothing.");
    }
  });
}

void stat(const TF_Filesystem*, const char* path, TF_FileStatistics* found,
          TF_Status* status) {
  told(status, [&] {
    const Place place(path, Wish::kRead);
    struct ::stat facts;
    if (place.is_folder()) {
      *found = {0, 0, true};
    } else if (place.is_object() && ::stat(place.file().c_str(), &facts) == 0) {
      const auto& time = facts.st_mtim;
      *found = {facts.st_size, time.tv_sec * 1000000000LL + time.tv_nsec, false};
    } else {
      throw Error(TF_NOT_FOUND, place.uri() + ": there is nothing.");
    }
  });
}

bool is_directory(const TF_Filesystem*, const char* path, TF_Status* status) {
  return told(status, [&] {
    const Place place(path, Wish::kRead);
    if (place.is_folder()) return true;
    throw Error(place.is_object() ? TF_FAILED_PRECONDITION : TF_NOT_FOUND,
                place.uri() + ": no object is below.");
  });
}

int64_t get_file_size(const TF_Filesystem*, const char* path, TF_Status* status) {
  return told(status, [&]() -> int64_t {
    const Place place(path, Wish::kRead);
    place.must_be_object();
    return std::filesystem::file_size(place.file());
  });
}

char* translate_name(const TF_Filesystem*, const char* uri) { return copy_of(uri); }

int get_children(const TF_Filesystem*, const char* path, char*** entries,
                 TF_Status* status) {
  return told(status, [&] {
    const Place place(path, Wish::kRead);
    if (!place.is_folder()) {
      throw Error(TF_NOT_FOUND, place.uri() + ": no object is below.");
    }
    return given(place.children(), entries);
  });
}

int get_matching_paths(const TF_Filesystem*, const char* pattern, char*** entries,
                       TF_Status* status) {
  return told(status, [&] { return given(bucket::matching(pattern), entries); });
}

}  // namespace files

template <typename Ops>
Ops* zeroed() {
  return static_cast<Ops*>(std::calloc(1, sizeof(Ops)));
}

}  // namespace

void TF_InitPlugin(TF_FilesystemPluginInfo* info) {
  info->plugin_memory_allocate = [](size_t size) { return std::calloc(1, size); };
  info->plugin_memory_free = [](void* memory) { std::free(memory); };
  info->num_schemes = 1;
  info->ops = zeroed<TF_FilesystemPluginOps>();
  info->ops->scheme = copy_of("bucket");
  TF_SetFilesystemVersionMetadata(info->ops);

  auto* read = info->ops->random_access_file_ops = zeroed<TF_RandomAccessFileOps>();
  read->cleanup = reading::cleanup;
  read->read = reading::read;

  auto* write = info->ops->writable_file_ops = zeroed<TF_WritableFileOps>();
  write->cleanup = writing::cleanup;
  write->append = writing::append;
  write->tell = writing::tell;
  write->flush = writing::flush;
  write->sync = writing::flush;
  write->close = writing::close;

  auto* ops = info->ops->filesystem_ops = zeroed<TF_FilesystemOps>();
  ops->init = files::init;
  ops->cleanup = files::cleanup;
  ops->new_random_access_file = files::open_to_read;
  ops->new_writable_file = files::open_to_write;
  ops->new_appendable_file = files::open_to_append;
  ops->create_dir = files::create_dir;
  ops->recursively_create_dir = files::create_dir;
  ops->delete_file = files::delete_file;
  ops->delete_dir = files::delete_dir;
  ops->delete_recursively = files::delete_recursively;
  ops->rename_file = files::rename_file;
  ops->copy_file = files::copy_file;
  ops->path_exists = files::path_exists;
  ops->stat = files::stat;
  ops->is_directory = files::is_directory;
  ops->get_file_size = files::get_file_size;
  ops->translate_name = files::translate_name;
  ops->get_children = files::get_children;
  ops->get_matching_paths = files::get_matching_paths;
}
