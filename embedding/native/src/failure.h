// A system call that failed, as a value.
#pragma once

#include <cerrno>
#include <string>

namespace shardline {

struct Failure {
  int number = 0;    // errno; 0: nothing failed
  std::string what;  // what was being done, with the path

  explicit operator bool() const { return number != 0; }
};

// Returns the failure that errno tells of.
inline Failure failure_of(const char* action, const std::string& path) {
  return {errno, std::string(action) + " " + path};
}

}  // namespace shardline
