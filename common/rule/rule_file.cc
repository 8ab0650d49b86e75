#include "common/rule/rule_file.h"

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/rule/guard.h"
#include "common/rule/refusal.h"

namespace breakwater::rule {
namespace {

constexpr absl::Duration kLongestFor = absl::Hours(24 * 366);

RateLimit ReadRateLimit(const config::Value& value) {
  RateLimit limit;
  config::Map map = value.AsMap();
  limit.key = map.Get("key").AsChoice<LimitKey>(LimitKey::kRule,
                                                {{"rule", LimitKey::kRule},
                                                 {"source", LimitKey::kSource},
                                                 {"source_prefix", LimitKey::kSourcePrefix},
                                                 {"destination", LimitKey::kDestination},
                                                 {"source_destination_port", LimitKey::kSourceDestinationPort}});
  const config::Value pps = map.Get("pps");
  const config::Value bps = map.Get("bps");
  if (pps.present() == bps.present()) {
    value.Report("rate_limit needs a rate: either \"pps\" (packets per second) or \"bps\" (bits per second)");
  }
  limit.unit = bps.present() ? LimitUnit::kBitsPerSecond : LimitUnit::kPacketsPerSecond;
  limit.rate = static_cast<uint64_t>((bps.present() ? bps : pps).AsInteger(1, 1, kMaxRate));
  limit.burst = static_cast<uint64_t>(map.Get("burst").AsInteger(0, 0, kMaxRate));
  limit.fleet_wide = map.Get("fleet_wide").AsBool(false);
  map.Finish();
  return limit;
}

// "drop", "allow", ... or one of the actions that take arguments as a map of one key. nullopt when it is neither.
std::optional<Action> ReadAction(const config::Value& value) {
  if (!value.IsMap()) {
    const auto kind = value.AsChoice<std::optional<ActionKind>>(std::nullopt, {{"allow", ActionKind::kAllow},
                                                                               {"drop", ActionKind::kDrop},
                                                                               {"tcp_auth", ActionKind::kTcpAuth},
                                                                               {"challenge", ActionKind::kChallenge},
                                                                               {"close", ActionKind::kClose},
                                                                               {"log", ActionKind::kLog}});
    return kind.has_value() ? std::optional(Action{.kind = *kind}) : std::nullopt;
  }
  std::optional<Action> action;
  config::Map map = value.AsMap();
  const config::Value limit = map.Get("rate_limit");
  const config::Value deny = map.Get("deny");
  if (limit.present() == deny.present()) {
    value.Report("expected one action: drop, allow, {rate_limit: {key: rule, pps: 100}} or {deny: 403}");
  } else if (limit.present()) {
    action = {.kind = ActionKind::kRateLimit, .limit = ReadRateLimit(limit)};
  } else {
    action = {.kind = ActionKind::kDeny, .deny_status = static_cast<int>(deny.AsInteger(403, 400, 599))};
  }
  map.Finish();
  return action;
}

absl::Time ReadExpiry(config::Map& map, absl::Time now) {
  const config::Value expires = map.Get("expires");
  const config::Value lasts = map.Get("for");
  if (expires.present() && lasts.present()) {
    lasts.Report("\"expires\" and \"for\" say the same twice; keep one");
    return absl::InfiniteFuture();
  }
  if (lasts.present()) {
    if (now == absl::InfinitePast()) {
      lasts.Report("\"for\" can't be used here, where rules don't start at a known time; use \"expires\"");
      return absl::InfiniteFuture();
    }
    return now + lasts.AsDuration(absl::Hours(1), absl::Seconds(1), kLongestFor);
  }
  if (!expires.present()) return absl::InfiniteFuture();
  const std::string text = expires.AsString();
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    expires.Report("expected a time like 2030-01-02T15:04:05Z, got \"" + text.substr(0, 40) + "\"");
    return absl::InfiniteFuture();
  }
  return time;
}

// 0 when absent or wrong.
uint64_t ReadConfirm(const config::Value& value) {
  const std::optional<config::Rate> rate = value.AsRate();
  if (!rate.has_value()) return 0;
  if (rate->unit != config::RateUnit::kPackets || rate->per_second == 0) {
    value.Report("expected a packet rate over 0 like 100pps");
    return 0;
  }
  return rate->per_second;
}

// nullopt when something that Validate() judges is missing or wrong, which is reported: one mistake, one message.
std::optional<Rule> ReadRule(const config::Value& item, absl::Time now) {
  Rule rule;
  config::Map map = item.AsMap();
  const config::Value id = map.Need("id");
  const config::Value match = map.Need("match");
  const config::Value action_value = map.Need("action");
  const std::optional<Action> action = ReadAction(action_value);
  rule.id = id.AsString();
  rule.mode = map.Get("mode").AsChoice<Mode>(
      Mode::kEnforce, {{"observe", Mode::kObserve}, {"armed", Mode::kArmed}, {"enforce", Mode::kEnforce}});
  rule.priority = static_cast<int32_t>(
      map.Get("priority").AsInteger(1000, std::numeric_limits<int32_t>::min(), std::numeric_limits<int32_t>::max()));
  rule.expires = ReadExpiry(map, now);
  rule.reason = map.Get("reason").AsString();
  const std::vector<config::Value> prefixes = map.Get("prefixes").AsList();
  for (const config::Value& prefix : prefixes) {
    if (const std::optional<net::IpPrefix> p = prefix.AsPrefix(); p.has_value()) rule.scope.prefixes.push_back(*p);
  }
  rule.wide_override = map.Get("wide_override").AsBool(false);
  rule.confirm_pps = ReadConfirm(rule.mode == Mode::kArmed ? map.Need("confirm") : map.Get("confirm"));
  map.Finish();

  if (!match.present()) return std::nullopt;
  absl::StatusOr<ExprPtr> parsed = ParseExpr(match.AsString());
  if (!parsed.ok()) {
    match.Report("match: " + std::string(parsed.status().message()));
    return std::nullopt;
  }
  if (rule.mode == Mode::kArmed && rule.confirm_pps == 0) return std::nullopt;
  if (!id.present() || !action.has_value() || rule.scope.prefixes.size() != prefixes.size()) return std::nullopt;
  rule.action = *action;
  rule.match = WithinPrefixes(*std::move(parsed), rule.scope.prefixes);
  return rule;
}

}  // namespace

std::vector<Rule> ReadRules(const config::Value& list, absl::Time now) {
  std::vector<Rule> rules;
  const std::vector<config::Value> items = list.AsList();
  if (items.size() > kMaxRulesInFile) {
    list.Report("there are " + std::to_string(items.size()) + " rules, the limit is " +
                std::to_string(kMaxRulesInFile));
    return rules;
  }
  std::map<std::string, int> lines;
  for (const config::Value& item : items) {
    std::optional<Rule> rule = ReadRule(item, now);
    if (!rule.has_value()) continue;
    const auto [first, is_new] = lines.emplace(rule->id, item.line());
    if (!is_new) {
      item.Report("the rule id \"" + rule->id + "\" is in use already, in line " + std::to_string(first->second));
      continue;
    }
    if (absl::Status s = Validate(*rule, Limits{}, GuardList{}); !s.ok()) {
      item.Report(std::string(s.message()));
      continue;
    }
    rules.push_back(*std::move(rule));
  }
  return rules;
}

absl::StatusOr<std::vector<Rule>> ParseRuleFile(std::string_view text, std::string_view filename, absl::Time now) {
  if (text.size() > kMaxRuleFileBytes) {
    return RefusalError(Refusal::kOverBound, std::string(filename) + ": the file has " + std::to_string(text.size()) +
                                                 " bytes, the limit is " + std::to_string(kMaxRuleFileBytes) +
                                                 "; split it");
  }
  const config::Document document = config::Document::Parse(text, filename);
  std::vector<Rule> rules;
  // What isn't YAML has no rules to look at.
  if (document.Problems().empty()) {
    config::Map root = document.Root();
    rules = ReadRules(root.Need("rules"), now);
    root.Finish();
  }

  constexpr size_t kShown = 20;
  const std::vector<std::string> problems = document.Problems();
  if (problems.empty()) return rules;
  std::string message;
  for (size_t i = 0; i < problems.size() && i < kShown; ++i) message += (i > 0 ? "\n" : "") + problems[i];
  if (problems.size() > kShown) message += "\nand " + std::to_string(problems.size() - kShown) + " more";
  return RefusalError(Refusal::kMalformed, std::move(message));
}

}  // namespace breakwater::rule
