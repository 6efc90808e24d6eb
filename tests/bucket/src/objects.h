// An object store in a folder of the disk: the rules of `bucket://`.
//
// A bucket is a folder below $SHARDLINE_TEST_BUCKETS, an object a file below it, whose
// path is its key. There are no other folders: one is there while an object is below
// it, and gone with the last. `NAME.read-only` beside a bucket refuses writes to it,
// `NAME.closed` everything.
#ifndef SHARDLINE_TEST_BUCKET_OBJECTS_H_
#define SHARDLINE_TEST_BUCKET_OBJECTS_H_

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/c/tf_status.h"

namespace bucket {

class Error : public std::runtime_error {
 public:
  Error(TF_Code code, const std::string& message)
      : std::runtime_error(message), code(code) {}
  const TF_Code code;
};

enum class Wish { kRead, kWrite };

// A place in a bucket that exists and admits what is wished for; else an Error.
class Place {
 public:
  Place(const std::string& uri, Wish wish);

  bool is_bucket() const { return key_.empty(); }
  bool is_object() const;
  bool is_folder() const;                // an object is below it
  std::vector<std::string> keys() const;      // of all objects below it, sorted
  std::vector<std::string> children() const;  // one level; folders end with `/`
  Place below(const std::string& key) const;
  void must_be_object() const;
  void put(const std::filesystem::path& upload) const;  // at once, and moves it
  void remove() const;
  void copy_to(const Place& target) const;

  const std::filesystem::path& file() const { return file_; }
  const std::string& uri() const { return uri_; }

 private:
  Place() = default;

  std::string uri_, key_;
  std::filesystem::path bucket_, file_;
};

// A new name for an object that is being written.
std::filesystem::path new_upload();

// All objects and folders, as URIs, that match: `*` and `?` inside a name.
std::vector<std::string> matching(const std::string& pattern);

// Copies an object, or each object of a folder, and then deletes what was copied.
void rename(const std::string& source, const std::string& target);

}  // namespace bucket

#endif  // SHARDLINE_TEST_BUCKET_OBJECTS_H_
