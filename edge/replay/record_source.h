// The packets of a capture file as they stand in it, whatever its format.
//
//   absl::StatusOr<std::unique_ptr<RecordSource>> source = OpenPcap(stream);     // libpcap
//   std::unique_ptr<RecordSource> source = OpenPcapng(stream);                    // our own: see pcapng.cc
//   while (const Record* r = source->Next()) ...;
//   if (!source->status().ok()) ...;    // damaged behind the packets that were handed out
//
// A source closes its stream. Not thread-safe.
#ifndef BREAKWATER_EDGE_REPLAY_RECORD_SOURCE_H_
#define BREAKWATER_EDGE_REPLAY_RECORD_SOURCE_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace breakwater::replay {

struct Record {
  int link_type = 0;  // a DLT_* number
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  std::span<const uint8_t> bytes;  // what was captured of the packet
};

class RecordSource {
 public:
  virtual ~RecordSource() = default;
  // Valid until the next call; null at the end, and where the file is damaged.
  virtual const Record* Next() = 0;
  const absl::Status& status() const { return status_; }

 protected:
  absl::Status status_;
};

absl::StatusOr<std::unique_ptr<RecordSource>> OpenPcap(FILE* stream);
std::unique_ptr<RecordSource> OpenPcapng(FILE* stream);

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_RECORD_SOURCE_H_
