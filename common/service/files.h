// The few operations on files that durable writing needs, as an interface, so that tests can fill the disk and cut the
// power between any two of them.
#ifndef BREAKWATER_COMMON_SERVICE_FILES_H_
#define BREAKWATER_COMMON_SERVICE_FILES_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace breakwater::service {

class Files {
 public:
  virtual ~Files() = default;
  // kNotFound when there is none; kOutOfRange when it is longer than max_bytes.
  virtual absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) = 0;
  // Creates or replaces the file with mode 0600 and waits until its contents are on disk. On an error the file may hold
  // a part of them.
  virtual absl::Status WriteAndSync(const std::string& path, std::string_view contents) = 0;
  // Replaces to. On disk after SyncDirectory.
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  // OK when there is none.
  virtual absl::Status Remove(const std::string& path) = 0;
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
};

// The operating system's. Thread-safe; lives as long as the program.
Files& SystemFiles();

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_FILES_H_
