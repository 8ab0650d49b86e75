#include "common/service/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace breakwater::service {
namespace {

absl::Status Errno(std::string_view doing, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("can't ", std::string(doing), " ", path));
}

// Closes on every way out.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

class System : public Files {
 public:
  absl::StatusOr<std::string> Read(const std::string& path, size_t max_bytes) override {
    const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.ok()) return Errno("open", path);
    std::string contents;
    char buffer[65536];
    for (;;) {
      const ssize_t n = read(fd.get(), buffer, sizeof(buffer));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Errno("read", path);
      if (n == 0) return contents;
      contents.append(buffer, static_cast<size_t>(n));
      if (contents.size() > max_bytes) {
        return absl::OutOfRangeError(absl::StrCat(path, " is longer than the limit of ", max_bytes, " bytes"));
      }
    }
  }

  absl::Status WriteAndSync(const std::string& path, std::string_view contents) override {
    const Descriptor fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd.ok()) return Errno("create", path);
    while (!contents.empty()) {
      const ssize_t n = write(fd.get(), contents.data(), contents.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Errno("write", path);
      contents.remove_prefix(static_cast<size_t>(n));
    }
    if (fsync(fd.get()) != 0) return Errno("sync", path);
    return absl::OkStatus();
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (std::rename(from.c_str(), to.c_str()) != 0) return Errno("rename to " + to + " the file", from);
    return absl::OkStatus();
  }

  absl::Status Remove(const std::string& path) override {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return Errno("remove", path);
    return absl::OkStatus();
  }

  absl::Status SyncDirectory(const std::string& path) override {
    const Descriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.ok()) return Errno("open the directory", path);
    if (fsync(fd.get()) != 0) return Errno("sync the directory", path);
    return absl::OkStatus();
  }
};

}  // namespace

Files& SystemFiles() {
  static System system;
  return system;
}

}  // namespace breakwater::service
