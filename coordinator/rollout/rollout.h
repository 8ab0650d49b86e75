// Which edge shall have which rules: views computed from scopes, as signed sets that edges are led to.
//
//   Rollout rollout(signing_key);
//   rollout.Restore(epoch, revision, placed_rules);
//   absl::StatusOr<v1::SignedRule> bytes = rollout.Sign(rule);       // once for each rule object
//   rollout.Apply(revision, {{id, placed}});                         // after it is durable
//   for (v1::CoordinatorMessage& m : rollout.Lead(edge, edges_version, now)) Send(m);
//
// A view is a region's, or one edge's own once a rule has named that edge. Its version is (epoch, revision of its last
// change, additive hash); revisions come from one counter. Deltas are made from a bounded log of changes and only when the
// hash that the edge reports is the one its set had; else it gets a snapshot. Not thread-safe; memory is bounded by the
// rules, kMaxLog and the edges that have views of their own.
#ifndef BREAKWATER_COORDINATOR_ROLLOUT_ROLLOUT_H_
#define BREAKWATER_COORDINATOR_ROLLOUT_ROLLOUT_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "breakwater/v1/fleet.pb.h"
#include "common/fleet/set_hash.h"
#include "common/fleet/signing.h"
#include "common/rule/rule.h"
#include "common/tls/identity.h"
#include "coordinator/policy/policy.h"

namespace breakwater::rollout {

// A rule as edges have it. Immutable.
struct Placed {
  policy::EntryPtr entry;
  v1::SignedRule signed_rule;
  uint64_t revision = 0;          // the first that holds it with this expiry
  uint64_t content_revision = 0;  // the first that holds it but for its expiry
};
using PlacedPtr = std::shared_ptr<const Placed>;

// The rule of that id from a revision on; null = removed.
struct Placement {
  std::string id;
  PlacedPtr placed;
};

bool Applies(const rule::Scope& scope, const tls::EdgeIdentity& edge);

class Rollout {
 public:
  static constexpr size_t kMaxLog = 8192;                  // changes
  static constexpr size_t kMaxMessage = size_t{3} << 20;   // bytes; a session's message may have 4 MiB
  static constexpr int kMaxChanges = 1024;                 // upserts and removals of a delta, rules of a chunk
  static constexpr uint64_t kMaxJump = uint64_t{1} << 32;  // of revisions, after an edge that is ahead

  explicit Rollout(fleet::SigningKey key);

  void Restore(uint64_t epoch, uint64_t revision, std::vector<PlacedPtr> rules);
  absl::StatusOr<v1::SignedRule> Sign(const rule::Rule& rule) const;
  const fleet::SigningKey& key() const { return key_; }

  // Changes of one revision, which is above all before it. At most kMaxChanges of them.
  void Apply(uint64_t revision, const std::vector<Placement>& changes);

  uint64_t epoch() const { return epoch_; }
  uint64_t revision() const { return revision_; }
  PlacedPtr Find(std::string_view id) const;
  const std::map<std::string, PlacedPtr, std::less<>>& rules() const { return rules_; }

  // What the edge shall have.
  v1::SetVersion Desired(const tls::EdgeIdentity& edge);
  // The messages that lead there from what the edge says it has: nothing but the manifest when it has these rules already
  // or shall have none, a delta when what it has is known and was ours, else a snapshot (also when from is null). FailedPrecondition: the edge is ahead of
  // this coordinator by a later epoch or by more revisions than can be passed over.
  absl::StatusOr<std::vector<v1::CoordinatorMessage>> Lead(const tls::EdgeIdentity& edge, const v1::SetVersion* from,
                                                           absl::Time now);

  struct Stats {
    uint64_t manifests = 0, deltas = 0, snapshots = 0;
  };
  const Stats& stats() const { return stats_; }

 private:
  struct Logged {
    uint64_t revision;
    PlacedPtr before;
    PlacedPtr after;
  };
  struct CachedDelta {
    std::string from_hash;
    std::optional<v1::Delta> delta;  // nullopt: too large for one
  };
  struct View {
    fleet::SetHash hash;
    uint32_t rules = 0;
    uint64_t revision = 0;
    std::optional<v1::Manifest> manifest;
    std::map<uint64_t, CachedDelta> deltas;  // by the revision they start from
  };

  std::string ViewName(const tls::EdgeIdentity& edge) const;
  View& ViewOf(const tls::EdgeIdentity& edge);
  v1::SetVersion VersionOf(const View& view) const;
  v1::CoordinatorMessage ManifestOf(View& view, const std::string& name, absl::Time now);
  CachedDelta MakeDelta(const View& view, const tls::EdgeIdentity& edge, uint64_t from) const;
  std::vector<v1::CoordinatorMessage> Snapshot(const View& view, const tls::EdgeIdentity& edge) const;

  fleet::SigningKey key_;
  uint64_t epoch_ = 0;
  uint64_t revision_ = 0;
  std::map<std::string, PlacedPtr, std::less<>> rules_;
  std::set<std::string, std::less<>> named_edges_;  // that have views of their own
  std::map<std::string, View, std::less<>> views_;
  std::map<std::string, tls::EdgeIdentity, std::less<>> view_edges_;  // whom each view is for; a region's has no id
  std::deque<Logged> log_;
  uint64_t log_floor_ = 0;  // all changes after this revision are in the log
  Stats stats_;
};

}  // namespace breakwater::rollout

#endif  // BREAKWATER_COORDINATOR_ROLLOUT_ROLLOUT_H_
