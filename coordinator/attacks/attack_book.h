// Every attack on the network: what edges report and what the coordinator's own detector finds over merged slots, joined by
// target and vector into one record with a timeline.
//
//   AttackBook book(AttackBookOptions{.detector = config});
//   book.OnReport("ams-1", "eu", report, now);                 // an edge's AttackReport
//   book.OnLocalRule("ams-1", rule_message, now);              // so that the timeline names it
//   for (const Proposal& p : book.OnSlot(merged, now)) ...     // signatures that only the merged view shows
//   book.OnWindow("ams-1", "eu", window, now);                 // per edge rates and totals, late windows too
//   v1::AttacksView view = book.List(request, now);
//
// Signatures of the coordinator's detector are proposed only for what no rule in force accounts for. Closed attacks are
// given to the store through TakeWrites() (family "attack/") and come back through Restore(); bounded by max_history and
// history_age. Not thread-safe.
#ifndef BREAKWATER_COORDINATOR_ATTACKS_ATTACK_BOOK_H_
#define BREAKWATER_COORDINATOR_ATTACKS_ATTACK_BOOK_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "breakwater/v1/admin.pb.h"
#include "breakwater/v1/fleet.pb.h"
#include "common/detect/detector.h"
#include "common/net/ip.h"
#include "common/window/window.h"
#include "coordinator/merge/merger.h"
#include "coordinator/store/store.h"

namespace breakwater::attacks {

struct AttackBookOptions {
  std::string coordinator_id = "coordinator";
  detect::DetectorConfig detector;  // of the merged view; floors are those of the whole network
  bool detect = true;
  size_t max_history = 1000;
  absl::Duration history_age = absl::Hours(24 * 30);
};

// What the coordinator's detector wants the rules to become.
struct Proposal {
  enum class Kind { kProposed, kConfirmed, kReconfirmed, kRejected } kind = Kind::kProposed;
  std::string attack_id;  // of the joined record
  std::string rule_id;
  window::Target target;
  window::Vector vector = BW_VECTOR_IP_OTHER;
  rule::ExprPtr match;       // kProposed
  double threshold_pps = 0;  // of the merged view
  std::string detail;        // kRejected: why
};

class AttackBook {
 public:
  explicit AttackBook(AttackBookOptions options);
  ~AttackBook();

  absl::Status Restore(const store::Store& store, absl::Time now);

  void OnReport(std::string_view edge, std::string_view region, const v1::AttackReport& report, absl::Time now);
  void OnLocalRule(std::string_view edge, const v1::LocalRule& rule, absl::Time now);
  // What the rules side did, for the timeline of the rule's attack: kinds of v1::AttackEventView. edge may be empty.
  void OnRuleEvent(std::string_view attack_id, std::string_view kind, std::string_view edge, std::string_view rule_id,
                   std::string_view text, absl::Time now);
  void OnWindow(std::string_view edge, std::string_view region, const window::Window& window, absl::Time now);
  std::vector<Proposal> OnSlot(const merge::MergedSlot& slot, absl::Time now);

  // The joined record that an edge's or the detector's attack id belongs to; empty when unknown.
  std::string JoinedId(std::string_view attack_id) const;
  // Whether the joined record is active (not ended).
  bool Active(std::string_view joined_id) const;
  size_t active() const;
  // Ids of the active ones among whose largest sources (one in a hundred packets or more) it is.
  std::vector<std::string> AttacksFrom(const net::IpAddress& source) const;
  // Every record that changed since the last call, to be committed together with the watermarks of the windows that were
  // counted into it. A record with more than 64 edges at most once a second, when nothing but its counts changed.
  store::Batch TakeWrites(absl::Time now);

  v1::AttacksView List(const v1::ListAttacksRequest& request, absl::Time now) const;
  // NotFound. With timeline and edges.
  absl::StatusOr<v1::AttackView> Get(std::string_view id, absl::Time now) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::attacks

#endif  // BREAKWATER_COORDINATOR_ATTACKS_ATTACK_BOOK_H_
