// The additive hash of a set of rules: kept up to date rule by rule, the same in any order.
//
//   SetHash hash;
//   hash.Add(signed_rule.rule());        // the rule's bytes, as they were signed
//   hash.Remove(old.rule());
//   version.set_hash(hash.bytes());      // 32 bytes, or empty for the empty set
//
// The sum, modulo 2^256 (big-endian), of the SHA-256 of each rule's bytes (AdHash; Bellare and Micciancio, 1997). It tells
// apart sets that differ by accident; against forgery stands the manifest's signature. Values; not thread-safe.
#ifndef BREAKWATER_COMMON_FLEET_SET_HASH_H_
#define BREAKWATER_COMMON_FLEET_SET_HASH_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace breakwater::fleet {

class SetHash {
 public:
  void Add(std::string_view rule_bytes);
  void Remove(std::string_view rule_bytes);
  std::string bytes() const;
  friend bool operator==(const SetHash&, const SetHash&) = default;

 private:
  std::array<uint64_t, 4> words_{};  // least significant first
};

}  // namespace breakwater::fleet

#endif  // BREAKWATER_COMMON_FLEET_SET_HASH_H_
