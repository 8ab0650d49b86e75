// One attack on the network: what every edge and the coordinator's own detector say of it, and what follows from that.
//
//   Record r("attack-1700000000-1", key);
//   r.OnReport("ams-1", "eu", report, now);
//   r.OnWindow("ams-1", "eu", window);
//   r.Settle(now);            // its state; true when that changed
//
// Times are those of edges' corrected clocks. Bounded: kMax*. Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_ATTACKS_RECORD_H_
#define BREAKWATER_COORDINATOR_ATTACKS_RECORD_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "breakwater/v1/admin.pb.h"
#include "breakwater/v1/fleet.pb.h"
#include "common/detect/detector.h"
#include "common/net/ip.h"
#include "common/sketch/misra_gries.h"
#include "common/window/window.h"

namespace breakwater::attacks {

// Packets of the newest second, by slots of 100 ms.
class RecentSlots {
 public:
  // Counts of one slot; told until `until`.
  void Add(absl::Time start, const window::Counts& counts);
  void ToldUntil(absl::Time until) { until_ = std::max(until_, until); }
  // Over the second before until; zeros when nothing was told for 5 s.
  window::Counts LastSecond(absl::Time now) const;

 private:
  static constexpr size_t kSlots = 32;
  struct OneSlot {
    int64_t index = -1;
    window::Counts counts;
  };
  std::array<OneSlot, kSlots> slots_{};
  absl::Time until_ = absl::InfinitePast();
};

// What one detector says of it: an edge's, or the coordinator's.
struct Finding {
  detect::AttackState state = detect::AttackState::kDetected;
  absl::Time first_packet;
  absl::Time detected;
  std::optional<absl::Time> first_drop;
  std::optional<absl::Time> ended;
  double threshold_pps = 0;
  bool secondary = false;  // see detect::Attack
  window::Counts total;    // since first_packet
  absl::Time heard;        // when it was last said
};

struct Part {
  std::string region;
  std::map<std::string, Finding> findings;      // by the edge's own attack id; at most kMaxFindings
  window::Counts earlier;                       // of findings that had to make room
  window::Counts counted;                       // from windows, since there is this record
  std::optional<absl::Time> first_drop_slot;    // from windows
  std::optional<absl::Time> restored_detected;  // of an edge whose findings are only known from the store
  RecentSlots recent;

  window::Counts Total() const;
  std::optional<absl::Time> Detected() const;
  std::optional<absl::Time> FirstDrop() const;
};

struct Record {
  static constexpr size_t kMaxParts = 1000;
  static constexpr size_t kMaxFindings = 8;
  static constexpr size_t kMaxEvents = 200;
  static constexpr int kMaxSignatures = 8;
  // An edge that says nothing of an active attack for so long isn't waited for.
  static constexpr absl::Duration kSilence = absl::Seconds(30);

  std::string id;
  window::TargetVector key;
  detect::AttackState state = detect::AttackState::kDetected;
  absl::Time first_packet = absl::InfiniteFuture();
  std::string first_packet_edge;
  absl::Time detected = absl::InfiniteFuture();
  std::string detected_by;  // an edge, or kCoordinator
  std::optional<absl::Time> first_drop;
  std::optional<absl::Time> ended;
  double threshold_pps = 0;  // of who detected it first
  double peak_pps = 0;
  double peak_bps = 0;
  std::map<std::string, Part, std::less<>> parts;  // by edge
  std::optional<Finding> own;                      // of the coordinator's detector
  std::string own_attack_id;
  std::vector<v1::SignatureView> signatures;
  std::string note;
  // Of the windows that alerted edges sent of it; in memory only, since addresses aren't kept for long.
  sketch::MisraGries<net::IpPrefix> sources{window::TargetSketches::kSources};
  std::vector<v1::AttackEventView> events;  // of rules; the others follow from the times
  uint64_t events_left_out = 0;
  bool changed = true;  // since it was last written
  bool turned = true;   // and in a way that should be written soon
  absl::Time written = absl::InfinitePast();

  bool active() const { return state != detect::AttackState::kEnded; }

  // The attack id of that edge which had to make room for this one; empty when none had to.
  std::string OnReport(std::string_view edge, std::string_view region, const v1::AttackReport& report, absl::Time now);
  void OnOwn(const detect::Attack& attack, absl::Time now);
  void OnWindow(std::string_view edge, std::string_view region, const window::Window& window);
  // Whether so much of it comes from that address (IPv6: its /64) that it is one of the largest sources.
  bool LargeSource(const net::IpAddress& source) const;
  // Once for each kind, edge and rule.
  void AddEvent(absl::Time at, std::string_view kind, std::string_view edge, std::string_view rule_id,
                std::string_view text);
  void AddSignature(std::string_view rule_id, std::string_view match, double attack_share, double baseline_share);
  // Whether its state changed.
  bool Settle(absl::Time now);

 private:
  Part* PartOf(std::string_view edge, std::string_view region);
  void TakeNote(std::string_view text);
  void Widen(const Finding& finding, std::string_view by);
};

// At most so many bytes, cut between two characters.
std::string Cut(std::string_view text, size_t limit);

inline constexpr std::string_view kCoordinator = "coordinator";

}  // namespace breakwater::attacks

#endif  // BREAKWATER_COORDINATOR_ATTACKS_RECORD_H_
