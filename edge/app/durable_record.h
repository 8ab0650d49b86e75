// One record on disk that survives a crash at any moment: after every write either the new record or the one before it
// can be read, and a damaged one is noticed.
//
//   DurableRecord record(service::SystemFiles(), "/var/lib/breakwater", "rules.state");
//   absl::Status s = record.Write(bytes);
//   DurableRecord::ReadResult r = record.Read();      // newest intact record, and what was wrong with newer ones
//
// A write goes to NAME.tmp and is synced; the record before becomes NAME.1; NAME.tmp becomes NAME; the directory is
// synced. Files carry a magic, a format version, a length and a checksum over all of it: it finds damage, not forgery
// (they have mode 0600). Not thread-safe.
#ifndef BREAKWATER_EDGE_APP_DURABLE_RECORD_H_
#define BREAKWATER_EDGE_APP_DURABLE_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/service/files.h"

namespace breakwater::app {

class DurableRecord {
 public:
  static constexpr uint32_t kVersion = 1;
  static constexpr size_t kMaxPayload = 64 * 1024 * 1024;
  static constexpr size_t kHeaderBytes = 8 + 4 + 8 + 16;

  DurableRecord(service::Files& files, std::string directory, std::string name);

  // On an error the record before is still there, and NAME.tmp isn't (a full disk gets its space back).
  absl::Status Write(std::string_view payload);

  struct ReadResult {
    std::optional<std::string> payload;  // absent when there is no intact record
    bool from_previous = false;          // it is the one before the newest
    std::vector<absl::Status> problems;  // damaged, unreadable or of a newer version; empty on a first start
  };
  // accept looks into an intact record; what it refuses counts as damaged. A damaged newest record is set aside as
  // NAME.damaged, so that the next write doesn't take the good one's place with it. One of a newer version is set aside
  // as NAME.newer.
  ReadResult Read(const std::function<absl::Status(std::string_view payload)>& accept = nullptr);

  // The file's bytes and back. Pure.
  static std::string Encode(std::string_view payload) { return EncodeVersion(payload, kVersion); }
  static std::string EncodeVersion(std::string_view payload, uint32_t version);
  static absl::StatusOr<std::string> Decode(std::string_view file);

 private:
  std::string Path(std::string_view suffix = "") const;

  service::Files& files_;
  std::string directory_;
  std::string name_;
};

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_DURABLE_RECORD_H_
