// A coordinator's side in a test: it signs rules and builds the manifests, deltas and snapshots of sets.
//
//   TestCoordinator c;
//   v1::Manifest m = c.Manifest({.revision = 1}, {c.Rule("op-1")});
//
// Only for tests.
#ifndef BREAKWATER_EDGE_LINK_TESTING_H_
#define BREAKWATER_EDGE_LINK_TESTING_H_

#include <string>
#include <vector>

#include "breakwater/v1/fleet.pb.h"
#include "common/fleet/set_hash.h"
#include "common/fleet/signing.h"
#include "common/rule/rule_wire.h"

namespace breakwater::link {

inline rule::Rule TestRule(const std::string& id,
                           const std::string& match = "ip.dst == 203.0.113.7 and udp.srcport == 53") {
  rule::Rule rule;
  rule.id = id;
  rule.match = *rule::ParseExpr(match);
  rule.mode = rule::Mode::kEnforce;
  return rule;
}

struct TestVersion {
  uint64_t epoch = 1;
  uint64_t revision = 1;
};

class TestCoordinator {
 public:
  explicit TestCoordinator(char seed = 's') : key_(*fleet::SigningKey::FromSeed(std::string(32, seed))) {}

  fleet::TrustedKeys keys() const {
    fleet::TrustedKeys keys;
    (void)keys.Add(key_.public_key());
    return keys;
  }

  v1::SignedRule Sign(const v1::Rule& rule) const {
    v1::SignedRule out;
    out.set_rule(rule.SerializeAsString());
    Seal(fleet::kRuleContext, out.rule(), out);
    return out;
  }
  v1::SignedRule Rule(const rule::Rule& rule) const { return Sign(*rule::ToProto(rule)); }
  v1::SignedRule Rule(const std::string& id) const { return Rule(TestRule(id)); }

  static v1::SetVersion Version(TestVersion v, const std::vector<v1::SignedRule>& rules) {
    fleet::SetHash hash;
    for (const v1::SignedRule& rule : rules) hash.Add(rule.rule());
    v1::SetVersion version;
    version.set_epoch(v.epoch);
    version.set_revision(v.revision);
    version.set_hash(hash.bytes());
    return version;
  }
  v1::Manifest Manifest(TestVersion v, const std::vector<v1::SignedRule>& rules, const std::string& view = "eu") const {
    v1::ManifestContent content;
    content.set_view(view);
    *content.mutable_desired() = Version(v, rules);
    content.set_rules(static_cast<uint32_t>(rules.size()));
    v1::Manifest out;
    out.set_content(content.SerializeAsString());
    Seal(fleet::kManifestContext, out.content(), out);
    return out;
  }
  static v1::SnapshotChunk Chunk(TestVersion v, const std::vector<v1::SignedRule>& all, uint32_t index, uint32_t chunks,
                                 const std::vector<v1::SignedRule>& rules) {
    v1::SnapshotChunk out;
    *out.mutable_version() = Version(v, all);
    out.set_index(index);
    out.set_chunks(chunks);
    for (const v1::SignedRule& rule : rules) *out.add_rules() = rule;
    return out;
  }
  static v1::Delta Delta(TestVersion from, TestVersion to, const std::vector<v1::SignedRule>& all_then,
                         const std::vector<v1::SignedRule>& upserts, const std::vector<std::string>& removals = {}) {
    v1::Delta out;
    *out.mutable_from() = Version(from, {});
    *out.mutable_to() = Version(to, all_then);
    for (const v1::SignedRule& rule : upserts) *out.add_upserts() = rule;
    for (const std::string& id : removals) out.add_removals(id);
    return out;
  }
  v1::StopEnforcing Stop(uint64_t serial, bool on, uint64_t epoch = 1) const {
    v1::StopEnforcingContent content;
    content.set_epoch(epoch);
    content.set_serial(serial);
    content.set_on(on);
    content.set_reason("a test");
    v1::StopEnforcing out;
    out.set_content(content.SerializeAsString());
    Seal(fleet::kStopContext, out.content(), out);
    return out;
  }

 private:
  template <typename Message>
  void Seal(std::string_view context, const std::string& bytes, Message& out) const {
    out.set_signature(key_.Sign(context, bytes));
    out.set_key_id(key_.public_key().id());
  }

  fleet::SigningKey key_;
};

}  // namespace breakwater::link

#endif  // BREAKWATER_EDGE_LINK_TESTING_H_
