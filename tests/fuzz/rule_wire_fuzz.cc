// Any bytes as a set of rules: what is taken can be sent again, and comes out as the same bytes' worth.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "common/rule/rule_wire.h"

namespace {

void Check(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace breakwater;
  v1::RuleSet message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  const absl::StatusOr<rule::RuleSet> set = rule::RuleSetFromProto(message);
  if (!set.ok()) return 0;
  for (const rule::RejectedRule& rejected : set->rejected) {
    Check(rule::RefusalOf(rejected.status) != rule::Refusal::kOther,
          "a refusal without a reason: " + rejected.status.ToString());
  }
  const absl::StatusOr<v1::RuleSet> sent = rule::ToProto(*set);
  Check(sent.ok(), "taken, but can't be sent: " + sent.status().ToString());
  const absl::StatusOr<rule::RuleSet> again = rule::RuleSetFromProto(*sent);
  Check(again.ok() && again->rejected.empty() && again->rules.size() == set->rules.size(),
        "sent, but isn't taken again");
  Check(rule::ToProto(*again)->SerializeAsString() == sent->SerializeAsString(), "changed on its second way");
  return 0;
}
