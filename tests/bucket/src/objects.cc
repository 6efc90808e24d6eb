#include "objects.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>

namespace bucket {
namespace {

namespace fs = std::filesystem;

constexpr char kScheme[] = "bucket://";
constexpr int kTries = 1000;

fs::path root() {
  const char* folder = std::getenv("SHARDLINE_TEST_BUCKETS");
  if (folder == nullptr || *folder == 0) {
    throw Error(TF_UNAUTHENTICATED,
                "No credentials: SHARDLINE_TEST_BUCKETS is not set.");
  }
  return folder;
}

// Notes what was done, a line for each, in $SHARDLINE_TEST_BUCKET_LOG.
void note(const char* what, const std::string& uri) {
  const char* log = std::getenv("SHARDLINE_TEST_BUCKET_LOG");
  if (log == nullptr || *log == 0) return;
  const std::string line = std::string(what) + " " + uri + "\n";
  const int file = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0 || write(file, line.data(), line.size()) < 0) std::abort();
  close(file);
}

bool has_object(const fs::path& folder) {
  std::error_code gone;
  for (fs::recursive_directory_iterator at(folder, gone), end; !gone && at != end;
       at.increment(gone)) {
    if (at->is_regular_file(gone)) return true;
  }
  return false;
}

// A store has any key, but these are more likely a mistake.
void check_key(const std::string& uri, const std::string& key) {
  size_t start = 0;
  while (start < key.size()) {
    const size_t end = std::min(key.find('/', start), key.size());
    const std::string name = key.substr(start, end - start);
    if (name.empty() || name == "." || name == "..") {
      throw Error(TF_INVALID_ARGUMENT, uri + ": a name in it is '" + name + "'.");
    }
    start = end + 1;
  }
}

std::string without_end_slash(std::string text) {
  if (!text.empty() && text.back() == '/') text.pop_back();
  return text;
}

}  // namespace

Place::Place(const std::string& uri, Wish wish) {
  if (uri.rfind(kScheme, 0) != 0) {
    throw Error(TF_INVALID_ARGUMENT, uri + ": is no " + kScheme + ".");
  }
  const std::string rest = without_end_slash(uri.substr(sizeof(kScheme) - 1));
  const size_t slash = std::min(rest.find('/'), rest.size());
  const std::string name = rest.substr(0, slash);
  key_ = slash < rest.size() ? rest.substr(slash + 1) : "";
  if (name.empty()) throw Error(TF_INVALID_ARGUMENT, uri + ": has no bucket.");
  check_key(uri, key_);
  uri_ = kScheme + rest;
  bucket_ = root() / name;
  file_ = key_.empty() ? bucket_ : bucket_ / key_;
  if (fs::exists(root() / (name + ".closed"))) {
    throw Error(TF_PERMISSION_DENIED, uri + ": access to bucket " + name + " denied.");
  }
  if (!fs::is_directory(bucket_)) {
    throw Error(TF_NOT_FOUND, uri + ": there is no bucket " + name + ".");
  }
  if (wish == Wish::kWrite && fs::exists(root() / (name + ".read-only"))) {
    throw Error(TF_PERMISSION_DENIED, uri + ": may not write to bucket " + name + ".");
  }
}

bool Place::is_object() const { return !is_bucket() && fs::is_regular_file(file_); }

bool Place::is_folder() const { return is_bucket() || has_object(file_); }

Place Place::below(const std::string& key) const {
  Place place;
  place.uri_ = uri_ + "/" + key;
  place.key_ = is_bucket() ? key : key_ + "/" + key;
  place.bucket_ = bucket_;
  place.file_ = file_ / key;
  return place;
}

void Place::must_be_object() const {
  note("read", uri_);
  if (!is_object()) throw Error(TF_NOT_FOUND, uri_ + ": there is no such object.");
}

std::vector<std::string> Place::keys() const {
  note("list", uri_);
  std::vector<std::string> found;
  std::error_code gone;
  for (fs::recursive_directory_iterator at(file_, gone), end; !gone && at != end;
       at.increment(gone)) {
    if (at->is_regular_file(gone)) found.push_back(at->path().lexically_relative(file_));
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::vector<std::string> Place::children() const {
  std::set<std::string> found;
  for (const std::string& key : keys()) {
    const size_t slash = key.find('/');
    found.insert(slash == std::string::npos ? key : key.substr(0, slash + 1));
  }
  return {found.begin(), found.end()};
}

void Place::put(const fs::path& upload) const {
  if (is_bucket()) throw Error(TF_INVALID_ARGUMENT, uri_ + ": is a bucket.");
  std::error_code error;
  for (int i = 0; i < kTries; ++i) {
    fs::create_directories(file_.parent_path(), error);
    if (!error) fs::rename(upload, file_, error);
    if (!error) {
      note("write", uri_);
      return;
    }
    // Somebody who deleted the last object beside it removed the folder, too.
    if (error != std::errc::no_such_file_or_directory) break;
  }
  throw Error(TF_FAILED_PRECONDITION,
              uri_ + ": cannot be an object here: " + error.message() +
                  " (the folder on disk cannot hold objects `a` and `a/b`).");
}

void Place::remove() const {
  must_be_object();
  note("delete", uri_);
  std::error_code error;
  fs::remove(file_, error);
  for (fs::path folder = file_.parent_path(); folder != bucket_ && !error;
       folder = folder.parent_path()) {
    if (rmdir(folder.c_str()) != 0) break;
  }
}

void Place::copy_to(const Place& target) const {
  must_be_object();
  const fs::path upload = new_upload();
  fs::copy_file(file_, upload);
  target.put(upload);
}

fs::path new_upload() {
  static std::atomic<uint64_t> number{0};
  const fs::path folder = root() / ".uploads";
  fs::create_directories(folder);
  return folder / (std::to_string(getpid()) + "-" + std::to_string(number++));
}

std::vector<std::string> matching(const std::string& pattern) {
  const size_t wild = std::min(pattern.find_first_of("*?[\\"), pattern.size());
  const std::string folder = pattern.substr(0, pattern.rfind('/', wild));
  const Place place(folder, Wish::kRead);
  std::set<std::string> found;
  for (const std::string& key : place.keys()) {
    for (size_t end = 0; end != key.size();) {
      end = std::min(key.find('/', end + 1), key.size());
      const std::string uri = place.uri() + "/" + key.substr(0, end);
      if (fnmatch(pattern.c_str(), uri.c_str(), FNM_PATHNAME) == 0) found.insert(uri);
    }
  }
  return {found.begin(), found.end()};
}

void rename(const std::string& source, const std::string& target) {
  const Place from(source, Wish::kWrite), to(target, Wish::kWrite);
  if (!from.is_folder()) {
    from.copy_to(to);
    from.remove();
    return;
  }
  for (const std::string& key : from.keys()) {
    from.below(key).copy_to(to.below(key));
    from.below(key).remove();
  }
}

}  // namespace bucket
