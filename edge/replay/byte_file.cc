#include "edge/replay/byte_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace breakwater::replay {
namespace {

constexpr size_t kInputSize = 256 * 1024;
constexpr size_t kStreamBuffer = 256 * 1024;
constexpr size_t kMagicSize = 2;
constexpr uint8_t kGzipMagic[kMagicSize] = {0x1f, 0x8b};
// zlib: the largest window, with a gzip header expected.
constexpr int kGzipWindowBits = 15 + 16;

}  // namespace

ByteFile::ByteFile(int fd, uint64_t max_decoded_bytes)
    : fd_(fd), max_decoded_bytes_(max_decoded_bytes), input_(kInputSize) {}

ByteFile::~ByteFile() {
  if (gzip_) inflateEnd(&inflate_);
  close(fd_);
}

absl::StatusOr<std::unique_ptr<ByteFile>> ByteFile::Open(const std::string& path, uint64_t max_decoded_bytes) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, "can't be opened");
  std::unique_ptr<ByteFile> file(new ByteFile(fd, max_decoded_bytes));
  struct stat info {};
  if (fstat(fd, &info) != 0) return absl::ErrnoToStatus(errno, "can't be examined");
  if (S_ISDIR(info.st_mode)) return absl::InvalidArgumentError("is a directory, not a capture file");
  file->once_only_ = !S_ISREG(info.st_mode);
  while (file->input_end_ < kMagicSize && !file->end_of_input_) {
    if (absl::Status s = file->FillInput(); !s.ok()) return s;
  }
  if (file->input_end_ == 0) return absl::InvalidArgumentError("is empty: a capture starts with a file header");
  if (file->input_end_ >= kMagicSize && std::memcmp(file->input_.data(), kGzipMagic, kMagicSize) == 0) {
    if (inflateInit2(&file->inflate_, kGzipWindowBits) != Z_OK) {
      return absl::ResourceExhaustedError("no memory to undo its gzip compression");
    }
    file->gzip_ = true;
    file->in_member_ = true;
  }
  while (file->head_size_ < kHead) {
    const ssize_t got =
        file->Decode(reinterpret_cast<char*>(file->head_.data()) + file->head_size_, kHead - file->head_size_);
    if (got < 0) return file->status_;
    if (got == 0) break;
    file->head_size_ += static_cast<size_t>(got);
  }
  return file;
}

FILE* ByteFile::stream() {
  FILE* stream =
      fopencookie(this, "r", {.read = &ByteFile::ReadCookie, .write = nullptr, .seek = nullptr, .close = nullptr});
  if (stream != nullptr) setvbuf(stream, nullptr, _IOFBF, kStreamBuffer);
  return stream;
}

ssize_t ByteFile::ReadCookie(void* cookie, char* buffer, size_t size) {
  auto* self = static_cast<ByteFile*>(cookie);
  if (self->head_given_ < self->head_size_) {
    const size_t n = std::min(size, self->head_size_ - self->head_given_);
    std::memcpy(buffer, self->head_.data() + self->head_given_, n);
    self->head_given_ += n;
    return static_cast<ssize_t>(n);
  }
  const ssize_t got = self->Decode(buffer, size);
  if (got < 0) errno = EIO;
  return got;
}

ssize_t ByteFile::Decode(char* buffer, size_t size) {
  if (!status_.ok()) return -1;
  const ssize_t got = gzip_ ? Inflate(buffer, size) : Read(buffer, size);
  if (got <= 0) return got;
  decoded_bytes_ += static_cast<uint64_t>(got);
  if (gzip_ && decoded_bytes_ > max_decoded_bytes_) {
    status_ = absl::ResourceExhaustedError(
        absl::StrCat("decodes to more than ", max_decoded_bytes_, " bytes; split it, or decompress it first"));
    return -1;
  }
  return got;
}

// Appends behind what is there; input_begin_ == input_end_ or still at the start.
absl::Status ByteFile::FillInput() {
  if (input_begin_ == input_end_) input_begin_ = input_end_ = 0;
  ssize_t got;
  do {
    got = read(fd_, input_.data() + input_end_, input_.size() - input_end_);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return absl::ErrnoToStatus(errno, "can't be read");
  end_of_input_ = got == 0;
  input_end_ += static_cast<size_t>(got);
  return absl::OkStatus();
}

ssize_t ByteFile::Read(char* buffer, size_t size) {
  if (input_begin_ == input_end_ && !end_of_input_) {
    status_ = FillInput();
    if (!status_.ok()) return -1;
  }
  size_t n = std::min(size, input_end_ - input_begin_);
  std::memcpy(buffer, input_.data() + input_begin_, n);
  input_begin_ += n;
  return static_cast<ssize_t>(n);
}

ssize_t ByteFile::Inflate(char* buffer, size_t size) {
  inflate_.next_out = reinterpret_cast<Bytef*>(buffer);
  inflate_.avail_out = static_cast<uInt>(std::min<size_t>(size, 1u << 30));
  const uInt wanted = inflate_.avail_out;
  while (inflate_.avail_out == wanted) {
    if (input_begin_ == input_end_ && !end_of_input_) {
      status_ = FillInput();
      if (!status_.ok()) return -1;
    }
    if (input_begin_ == input_end_) {
      if (in_member_) {
        status_ =
            absl::DataLossError(absl::StrCat("its gzip stream ends early, after ", decoded_bytes_, " decoded bytes"));
        return -1;
      }
      return 0;
    }
    if (!in_member_) {
      // Members may follow each other; anything else behind one is padding, which gzip ignores as well.
      if (input_[input_begin_] != kGzipMagic[0]) return 0;
      inflateReset(&inflate_);
      in_member_ = true;
    }
    inflate_.next_in = input_.data() + input_begin_;
    inflate_.avail_in = static_cast<uInt>(input_end_ - input_begin_);
    int result = inflate(&inflate_, Z_NO_FLUSH);
    input_begin_ = input_end_ - inflate_.avail_in;
    if (result == Z_STREAM_END) {
      in_member_ = false;
    } else if (result != Z_OK && result != Z_BUF_ERROR && inflate_.avail_out == wanted) {
      // What was decoded ahead of the damage has been handed out; zlib goes on reporting it.
      status_ = absl::DataLossError(
          absl::StrCat("its gzip stream is damaged after ", decoded_bytes_,
                       " decoded bytes: ", inflate_.msg != nullptr ? inflate_.msg : "unknown zlib error"));
      return -1;
    }
  }
  return static_cast<ssize_t>(wanted - inflate_.avail_out);
}

}  // namespace breakwater::replay
