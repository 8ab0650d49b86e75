// The last good rules on disk: what an edge enforces again after a restart, before anything else has told it to.
//
//   StateFile file(service::SystemFiles(), "/var/lib/breakwater");
//   StateFile::Loaded loaded = file.Load(now);      // never fails; says what was wrong
//   absl::Status s = file.Save(state);
//
// Not thread-safe.
#ifndef BREAKWATER_EDGE_APP_STATE_FILE_H_
#define BREAKWATER_EDGE_APP_STATE_FILE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "edge/app/durable_record.h"
#include "edge/control/control.h"

namespace breakwater::app {

struct EdgeState {
  control::SavedState saved;
  // Why and since when saved.panic is on.
  std::string panic_reason;
  absl::Time panic_since = absl::InfinitePast();
};

class StateFile {
 public:
  static constexpr std::string_view kName = "rules.state";
  static constexpr size_t kMaxPanicReason = 256;

  StateFile(service::Files& files, const std::string& directory) : record_(files, directory, std::string(kName)) {}

  absl::Status Save(const EdgeState& state, absl::Time now);

  struct Loaded {
    EdgeState state;
    bool found = false;
    bool from_previous = false;          // the newest file was damaged; this is the one before
    std::vector<absl::Status> problems;  // of the files; empty on a first start
    std::vector<std::string> expired;    // ids of rules whose lease ended meanwhile; not in state
    std::vector<absl::Status> rejected;  // rules that this version can't read; not in state
  };
  Loaded Load(absl::Time now);

 private:
  DurableRecord record_;
};

// The record's payload and back. Pure. Decode leaves nothing out but rules that can't be read.
absl::StatusOr<std::string> EncodeState(const EdgeState& state, absl::Time now);
struct DecodedState {
  EdgeState state;
  std::vector<absl::Status> rejected;
};
absl::StatusOr<DecodedState> DecodeState(std::string_view payload);

}  // namespace breakwater::app

#endif  // BREAKWATER_EDGE_APP_STATE_FILE_H_
