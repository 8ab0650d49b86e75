// A file as a stream of bytes for libpcap, with gzip undone on the way (recognised by its magic, not by its name).
//
//   auto file = ByteFile::Open("attack.pcap.gz", kMaxDecodedBytes);
//   pcap_t* p = pcap_fopen_offline_with_tstamp_precision((*file)->stream(), ...);
//
// Pipes work: nothing seeks. Not thread-safe.
#ifndef BREAKWATER_EDGE_REPLAY_BYTE_FILE_H_
#define BREAKWATER_EDGE_REPLAY_BYTE_FILE_H_

#include <sys/types.h>
#include <zlib.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace breakwater::replay {

// A small gzip file can decode to any size.
inline constexpr uint64_t kMaxDecodedBytes = uint64_t{8} << 30;

class ByteFile {
 public:
  // Errors: missing, not readable, a directory, empty.
  static absl::StatusOr<std::unique_ptr<ByteFile>> Open(const std::string& path, uint64_t max_decoded_bytes);
  ~ByteFile();
  ByteFile(const ByteFile&) = delete;
  ByteFile& operator=(const ByteFile&) = delete;

  // Owned by the caller from now on, who closes it (pcap_close does) before this object goes. Called once.
  FILE* stream();
  // The first bytes of the decoded contents, fewer than kHead only when there are no more. stream() gives them again.
  static constexpr size_t kHead = 4;
  std::span<const uint8_t> head() const { return {head_.data(), head_size_}; }
  // A pipe or socket: can't be opened a second time.
  bool once_only() const { return once_only_; }
  // Why the stream ended early, when the reason lies here (I/O error, damaged gzip, over the bound); OK otherwise.
  const absl::Status& status() const { return status_; }

 private:
  ByteFile(int fd, uint64_t max_decoded_bytes);
  static ssize_t ReadCookie(void* cookie, char* buffer, size_t size);
  absl::Status FillInput();
  ssize_t Decode(char* buffer, size_t size);
  ssize_t Read(char* buffer, size_t size);
  ssize_t Inflate(char* buffer, size_t size);

  int fd_;
  uint64_t max_decoded_bytes_;
  uint64_t decoded_bytes_ = 0;
  bool once_only_ = false;
  bool gzip_ = false;
  bool in_member_ = false;
  bool end_of_input_ = false;
  std::vector<uint8_t> input_;
  size_t input_begin_ = 0;
  size_t input_end_ = 0;
  z_stream inflate_{};
  std::array<uint8_t, kHead> head_{};
  size_t head_size_ = 0;
  size_t head_given_ = 0;
  absl::Status status_;
};

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_BYTE_FILE_H_
