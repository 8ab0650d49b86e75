// Runs captures through one edge: its packet filter, its slots, its control, all on capture time.
//
//   std::vector<Input> inputs = Load({{"attack.pcap", Label::kAttack, 1}}, TrackLimits{});
//   absl::StatusOr<Result> result = Replay(inputs, **NewNativeEngine({}), settings);
//
// Slots close at every 100 ms of capture time; what the control decides then is installed at once. In stretches without
// packets slots close only as long as an attack or a lease is on, at most kMaxIdleSlots of them, so that a gap of years
// costs no more than one of minutes. The replay ends with the slot of the last packet.
//
// Deterministic: the same captures and settings give the same result.
#ifndef BREAKWATER_EDGE_REPLAY_REPLAY_H_
#define BREAKWATER_EDGE_REPLAY_REPLAY_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "edge/control/control.h"
#include "edge/datapath/datapath.h"
#include "edge/replay/result.h"
#include "edge/replay/track.h"

namespace breakwater::replay {

// Two minutes: longer than any timer that a quiet attack or an unused lease waits for by default.
inline constexpr int kMaxIdleSlots = 1200;

struct InputFile {
  std::string path;
  Label label = Label::kClean;
  uint64_t loops = 1;
};

struct Input {
  Label label = Label::kClean;
  std::unique_ptr<Track> track;
};

// Opens the files and holds the small ones in memory, up to kMaxMemory together. Files that can't be read are inputs
// without packets, which know their error.
inline constexpr uint64_t kMaxMemory = uint64_t{1} << 30;
std::vector<Input> Load(const std::vector<InputFile>& files, const TrackLimits& limits);

// One decision as it falls: "rule edge-1-s1 confirmed: …", for whoever wants to follow a replay.
using EventSink = std::function<void(int64_t time_ns, const std::string& text)>;

// Consumes the inputs. An error means that the replay could not go on: settings that can't be installed, or an engine
// that failed, with the file and the number of the packet.
absl::StatusOr<Result> Replay(std::vector<Input>& inputs, datapath::Engine& engine, const control::Settings& settings,
                              EventSink events = nullptr);

// Counts how well the confirmed signatures of a replay's attacks fit: its packets again (inputs loaded anew), with
// every signature in force from the start. Fills in AttackResult::measured. policies: what the replay protected.
absl::Status Measure(std::vector<Input>& inputs, datapath::Engine& engine,
                     const std::vector<datapath::Policy>& policies, Result& result);

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_REPLAY_H_
