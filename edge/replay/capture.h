// Reads a capture file (pcap or pcapng, either gzipped) packet by packet, as Ethernet frames on capture time.
//
//   auto reader = CaptureReader::Open("attack.pcap.gz");
//   while (const Packet* p = (*reader)->Next()) Use(p->time_ns, p->frame);
//   if (!(*reader)->status().ok()) ...;    // damaged behind the packets that were handed out
//
// Time starts at the file's first packet and never goes back. Hostile files are bounded by libpcap's limit on a packet
// (256 KiB) and by kMaxDecodedBytes. Not thread-safe.
#ifndef BREAKWATER_EDGE_REPLAY_CAPTURE_H_
#define BREAKWATER_EDGE_REPLAY_CAPTURE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "edge/replay/byte_file.h"
#include "edge/replay/record_source.h"

namespace breakwater::replay {

// Capture time is cut here: a damaged timestamp must not overflow what is added to it.
inline constexpr int64_t kMaxTimeNs = int64_t{80} * 366 * 86400 * 1'000'000'000;

struct Packet {
  int64_t time_ns = 0;  // since the first packet
  // Starts with an Ethernet header; empty when the packet's link layer can't be read.
  std::span<const uint8_t> frame;
};

// Follows the timestamps of one file. Packets a little out of order wait for nobody: they get the time of the packet
// ahead of them. A clock that was set back further starts anew from there, or all that follows would fall on one
// instant.
class Timeline {
 public:
  static constexpr int64_t kClockSetBackNs = 1'000'000'000;

  // Nanoseconds since the first timestamp; seconds and nanoseconds may be anything.
  int64_t Next(int64_t seconds, int64_t nanoseconds);
  uint64_t reordered() const { return reordered_; }
  uint64_t set_back() const { return set_back_; }

 private:
  bool started_ = false;
  absl::int128 origin_ = 0;
  int64_t last_ = 0;
  uint64_t reordered_ = 0;
  uint64_t set_back_ = 0;
};

class CaptureReader {
 public:
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Open(const std::string& path,
                                                             uint64_t max_decoded_bytes = kMaxDecodedBytes);
  // Valid until the next call; null at the end, and where the file is damaged.
  const Packet* Next();
  // After the end: why it came early. OK when the file ended where it should.
  const absl::Status& status() const { return status_; }
  // What a reader of the results should know though it is no error: link types that can't be read, times that jump.
  std::string note() const;
  bool once_only() const { return file_->once_only(); }

 private:
  explicit CaptureReader(std::unique_ptr<ByteFile> file) : file_(std::move(file)) {}
  absl::Status WhyEnded(const absl::Status& source) const;
  std::span<const uint8_t> ToFrame(const Record& record);

  std::unique_ptr<ByteFile> file_;
  std::unique_ptr<RecordSource> source_;
  uint64_t packets_ = 0;
  std::map<int, uint64_t> unreadable_;  // packets by link type
  Timeline timeline_;
  Packet packet_;
  std::vector<uint8_t> converted_;
  absl::Status status_;
};

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_CAPTURE_H_
