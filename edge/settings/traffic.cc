#include "edge/settings/traffic.h"

#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "edge/settings/service.h"

namespace breakwater::settings {
namespace {

using config::Map;
using config::Value;
using datapath::Bounds;

void ReportOver(const Value& list, std::string_view what, size_t count, size_t limit) {
  if (count > limit) list.Report(absl::StrCat(count, " ", std::string(what), "; the limit is ", limit));
}

void ReadUndeclared(const Value& value, datapath::Policy& policy) {
  const std::string text = value.AsString("drop");
  if (text == "drop") {
    policy.undeclared = datapath::Undeclared::kDrop;
    return;
  }
  if (text == "pass") {
    policy.undeclared = datapath::Undeclared::kPass;
    return;
  }
  const absl::StatusOr<config::Rate> cap = config::ParseRate(text);
  if (!cap.ok() || cap->unit != config::RateUnit::kPackets || cap->per_second == 0) {
    value.Report(absl::StrCat("expected drop, pass or a packet rate like 1000pps, got \"", text, "\""));
    return;
  }
  policy.undeclared = datapath::Undeclared::kCap;
  policy.undeclared_cap_pps = cap->per_second;
}

std::optional<datapath::Policy> ReadPolicy(Map map) {
  const std::optional<net::IpPrefix> prefix = map.Need("prefix").AsPrefix();
  datapath::Policy policy;
  if (prefix) policy.prefix = *prefix;
  const Value services = map.Need("services");
  for (const Value& item : services.AsList()) {
    // The family decides what icmp means; without a prefix any family shows the mistakes.
    const absl::StatusOr<datapath::Service> service = ParseService(item.AsString(), policy.prefix.is_v4());
    if (service.ok()) {
      policy.services.push_back(*service);
    } else {
      item.Report(std::string(service.status().message()));
    }
  }
  ReadUndeclared(map.Get("undeclared"), policy);
  // Behind the declared ones, which therefore decide first. Where the rest passes they would only add a cap.
  if (map.Get("essentials").AsBool(true) && policy.undeclared != datapath::Undeclared::kPass) {
    for (const datapath::Service& service : EssentialServices(policy.prefix.is_v4()))
      policy.services.push_back(service);
  }
  ReportOver(services, "services in one prefix (essentials included)", policy.services.size(),
             Bounds::kServicesPerPolicy);
  map.Finish();
  if (!prefix) return std::nullopt;
  return policy;
}

std::optional<datapath::SourceEntry> ReadSource(const Value& item) {
  Map map = item.AsMap();
  const Value block = map.Get("block");
  const Value allow = map.Get("allow");
  datapath::SourceEntry entry;
  std::optional<net::IpPrefix> prefix;
  if (block.present() == allow.present()) {
    item.Report("expected either \"block: PREFIX\" or \"allow: PREFIX\" with service and cap");
  } else if (block.present()) {
    entry.kind = datapath::SourceEntry::Kind::kBlock;
    prefix = block.AsPrefix();
  } else {
    entry.kind = datapath::SourceEntry::Kind::kAllow;
    prefix = allow.AsPrefix();
    const Value text = map.Need("service");
    if (text.present()) {
      const absl::StatusOr<datapath::Service> service = ParseService(text.AsString(), !prefix || prefix->is_v4());
      if (!service.ok()) {
        text.Report(std::string(service.status().message()));
      } else if (service->protocol == 0) {
        text.Report("an allowed source needs a protocol and a port: its address can be forged");
      } else {
        entry.allowed = *service;
      }
    }
    const Value cap_value = map.Need("cap");
    const std::optional<config::Rate> cap = cap_value.AsRate();
    if (cap && (cap->unit != config::RateUnit::kPackets || cap->per_second == 0)) {
      cap_value.Report("expected a packet rate over 0 like 1000pps");
    } else if (cap) {
      entry.allowed.cap_pps = cap->per_second;
    }
  }
  map.Finish();
  if (!prefix) return std::nullopt;
  entry.prefix = *prefix;
  return entry;
}

}  // namespace

std::vector<datapath::Policy> ReadPolicies(const Value& list) {
  std::vector<datapath::Policy> policies;
  std::set<net::IpPrefix> seen;
  for (const Value& item : list.AsList()) {
    std::optional<datapath::Policy> policy = ReadPolicy(item.AsMap());
    if (!policy) continue;
    if (!seen.insert(policy->prefix).second) {
      item.Report(absl::StrCat("the prefix ", policy->prefix.ToString(), " is there twice"));
      continue;
    }
    policies.push_back(*std::move(policy));
  }
  ReportOver(list, "protected prefixes", policies.size(), Bounds::kPolicies);
  return policies;
}

std::vector<datapath::SourceEntry> ReadSources(const Value& list) {
  std::vector<datapath::SourceEntry> sources;
  std::set<net::IpPrefix> seen;
  for (const Value& item : list.AsList()) {
    std::optional<datapath::SourceEntry> source = ReadSource(item);
    if (!source) continue;
    if (!seen.insert(source->prefix).second) {
      item.Report(absl::StrCat("the source ", source->prefix.ToString(), " is there twice"));
      continue;
    }
    sources.push_back(*std::move(source));
  }
  ReportOver(list, "sources", sources.size(), Bounds::kSources);
  return sources;
}

std::string UndeclaredText(const datapath::Policy& policy) {
  switch (policy.undeclared) {
    case datapath::Undeclared::kDrop:
      return "the rest is dropped";
    case datapath::Undeclared::kPass:
      return "the rest passes";
    case datapath::Undeclared::kCap:
      break;
  }
  return absl::StrCat("the rest is capped at ",
                      config::RateText({policy.undeclared_cap_pps, config::RateUnit::kPackets}));
}

}  // namespace breakwater::settings
