// One capture file of a replay: its packets in order, as often as it is looped, held in memory when it is small.
//
//   Track track("attack.pcap", /*loops=*/10, TrackLimits{});
//   while (const Packet* p = track.Next()) ...
//
// Loops follow each other with the file's average gap between packets (kLoneGapNs when all its packets have one time).
// A damaged file gives what can be read of it, in every loop. Not thread-safe.
#ifndef BREAKWATER_EDGE_REPLAY_TRACK_H_
#define BREAKWATER_EDGE_REPLAY_TRACK_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "edge/replay/capture.h"

namespace breakwater::replay {

inline constexpr uint64_t kMaxLoops = 1'000'000;

struct TrackLimits {
  uint64_t memory_bytes = uint64_t{256} << 20;  // a file that needs more is read again for every loop
  uint64_t max_decoded_bytes = kMaxDecodedBytes;
};

// Packets packed into blocks: no allocation per packet, and nothing moves when it grows.
class PacketStore {
 public:
  struct Record {
    int64_t time_ns;
    const uint8_t* data;
    size_t size;
  };
  void Add(const Packet& packet);
  const std::vector<Record>& records() const { return records_; }
  uint64_t memory_bytes() const { return memory_bytes_; }

 private:
  static constexpr size_t kBlock = 1 << 20;
  std::vector<Record> records_;
  std::vector<std::unique_ptr<uint8_t[]>> blocks_;
  size_t block_size_ = 0;
  size_t block_used_ = 0;
  uint64_t memory_bytes_ = 0;
};

class Track {
 public:
  static constexpr int64_t kLoneGapNs = 1'000'000;

  // Reads the file, up to the memory limit. loops is at least 1.
  Track(std::string path, uint64_t loops, const TrackLimits& limits);

  // Valid until the next call; null behind the last loop.
  const Packet* Next();

  const std::string& path() const { return path_; }
  // What could not be read, and what should be known: complete once the first loop has ended.
  const absl::Status& status() const { return status_; }
  const std::string& note() const { return note_; }
  uint64_t memory_bytes() const { return store_.memory_bytes(); }
  bool streamed() const { return streamed_; }

 private:
  void Open();
  void CloseReader();
  const Packet* NextOfLoop();

  std::string path_;
  uint64_t loops_left_;
  TrackLimits limits_;
  PacketStore store_;
  bool streamed_ = false;
  std::unique_ptr<CaptureReader> reader_;  // streamed: continues behind the store
  size_t position_ = 0;                    // packets of this loop that were handed out
  int64_t last_of_loop_ = 0;
  int64_t loop_start_ = 0;
  Packet packet_;
  absl::Status status_;
  std::string note_;
};

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_TRACK_H_
