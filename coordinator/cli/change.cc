// The commands that change something. What can't be taken back, or may hit more than was meant, first says what it would do
// and asks.
#include <algorithm>
#include <istream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/config/config.h"
#include "common/net/ip.h"
#include "coordinator/cli/handlers.h"
#include "coordinator/cli/pages.h"
#include "coordinator/cli/render.h"
#include "coordinator/cli/text.h"

namespace breakwater::cli {
namespace {

constexpr size_t kMaxRuleFile = 65536;
constexpr size_t kMaxReason = 256;
constexpr absl::Duration kPoll = absl::Milliseconds(200);
// Shorter prefixes hold more than one site's sources: asked about first.
constexpr int kWideV4 = 24;
constexpr int kWideV6 = 48;

// The reason's own bounds, so that the mistake costs no round trip. Empty: fine.
std::string ReasonMistake(const std::string& reason, bool needed) {
  if (reason.size() > kMaxReason) {
    return absl::StrCat("the reason has ", reason.size(), " bytes; at most ", kMaxReason, " fit");
  }
  if (needed && absl::StripAsciiWhitespace(reason).empty()) {
    return "say why with --reason TEXT: others will wonder";
  }
  return "";
}

absl::StatusOr<std::string> ReadRuleFile(const std::string& path, std::istream& in) {
  std::string text;
  if (path == "-") {
    text.resize(kMaxRuleFile + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
  } else {
    absl::StatusOr<std::string> read = config::ReadFile(path);
    // Not found is what the coordinator says of a rule; a file that isn't there is a failure.
    if (!read.ok()) return absl::FailedPreconditionError(read.status().message());
    text = *std::move(read);
  }
  if (text.size() > kMaxRuleFile) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " has more than ", kMaxRuleFile, " bytes; one rule needs less"));
  }
  if (text.empty()) return absl::InvalidArgumentError(absl::StrCat(path, " is empty; one rule is expected in it"));
  return text;
}

std::vector<std::string> EdgesIn(const v1::RuleView& rule, bool installed, bool refused) {
  std::vector<std::string> edges;
  for (const v1::RuleEdgeView& e : rule.edges()) {
    const bool has = e.state() == "installed" || e.state() == "matching";
    if (has == installed && (e.state() == "refused") == refused) edges.push_back(e.edge());
  }
  return edges;
}

// Until every edge of the rule's scope has it. The rule is made, whatever comes out of this.
int WaitForEdges(const Session& s, v1::RuleView& rule) {
  const absl::Time until = s.console.now() + s.timeout;
  while (true) {
    v1::GetRuleRequest request;
    request.set_id(rule.id());
    absl::StatusOr<v1::RuleView> seen = s.client->GetRule(request);
    if (!seen.ok()) return s.Fail(seen.status(), "the rule was made, and is gone already");
    rule = *std::move(seen);
    if (const auto refused = EdgesIn(rule, false, true); !refused.empty()) {
      s.console.err << "bwctl: rule " << Printable(rule.id()) << " was refused by "
                    << Printable(absl::StrJoin(refused, ", ")) << "; bwctl rule show " << Printable(rule.id())
                    << " says why\n";
      return kFailed;
    }
    const std::vector<std::string> missing = EdgesIn(rule, false, false);
    if (missing.empty()) return kOk;
    if (s.console.now() >= until) {
      s.console.err << "bwctl: rule " << Printable(rule.id()) << " is made, but within "
                    << absl::FormatDuration(s.timeout) << " it wasn't installed on "
                    << Printable(absl::StrJoin(missing, ", ")) << "; they get it when they can\n";
      return kUnreachable;
    }
    if (!s.console.wait(kPoll)) return kInterrupted;
  }
}

// Tells of a rule that was made, or would be.
int ShowMade(const Session& s, v1::RuleView rule, bool dry_run) {
  const int waited = s.values.Has("--wait") && !dry_run ? WaitForEdges(s, rule) : kOk;
  const auto text = [&] {
    const double now = s.now_unix_s();
    std::string line = absl::StrCat(dry_run ? "would be made: " : "made: ", RulePhrase(rule));
    if (!rule.id().empty()) absl::StrAppend(&line, " as rule ", rule.id());
    if (rule.expires_unix_s() != 0) absl::StrAppend(&line, ", expires in ", Expiry(rule.expires_unix_s(), now));
    if (!dry_run && !rule.revision().empty()) absl::StrAppend(&line, ", revision ", rule.revision());
    if (s.values.Has("--wait") && !dry_run) {
      absl::StrAppend(&line, ", on ", InstalledEdges(rule), " of ", rule.edges_size(), " edges");
    }
    if (!rule.detail().empty()) absl::StrAppend(&line, "; ", rule.detail());
    return Printable(line) + "\n";
  };
  const int shown = s.Show(rule, text, {rule.id()});
  return waited != kOk ? waited : shown;
}

// The source that a rule of "block" drops; nullopt for any other rule.
std::optional<net::IpPrefix> BlockedSource(const v1::RuleView& rule) {
  constexpr std::string_view kId = "block-";
  constexpr std::string_view kMatch = "ip.src == ";
  if (!rule.id().starts_with(kId) || !rule.match().starts_with(kMatch)) return std::nullopt;
  const absl::StatusOr<net::IpPrefix> source =
      net::IpPrefix::Parse(std::string_view(rule.match()).substr(kMatch.size()));
  return source.ok() ? std::optional(*source) : std::nullopt;
}

std::string Impact(const v1::RuleView& rule, double now_unix_s) {
  return absl::StrCat("rule ", rule.id(), ": ", RulePhrase(rule), ", on ", InstalledEdges(rule), " of ",
                      rule.edges_size(), " edges, drops ", Si(rule.dropped_pps()), " packets/s now, ",
                      Si(rule.dropped_packets()), " so far, expires: ", Expiry(rule.expires_unix_s(), now_unix_s));
}

}  // namespace

int RuleCreate(Session& s) {
  const Values& v = s.values;
  v1::CreateRuleRequest request;
  if (v.Has("--file")) {
    for (const char* other : {"--match", "--id", "--action", "--mode", "--for", "--priority", "--confirm-pps",
                              "--prefix", "--reason", "--wide-override"}) {
      if (v.Has(other))
        return s.UsageMistake(absl::StrCat(other, " and --file exclude each other: write it into the file"));
    }
    absl::StatusOr<std::string> file = ReadRuleFile(v.Text("--file"), s.console.in);
    if (!file.ok()) return s.Fail(file.status());
    request.set_file(*std::move(file));
  } else {
    if (!v.Has("--match"))
      return s.UsageMistake("say which packets with --match MATCH, or name a rule file with --file");
    if (v.Has("--confirm-pps") && v.Text("--mode") != "armed") {
      return s.UsageMistake("--confirm-pps is for --mode armed");
    }
    if (const std::string mistake = ReasonMistake(v.Text("--reason"), false); !mistake.empty()) {
      return s.UsageMistake(mistake);
    }
    request.set_id(v.Text("--id"));
    request.set_match(v.Text("--match"));
    request.set_action(v.Text("--action"));
    request.set_mode(v.Text("--mode"));
    request.set_for_s(absl::ToDoubleSeconds(v.DurationOf("--for", absl::ZeroDuration())));
    request.set_priority(v.Number("--priority", 0));
    request.set_confirm_pps(v.Number("--confirm-pps", 0));
    request.set_reason(v.Text("--reason"));
    request.set_wide_override(v.Has("--wide-override"));
    for (const std::string& prefix : v.List("--prefix")) {
      const absl::StatusOr<net::IpPrefix> parsed = net::IpPrefix::Parse(prefix);
      if (!parsed.ok()) return s.UsageMistake(std::string(parsed.status().message()));
      request.add_scope_prefixes(parsed->ToString());
    }
  }
  for (const std::string& region : v.List("--region")) request.add_scope_regions(region);
  for (const std::string& edge : v.List("--edge")) request.add_scope_edges(edge);
  const bool dry_run = v.Has("--dry-run");
  if (request.wide_override() && !dry_run && !v.Has("--yes")) {
    request.set_dry_run(true);
    const absl::StatusOr<v1::RuleView> would = s.client->CreateRule(request);
    if (!would.ok()) return s.Fail(would.status());
    const int sure = s.Confirm(absl::StrCat("This rule is wider than rules may be without --wide-override:\n  ",
                                            RulePhrase(*would), would->detail().empty() ? "" : "; ", would->detail()));
    if (sure != kOk) return sure;
  }
  request.set_dry_run(dry_run);
  absl::StatusOr<v1::RuleView> rule = s.client->CreateRule(request);
  if (!rule.ok()) return s.Fail(rule.status());
  return ShowMade(s, *std::move(rule), dry_run);
}

int RuleDelete(Session& s) {
  v1::DeleteRuleRequest request;
  request.set_id(s.values.Text("ID"));
  request.set_reason(s.values.Text("--reason"));
  if (const std::string mistake = ReasonMistake(request.reason(), false); !mistake.empty()) {
    return s.UsageMistake(mistake);
  }
  constexpr std::string_view kNext = "bwctl rule list shows which there are";
  if (!s.values.Has("--yes")) {
    v1::GetRuleRequest get;
    get.set_id(request.id());
    const absl::StatusOr<v1::RuleView> rule = s.client->GetRule(get);
    if (!rule.ok()) return s.Fail(rule.status(), kNext);
    const int sure = s.Confirm(absl::StrCat("This takes away ", Impact(*rule, s.now_unix_s())));
    if (sure != kOk) return sure;
  }
  const absl::StatusOr<v1::DeleteRuleResponse> answer = s.client->DeleteRule(request);
  if (!answer.ok()) return s.Fail(answer.status(), kNext);
  return s.Show(*answer,
                [&] {
                  return Printable(absl::StrCat("deleted: rule ", answer->id(), ", gone from revision ",
                                                answer->revision(), " on")) +
                         "\n";
                },
                {answer->id()});
}

int Block(Session& s) {
  const absl::StatusOr<net::IpPrefix> source = net::IpPrefix::Parse(s.values.Text("CIDR"));
  if (!source.ok()) return s.UsageMistake(std::string(source.status().message()));
  v1::BlockRequest request;
  request.set_source(source->ToString());
  request.set_for_s(absl::ToDoubleSeconds(s.values.DurationOf("--for", absl::Hours(1))));
  request.set_reason(s.values.Text("--reason"));
  if (const std::string mistake = ReasonMistake(request.reason(), true); !mistake.empty())
    return s.UsageMistake(mistake);
  const bool dry_run = s.values.Has("--dry-run");
  const bool wide = source->length() < (source->is_v4() ? kWideV4 : kWideV6);
  if (wide && !dry_run && !s.values.Has("--yes")) {
    request.set_dry_run(true);
    const absl::StatusOr<v1::RuleView> would = s.client->Block(request);
    if (!would.ok()) return s.Fail(would.status());
    const int sure = s.Confirm(absl::StrCat(
        source->ToString(), " is a wide prefix: everything from it is dropped, guests and customers too.\n  ",
        RulePhrase(*would), would->detail().empty() ? "" : "; ", would->detail()));
    if (sure != kOk) return sure;
  }
  request.set_dry_run(dry_run);
  absl::StatusOr<v1::RuleView> rule = s.client->Block(request);
  if (!rule.ok()) return s.Fail(rule.status());
  return ShowMade(s, *std::move(rule), dry_run);
}

int Unblock(Session& s) {
  const absl::StatusOr<net::IpPrefix> source = net::IpPrefix::Parse(s.values.Text("CIDR"));
  if (!source.ok()) return s.UsageMistake(std::string(source.status().message()));
  v1::UnblockRequest request;
  request.set_source(source->ToString());
  if (!s.values.Has("--yes")) {
    v1::ListRulesRequest list;
    list.set_origin("operator");
    const auto view = AllPages(s, list, &AdminClient::ListRules, [](auto& v) { return v.mutable_rules(); });
    if (!view.ok()) return s.Fail(view.status());
    std::string impact = absl::StrCat("This lets ", source->ToShortString(),
                                      " in again, unless another rule drops it. Blocks that it takes away:");
    bool any = false;
    for (const v1::RuleView& rule : view->rules()) {
      const std::optional<net::IpPrefix> blocked = BlockedSource(rule);
      if (!blocked || !source->Contains(*blocked)) continue;
      any = true;
      absl::StrAppend(&impact, "\n  ", Impact(rule, s.now_unix_s()));
    }
    // Without any there is nothing to be sure about: the coordinator says that nothing blocks it.
    const int sure = any ? s.Confirm(impact) : kOk;
    if (sure != kOk) return sure;
  }
  const absl::StatusOr<v1::UnblockResponse> answer = s.client->Unblock(request);
  if (!answer.ok()) return s.Fail(answer.status(), "bwctl explain ip says what drops an address");
  return s.Show(
      *answer,
      [&] {
        return Printable(absl::StrCat(
                   "unblocked: ", source->ToShortString(), "; took away ",
                   answer->removed_rules_size() == 0 ? "no rule" : absl::StrJoin(answer->removed_rules(), ", "),
                   ", revision ", answer->revision())) +
               "\n";
      },
      {answer->removed_rules().begin(), answer->removed_rules().end()});
}

int Panic(Session& s) {
  const std::string state = s.values.Text("STATE");
  if (state == "status") {
    if (s.values.Has("--reason") || s.values.Has("--for")) {
      return s.UsageMistake("panic status takes neither --reason nor --for");
    }
    return PanicStatus(s);
  }
  v1::PanicRequest request;
  request.set_on(state == "on");
  request.set_reason(s.values.Text("--reason"));
  request.set_for_s(absl::ToDoubleSeconds(s.values.DurationOf("--for", absl::ZeroDuration())));
  if (const std::string mistake = ReasonMistake(request.reason(), true); !mistake.empty())
    return s.UsageMistake(mistake);
  if (!request.on() && s.values.Has("--for")) return s.UsageMistake("--for is for panic on");
  if (request.on() && !s.values.Has("--yes")) {
    const absl::StatusOr<v1::OverviewView> view = s.client->GetOverview({});
    if (!view.ok()) return s.Fail(view.status());
    const int sure =
        s.Confirm(absl::StrCat("This stops all enforcing on ", Count(view->edges_connected()), " of ",
                               Count(view->edges()), " edges: nothing is dropped any more. Now: ", Count(view->rules()),
                               " rules, ", Count(view->active_attacks()), " attacks that go on, ",
                               Si(view->total().dropped_pps()), " packets/s dropped of ", Si(view->total().pps())),
                  "panic");
    if (sure != kOk) return sure;
  }
  const absl::StatusOr<v1::PanicResponse> answer = s.client->SetPanic(request);
  if (!answer.ok()) return s.Fail(answer.status());
  return s.Show(*answer,
                [&] {
                  return absl::StrCat(answer->on() ? "panic is on: nothing is dropped any more"
                                                   : "panic is off: rules are enforced again",
                                      "; sent to ", Count(answer->edges_reached()), " connected edges\n");
                },
                {answer->on() ? "on" : "off"});
}

}  // namespace breakwater::cli
