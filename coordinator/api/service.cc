#include "coordinator/api/service.h"

#include <cmath>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/net/ip.h"

namespace breakwater::api {
namespace {

constexpr uint32_t kMaxLimit = 1000;
constexpr size_t kMaxName = 64;
constexpr size_t kMaxReason = 256;
constexpr size_t kMaxMatch = 8192;
constexpr size_t kMaxFile = 65536;
constexpr int kMaxScope = 64;
constexpr double kMaxTraffic = 2592000;  // 30 days
constexpr double kMaxBlock = 3600;       // a block is of the reflex lane
constexpr double kMaxFor = 10.0 * 365 * 86400;

absl::Status Wrong(std::string_view field, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(std::string(field), " ", what));
}

absl::Status AtMost(std::string_view field, const std::string& value, size_t limit) {
  if (value.size() <= limit) return absl::OkStatus();
  return Wrong(field, absl::StrCat("has ", value.size(), " bytes, the limit is ", limit));
}

absl::Status Needed(std::string_view field, const std::string& value, size_t limit) {
  if (value.empty()) return Wrong(field, "is missing");
  return AtMost(field, value, limit);
}

absl::Status NumberIn(std::string_view field, double value, double min, double max) {
  if (std::isfinite(value) && value >= min && value <= max) return absl::OkStatus();
  return Wrong(field, absl::StrCat("is ", value, ", expected ", min, " to ", max));
}

absl::Status OneOf(std::string_view field, const std::string& value, std::initializer_list<std::string_view> words) {
  std::string known;
  for (const std::string_view word : words) {
    if (value == word) return absl::OkStatus();
    if (!word.empty()) absl::StrAppend(&known, known.empty() ? "" : ", ", std::string(word));
  }
  return Wrong(field, absl::StrCat("is \"", value.substr(0, kMaxName), "\", expected one of ", known));
}

absl::Status Source(std::string_view field, const std::string& value) {
  if (absl::Status s = Needed(field, value, kMaxName); !s.ok()) return s;
  if (const auto prefix = net::IpPrefix::Parse(value); !prefix.ok()) {
    return Wrong(field, absl::StrCat("is \"", value,
                                     "\", expected an address or a prefix like 198.51.100.7 or "
                                     "198.51.100.0/24: ",
                                     std::string(prefix.status().message())));
  }
  return absl::OkStatus();
}

absl::Status FirstOf(std::initializer_list<absl::Status> statuses) {
  for (const absl::Status& s : statuses) {
    if (!s.ok()) return s;
  }
  return absl::OkStatus();
}

template <typename List>
absl::Status ScopeList(std::string_view field, const List& list) {
  if (list.size() > kMaxScope)
    return Wrong(field, absl::StrCat("has ", list.size(), " entries, the limit is ", kMaxScope));
  for (const std::string& item : list) {
    if (absl::Status s = Needed(absl::StrCat(std::string(field), "[]"), item, kMaxName); !s.ok()) return s;
  }
  return absl::OkStatus();
}

template <typename List>
absl::Status Page(const List& request) {
  if (request.limit() > kMaxLimit) {
    return Wrong("limit", absl::StrCat("is ", request.limit(), ", expected 1 to ", kMaxLimit, " (0 = 100)"));
  }
  return AtMost("cursor", request.cursor(), kMaxName);
}

absl::Status CheckOne(const v1::OverviewRequest&) { return absl::OkStatus(); }

absl::Status CheckOne(const v1::TrafficRequest& r) {
  return FirstOf({r.last_s() == 0 ? absl::OkStatus() : NumberIn("last_s", r.last_s(), 1, kMaxTraffic),
                  AtMost("region", r.region(), kMaxName)});
}

absl::Status CheckOne(const v1::ListEdgesRequest& r) {
  return FirstOf({Page(r), AtMost("region", r.region(), kMaxName)});
}
absl::Status CheckOne(const v1::ListAttacksRequest& r) { return Page(r); }

absl::Status CheckOne(const v1::ListRulesRequest& r) {
  return FirstOf({Page(r), OneOf("origin", r.origin(), {"", "operator", "edge_detector", "global_detector", "legal"})});
}

absl::Status CheckOne(const v1::GetEdgeRequest& r) { return Needed("id", r.id(), kMaxName); }
absl::Status CheckOne(const v1::GetAttackRequest& r) { return Needed("id", r.id(), kMaxName); }
absl::Status CheckOne(const v1::GetRuleRequest& r) { return Needed("id", r.id(), kMaxName); }

absl::Status CheckOne(const v1::ExplainIpRequest& r) {
  if (absl::Status s = Needed("address", r.address(), kMaxName); !s.ok()) return s;
  if (const auto address = net::IpAddress::Parse(r.address()); !address.ok()) {
    return Wrong("address",
                 absl::StrCat("is \"", r.address(), "\", expected one address like 198.51.100.7 or 2001:db8::7"));
  }
  return absl::OkStatus();
}

absl::Status CheckOne(const v1::CreateRuleRequest& r) {
  if (r.file().empty() == r.match().empty()) {
    return absl::InvalidArgumentError("expected either match (with action) or file (one rule as in a rule file)");
  }
  return FirstOf({AtMost("id", r.id(), kMaxName), AtMost("match", r.match(), kMaxMatch),
                  AtMost("file", r.file(), kMaxFile), OneOf("action", r.action(), {"", "drop", "allow", "log"}),
                  OneOf("mode", r.mode(), {"", "enforce", "observe", "armed"}),
                  NumberIn("for_s", r.for_s(), 0, kMaxFor), NumberIn("priority", r.priority(), -1e9, 1e9),
                  AtMost("reason", r.reason(), kMaxReason), NumberIn("confirm_pps", r.confirm_pps(), 0, 1e12),
                  ScopeList("scope_regions", r.scope_regions()), ScopeList("scope_edges", r.scope_edges()),
                  ScopeList("scope_prefixes", r.scope_prefixes())});
}

absl::Status CheckOne(const v1::DeleteRuleRequest& r) {
  return FirstOf({Needed("id", r.id(), kMaxName), AtMost("reason", r.reason(), kMaxReason)});
}

absl::Status CheckOne(const v1::BlockRequest& r) {
  return FirstOf({Source("source", r.source()), NumberIn("for_s", r.for_s(), 1, kMaxBlock),
                  Needed("reason", r.reason(), kMaxReason)});
}

absl::Status CheckOne(const v1::UnblockRequest& r) { return Source("source", r.source()); }

absl::Status CheckOne(const v1::PanicRequest& r) {
  return FirstOf({Needed("reason", r.reason(), kMaxReason), NumberIn("for_s", r.for_s(), 0, kMaxFor)});
}

}  // namespace

absl::Status Check(const Request& request) {
  return std::visit([](const auto& one) { return CheckOne(one); }, request);
}

void Service::Call(Request request, std::string actor, Done done) {
  ++calls_;
  if (absl::Status s = Check(request); !s.ok()) {
    ++refused_;
    return done(std::move(s));
  }
  backend_.Ask(std::move(request), std::move(actor), [this, done = std::move(done)](Answer answer) {
    if (!answer.ok()) ++refused_;
    done(std::move(answer));
  });
}

}  // namespace breakwater::api
