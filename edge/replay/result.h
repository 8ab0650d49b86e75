// What a replay found out. Values; times are nanoseconds of capture time, 0 = the first packet of every file.
#ifndef BREAKWATER_EDGE_REPLAY_RESULT_H_
#define BREAKWATER_EDGE_REPLAY_RESULT_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace breakwater::replay {

// What whoever started the replay says about a file; the edge never sees it.
enum class Label { kAttack, kClean };
inline constexpr size_t kLabels = 2;

// A number for each label.
struct ByLabel {
  std::array<uint64_t, kLabels> count{};
  uint64_t& operator[](Label label) { return count[static_cast<size_t>(label)]; }
  uint64_t operator[](Label label) const { return count[static_cast<size_t>(label)]; }
};

// bytes are IP total lengths; packets without an IP header add none.
struct Totals {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t dropped_packets = 0;
  uint64_t dropped_bytes = 0;
};

struct FileResult {
  std::string file;
  Label label = Label::kClean;
  uint64_t packets = 0;  // in all loops
  uint64_t dropped_packets = 0;
  uint64_t unparsed_packets = 0;  // the packet filter couldn't read their headers, or nobody their link layer
  absl::Status status;            // why it couldn't be read, or not to its end
  std::string note;
};

struct RuleResult {
  std::string id;
  std::string match;  // canonical text
  std::string action;
  std::string mode;                        // the last one
  std::string state;                       // at the end: "removed", or the rule book's name
  std::string detail;                      // why refused
  std::optional<int64_t> first_installed;  // in any mode
  std::optional<int64_t> first_enforced;
  uint64_t matched_packets = 0;  // as the packet filter counted, in every mode
  ByLabel dropped;
};

// Packets to an attack's target and of its vector while it went on.
struct AfterDetection {
  ByLabel packets;
  ByLabel dropped;
};

// How well an attack's confirmed signatures fit, counted over the whole replay and not only while they were enforced.
struct Measured {
  ByLabel packets;  // to its target and of its vector
  ByLabel matched;  // by its signatures; a packet that several attacks' signatures match counts for the first of them
};

struct AttackResult {
  std::string id;
  std::string target;
  std::string vector;
  int64_t first_packet = 0;  // to the slot
  int64_t detected = 0;
  std::optional<int64_t> first_drop;  // the first packet that a rule of this attack dropped
  std::optional<int64_t> ended;       // absent: went on when the captures ended
  double threshold_pps = 0;
  double peak_pps = 0;
  std::string signature;  // the confirmed ones as one match; empty when there is none
  std::vector<std::string> signatures;
  std::string note;  // why there is no signature
  std::vector<RuleResult> rules;
  ByLabel dropped;  // by rules of this attack
  AfterDetection after_detection;
  std::optional<Measured> measured;
};

struct Speed {
  uint64_t packets = 0;
  double cpu_seconds = 0;
};

struct Result {
  std::array<Totals, kLabels> totals;
  std::vector<FileResult> files;
  std::map<std::string, uint64_t> drop_reasons;  // packets by reason
  std::vector<AttackResult> attacks;             // in the order of their detection
  std::vector<RuleResult> rules;                 // operators'
  // Packets of attack files since the first detection, wherever they went.
  ByLabel after_first_detection;
  ByLabel dropped_after_first_detection;
  int64_t end = 0;  // time of the last packet
  std::string engine;
  Speed speed;

  const Totals& of(Label label) const { return totals[static_cast<size_t>(label)]; }
  // No file had an error and no operator's rule was refused.
  bool ok() const;
};

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_RESULT_H_
