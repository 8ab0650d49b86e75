// A disk in memory for tests: it fills up, fails on demand, and forgets what wasn't synced when its power is cut.
#ifndef BREAKWATER_COMMON_SERVICE_FAKE_FILES_H_
#define BREAKWATER_COMMON_SERVICE_FAKE_FILES_H_

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/service/files.h"

namespace breakwater::service {

// Thread-safe. Names are paths; directories don't exist.
class FakeFiles : public Files {
 public:
  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    std::lock_guard lock(mutex_);
    const auto file = files_.find(path);
    if (file == files_.end()) return absl::NotFoundError(absl::StrCat("can't open ", path));
    if (file->second.size() > max_bytes) return absl::OutOfRangeError("too long");
    return file->second;
  }

  absl::Status WriteAndSync(const std::string& path, std::string_view contents) override {
    std::lock_guard lock(mutex_);
    // Creating, each half, and the sync are moments of their own.
    if (absl::Status s = Step(); !s.ok()) return s;
    files_[path] = "";
    if (absl::Status s = Step(); !s.ok()) return s;
    files_[path] = contents.substr(0, contents.size() / 2);
    if (absl::Status s = Step(); !s.ok()) return s;
    if (contents.size() > capacity_)
      return absl::ResourceExhaustedError(absl::StrCat("can't write ", path, ": no space left"));
    files_[path] = contents;
    if (absl::Status s = Step(); !s.ok()) return s;
    ++writes_;
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(mutex_);
    if (absl::Status s = Step(); !s.ok()) return s;
    const auto file = files_.find(from);
    if (file == files_.end()) return absl::NotFoundError(absl::StrCat("can't rename ", from));
    files_[to] = file->second;
    files_.erase(from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    std::lock_guard lock(mutex_);
    if (absl::Status s = Step(); !s.ok()) return s;
    files_.erase(path);
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string&) override {
    std::lock_guard lock(mutex_);
    return Step();
  }

  // Files longer than that can't be written.
  void SetCapacity(size_t bytes) {
    std::lock_guard lock(mutex_);
    capacity_ = bytes;
  }
  // After so many more steps the power is cut: nothing changes any more until Restart.
  void CutPowerAfter(int steps) {
    std::lock_guard lock(mutex_);
    steps_left_ = steps;
  }
  bool power_is_cut() {
    std::lock_guard lock(mutex_);
    return steps_left_ == 0;
  }
  void Restart() {
    std::lock_guard lock(mutex_);
    steps_left_.reset();
  }
  void Put(const std::string& path, std::string contents) {
    std::lock_guard lock(mutex_);
    files_[path] = std::move(contents);
  }
  std::map<std::string, std::string> All() {
    std::lock_guard lock(mutex_);
    return files_;
  }
  int writes() {
    std::lock_guard lock(mutex_);
    return writes_;
  }

 private:
  absl::Status Step() {
    if (!steps_left_) return absl::OkStatus();
    if (*steps_left_ == 0) return absl::UnavailableError("the power is cut");
    --*steps_left_;
    return absl::OkStatus();
  }

  std::mutex mutex_;
  std::map<std::string, std::string> files_;
  size_t capacity_ = SIZE_MAX;
  std::optional<int> steps_left_;
  int writes_ = 0;
};

}  // namespace breakwater::service

#endif  // BREAKWATER_COMMON_SERVICE_FAKE_FILES_H_
