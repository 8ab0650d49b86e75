// What the coordinator wants this edge to have, believed only as far as it is signed.
//
//   DesiredSet set(trusted_keys, {.id = "ams-1", .region = "eu-west"});
//   DesiredSet::Outcome o = set.Take(manifest);        // then a delta or a snapshot
//   if (o.changed) Deliver(set.Rules());
//   else if (!o.status.ok()) ...                       // refused: nothing has changed; o.resync = a snapshot would help
//
// A manifest says which set is meant: its epoch and revision never go back. A delta or a snapshot leads there: every rule's
// signature is verified, and the whole must have the manifest's hash, or nothing of it is taken. What was taken stays until
// another whole set has come. Bounded by SessionBounds; the caller has checked each message with CheckCoordinatorMessage.
// Not thread-safe.
#ifndef BREAKWATER_EDGE_LINK_DESIRED_SET_H_
#define BREAKWATER_EDGE_LINK_DESIRED_SET_H_

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "breakwater/v1/edge_state.pb.h"
#include "breakwater/v1/fleet.pb.h"
#include "common/fleet/set_hash.h"
#include "common/fleet/signing.h"
#include "common/rule/rule.h"
#include "common/tls/identity.h"
#include "edge/control/control.h"

namespace breakwater::link {

class DesiredSet {
 public:
  DesiredSet(fleet::TrustedKeys keys, tls::EdgeIdentity identity)
      : keys_(std::move(keys)), identity_(std::move(identity)) {}

  struct Outcome {
    bool changed = false;  // Rules() is another set than before
    absl::Status status;   // why the message was refused
    bool resync = false;   // what this edge has and what it was sent don't fit together
  };
  Outcome Take(const v1::Manifest& message);
  Outcome Take(const v1::SnapshotChunk& message);
  Outcome Take(const v1::Delta& message);
  // What of a set that was begun has come is forgotten: the next session starts over.
  void SessionEnded();

  // The order when it is newer than the last one; nullopt for the last one again. Errors: unsigned, older, no order.
  absl::StatusOr<std::optional<control::StopEnforcing>> Take(const v1::StopEnforcing& message);

  // From the disk. What doesn't verify is left out, and said.
  absl::Status RestoreRules(const v1::FleetState& state);
  absl::StatusOr<control::StopEnforcing> RestoreStop(const v1::FleetState& state);

  bool has_set() const { return !set_.manifest.content().empty(); }  // which may be the empty one
  const v1::SetVersion& version() const { return set_.version; }     // the newest whole set
  control::DesiredRules Rules() const;

 private:
  struct Signed {
    v1::SignedRule signed_rule;
    absl::StatusOr<rule::Rule> rule;  // an error: not to be read by this version
  };
  struct Set {
    v1::SetVersion version;
    v1::Manifest manifest;
    std::map<std::string, std::shared_ptr<const Signed>> rules;  // by id
    fleet::SetHash hash;
  };
  struct Wanted {
    v1::Manifest message;
    v1::ManifestContent content;
  };
  struct Assembly {
    Set set;
    uint32_t next_chunk = 0;
    uint32_t chunks = 0;
  };

  absl::StatusOr<Wanted> Verify(const v1::Manifest& message) const;
  absl::Status CheckView(const std::string& view) const;
  absl::Status Add(const v1::SignedRule& message, bool replace, Set& set) const;
  Outcome Adopt(Set set);
  Outcome Refuse(absl::Status why, bool resync);

  fleet::TrustedKeys keys_;
  tls::EdgeIdentity identity_;
  Set set_;
  std::optional<Wanted> wanted_;  // a manifest whose set has yet to come
  std::optional<Assembly> assembly_;
  uint64_t stop_epoch_ = 0;
  uint64_t stop_serial_ = 0;
};

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_DESIRED_SET_H_
