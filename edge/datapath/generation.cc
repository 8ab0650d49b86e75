#include "edge/datapath/generation.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "edge/datapath/prefix_table.h"
#include "edge/datapath/terms.h"

namespace breakwater::datapath {
namespace {

static_assert(Bounds::kPolicies == BW_MAX_POLICIES);
static_assert(Bounds::kServicesPerPolicy == BW_MAX_SERVICES);
static_assert(Bounds::kSources == BW_MAX_SOURCES);
static_assert(Bounds::kRules == BW_MAX_RULES);
static_assert(Bounds::kRuleSlots == BW_MAX_RULE_SLOTS);

absl::Status CheckCount(std::string_view what, size_t count, size_t limit) {
  if (count <= limit) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("the ruleset has ", count, " ", std::string(what), "; the datapath carries at most ", limit));
}

bool HasPorts(uint8_t protocol) { return protocol == 6 || protocol == 17 || protocol == 1 || protocol == 58; }

absl::StatusOr<bw_service> CompileService(const Service& service, const std::string& where) {
  if (service.port_lo > service.port_hi)
    return absl::InvalidArgumentError(
        absl::StrCat(where, ": ports ", service.port_lo, "-", service.port_hi, " are the wrong way round"));
  const bool all_ports = service.port_lo == 0 && service.port_hi == 65535;
  if (!HasPorts(service.protocol) && !all_ports)
    return absl::InvalidArgumentError(absl::StrCat(where, ": protocol ", service.protocol, " has no ports, but ports ",
                                                   service.port_lo, "-", service.port_hi,
                                                   " are declared: leave them out or name tcp, udp, icmp or icmpv6"));
  bw_service compiled{};
  compiled.protocol = service.protocol;
  compiled.low = service.port_lo;
  compiled.high = service.port_hi;
  compiled.cap_pps = service.cap_pps;
  return compiled;
}

// Old slots stay; new ones come from those that nobody uses, at best not even the ruleset in force.
absl::StatusOr<PolicySlots> AssignSlots(const Ruleset& ruleset, const PolicySlots& before) {
  PolicySlots slots;
  std::set<uint32_t> taken;
  for (const Policy& policy : ruleset.policies) {
    auto old = before.find(policy.prefix);
    const uint32_t slot = old == before.end() ? BW_NO_VALUE : old->second;
    if (!slots.emplace(policy.prefix, slot).second)
      return absl::InvalidArgumentError(
          absl::StrCat("policy ", policy.prefix.ToString(), " is there twice: merge the two"));
    if (slot != BW_NO_VALUE) taken.insert(slot);
  }
  std::set<uint32_t> avoided;
  for (const auto& [prefix, slot] : before) avoided.insert(slot);
  uint32_t next = 0;
  bool avoid = true;
  for (const Policy& policy : ruleset.policies) {
    uint32_t& slot = slots[policy.prefix];
    if (slot != BW_NO_VALUE) continue;
    while (next < BW_MAX_POLICIES && (taken.contains(next) || (avoid && avoided.contains(next)))) {
      if (++next == BW_MAX_POLICIES && avoid) {
        avoid = false;
        next = 0;
      }
    }
    slot = next++;
    taken.insert(slot);
  }
  return slots;
}

absl::Status CompilePolicies(const Ruleset& ruleset, PrefixTableBuilder& prefixes, Compiled& out) {
  for (const Policy& policy : ruleset.policies) {
    const std::string where = absl::StrCat("policy ", policy.prefix.ToString());
    if (absl::Status s = CheckCount(absl::StrCat("services in ", where), policy.services.size(), BW_MAX_SERVICES);
        !s.ok())
      return s;
    if (policy.undeclared == Undeclared::kCap && policy.undeclared_cap_pps == 0)
      return absl::InvalidArgumentError(absl::StrCat(where, ": undeclared traffic is to be capped, but the cap is 0"));
    bw_policy compiled{};
    compiled.slot = out.slots.at(policy.prefix);
    compiled.undeclared = policy.undeclared == Undeclared::kDrop  ? BW_UNDECLARED_DROP
                          : policy.undeclared == Undeclared::kCap ? BW_UNDECLARED_CAP
                                                                  : BW_UNDECLARED_PASS;
    compiled.undeclared_cap_pps = policy.undeclared_cap_pps;
    compiled.first_service = static_cast<uint32_t>(out.generation.declared.size());
    compiled.services = static_cast<uint8_t>(policy.services.size());
    for (const Service& service : policy.services) {
      absl::StatusOr<bw_service> s = CompileService(service, where);
      if (!s.ok()) return s.status();
      out.generation.declared.push_back(*s);
    }
    if (absl::Status s =
            prefixes.Add(BW_SPACE_POLICY, policy.prefix, static_cast<uint32_t>(out.generation.policies.size()));
        !s.ok())
      return s;
    out.generation.policies.push_back(compiled);
  }
  return absl::OkStatus();
}

absl::Status CompileSources(const Ruleset& ruleset, PrefixTableBuilder& prefixes, Compiled& out) {
  struct Known {
    std::vector<bw_service> allowed;
    bool blocked = false;
  };
  std::map<net::IpPrefix, Known> sources;
  for (const SourceEntry& entry : ruleset.sources) {
    Known& known = sources[entry.prefix];
    if (entry.kind == SourceEntry::Kind::kBlock) {
      known.blocked = true;
      continue;
    }
    const std::string where = absl::StrCat("allowed source ", entry.prefix.ToString());
    if (entry.allowed.cap_pps == 0)
      return absl::InvalidArgumentError(
          absl::StrCat(where, ": an allow entry needs a rate cap, because allowed addresses can be forged"));
    absl::StatusOr<bw_service> service = CompileService(entry.allowed, where);
    if (!service.ok()) return service.status();
    known.allowed.push_back(*service);
    if (absl::Status s = CheckCount(absl::StrCat("services of ", where), known.allowed.size(), BW_MAX_SERVICES);
        !s.ok())
      return s;
  }
  for (const auto& [prefix, known] : sources) {
    bw_source compiled{};
    compiled.blocked = known.blocked;
    compiled.first_service = static_cast<uint32_t>(out.generation.declared.size());
    compiled.services = static_cast<uint8_t>(known.allowed.size());
    out.generation.declared.insert(out.generation.declared.end(), known.allowed.begin(), known.allowed.end());
    if (absl::Status s = prefixes.Add(BW_SPACE_SOURCE, prefix, static_cast<uint32_t>(out.generation.sources.size()));
        !s.ok())
      return s;
    out.generation.sources.push_back(compiled);
  }
  return absl::OkStatus();
}

uint8_t LimitKeyOf(rule::LimitKey key) {
  switch (key) {
    case rule::LimitKey::kRule:
      return BW_LIMIT_RULE;
    case rule::LimitKey::kSource:
      return BW_LIMIT_SOURCE;
    case rule::LimitKey::kSourcePrefix:
      return BW_LIMIT_SOURCE_PREFIX;
    case rule::LimitKey::kDestination:
      return BW_LIMIT_DESTINATION;
    case rule::LimitKey::kSourceDestinationPort:
      return BW_LIMIT_SOURCE_PORT;
  }
  return BW_LIMIT_RULE;
}

absl::StatusOr<bw_rule> CompileAction(const RuleEntry& entry) {
  const rule::Action& action = entry.rule.action;
  bw_rule compiled{};
  compiled.slot = entry.counter_slot;
  compiled.enforce = entry.rule.mode == rule::Mode::kEnforce;
  switch (action.kind) {
    case rule::ActionKind::kAllow:
      compiled.action = BW_ACTION_ALLOW;
      return compiled;
    case rule::ActionKind::kDrop:
      compiled.action = BW_ACTION_DROP;
      return compiled;
    case rule::ActionKind::kRateLimit:
      if (action.limit.rate == 0) return absl::InvalidArgumentError("rate_limit needs a rate above 0");
      if (action.limit.fleet_wide)
        return absl::UnimplementedError(
            "a fleet-wide limit needs shares that the datapath doesn't get; limit per edge");
      compiled.action = BW_ACTION_LIMIT;
      compiled.limit_key = LimitKeyOf(action.limit.key);
      compiled.limit_bits = action.limit.unit == rule::LimitUnit::kBitsPerSecond;
      compiled.rate = action.limit.rate;
      compiled.burst = action.limit.burst;
      return compiled;
    default:
      return absl::UnimplementedError(absl::StrCat("the datapath can't do ", std::string(rule::ActionName(action.kind)),
                                                   "; it can allow, drop and rate_limit"));
  }
}

// Adds the rule's terms; an error leaves the generation as it was.
absl::Status AddTerms(const std::vector<Term>& terms, Generation& generation) {
  size_t checks = 0;
  size_t members = 0;
  for (const Term& term : terms) {
    checks += term.checks.size();
    for (const CheckPtr& check : term.checks) members += check->members.size();
  }
  auto full = [](std::string_view what, size_t have, size_t more, size_t limit) {
    return absl::ResourceExhaustedError(absl::StrCat("the rule needs ", more, " ", std::string(what), ", but ", have,
                                                     " of ", limit, " are taken by rules before it"));
  };
  if (generation.terms.size() + terms.size() > BW_MAX_TERMS)
    return full("terms", generation.terms.size(), terms.size(), BW_MAX_TERMS);
  if (generation.checks.size() + checks > BW_MAX_CHECKS)
    return full("checks", generation.checks.size(), checks, BW_MAX_CHECKS);
  if (generation.members.size() + members > BW_MAX_MEMBERS)
    return full("set members", generation.members.size(), members, BW_MAX_MEMBERS);
  for (const Term& term : terms) {
    bw_term placed = term.layout;
    placed.rule = static_cast<uint16_t>(generation.rules.size());
    placed.first_check = static_cast<uint32_t>(generation.checks.size());
    for (const CheckPtr& check : term.checks) {
      bw_check layout = check->layout;
      layout.first_member = static_cast<uint32_t>(generation.members.size());
      layout.members = static_cast<uint32_t>(check->members.size());
      generation.members.insert(generation.members.end(), check->members.begin(), check->members.end());
      generation.checks.push_back(layout);
    }
    generation.terms.push_back(placed);
  }
  return absl::OkStatus();
}

absl::Status CompileRule(const RuleEntry& entry, Generation& generation) {
  if (!entry.rule.scope.sites.empty())
    return absl::UnimplementedError("the datapath can't tell sites apart: name prefixes or destinations instead");
  absl::StatusOr<bw_rule> action = CompileAction(entry);
  if (!action.ok()) return action.status();
  absl::StatusOr<std::vector<Term>> terms = TermsOf(entry.rule);
  if (!terms.ok()) return terms.status();
  if (absl::Status s = AddTerms(*terms, generation); !s.ok()) return s;
  generation.rules.push_back(*action);
  return absl::OkStatus();
}

absl::Status CheckSlots(const Ruleset& ruleset) {
  std::map<uint32_t, std::string> owners;
  for (const RuleEntry& entry : ruleset.rules) {
    if (entry.counter_slot >= BW_MAX_RULE_SLOTS)
      return absl::InvalidArgumentError(absl::StrCat("rule ", entry.rule.id, " has counter slot ", entry.counter_slot,
                                                     "; slots are 0 to ", BW_MAX_RULE_SLOTS - 1));
    auto [owner, fresh] = owners.emplace(entry.counter_slot, entry.rule.id);
    if (!fresh)
      return absl::InvalidArgumentError(
          absl::StrCat("rules ", owner->second, " and ", entry.rule.id, " share counter slot ", entry.counter_slot));
  }
  return absl::OkStatus();
}

void CompileRules(const Ruleset& ruleset, Compiled& out) {
  std::vector<size_t> order(ruleset.rules.size());
  for (size_t i = 0; i < order.size(); i++) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const rule::Rule& left = ruleset.rules[a].rule;
    const rule::Rule& right = ruleset.rules[b].rule;
    return std::tie(left.priority, left.id) < std::tie(right.priority, right.id);
  });
  for (size_t index : order) {
    const RuleEntry& entry = ruleset.rules[index];
    absl::Status status = CompileRule(entry, out.generation);
    if (status.ok()) {
      out.rule_sources.push_back(index);
    } else {
      out.report.refused.push_back({entry.rule.id, std::move(status)});
    }
  }
  out.generation.head.terms = static_cast<uint32_t>(out.generation.terms.size());
}

template <typename T>
void Copy(const std::vector<T>& from, T* table, uint32_t elements, uint32_t generation) {
  if (!from.empty()) std::memcpy(table + elements / BW_GENERATIONS * generation, from.data(), from.size() * sizeof(T));
}

}  // namespace

void Fill(const Generation& from, uint32_t half, bw_tables& to) {
  Copy(from.prefix_lengths, to.prefix_lengths, to.prefix_lengths_elements, half);
  Copy(from.prefixes, to.prefixes, to.prefixes_elements, half);
  Copy(from.policies, to.policies, to.policies_elements, half);
  Copy(from.sources, to.sources, to.sources_elements, half);
  Copy(from.declared, to.declared, to.declared_elements, half);
  Copy(from.terms, to.terms, to.terms_elements, half);
  Copy(from.checks, to.checks, to.checks_elements, half);
  Copy(from.members, to.members, to.members_elements, half);
  Copy(from.rules, to.rules, to.rules_elements, half);
  to.heads[half] = from.head;
}

absl::StatusOr<Compiled> Compile(const Ruleset& ruleset, const PolicySlots& before) {
  for (absl::Status s : {CheckCount("policies", ruleset.policies.size(), BW_MAX_POLICIES),
                         CheckCount("sources", ruleset.sources.size(), BW_MAX_SOURCES),
                         CheckCount("rules", ruleset.rules.size(), BW_MAX_RULES), CheckSlots(ruleset)}) {
    if (!s.ok()) return s;
  }
  absl::StatusOr<PolicySlots> slots = AssignSlots(ruleset, before);
  if (!slots.ok()) return slots.status();
  Compiled out;
  out.report.revision = ruleset.revision;
  out.slots = *std::move(slots);
  PrefixTableBuilder prefixes;
  if (absl::Status s = CompilePolicies(ruleset, prefixes, out); !s.ok()) return s;
  if (absl::Status s = CompileSources(ruleset, prefixes, out); !s.ok()) return s;
  if (absl::Status s = prefixes.Build(out.generation); !s.ok()) return s;
  CompileRules(ruleset, out);
  return out;
}

}  // namespace breakwater::datapath
