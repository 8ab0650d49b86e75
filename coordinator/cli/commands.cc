// The table of commands: what bwctl can be told.
#include "coordinator/cli/command_line.h"
#include "coordinator/cli/handlers.h"

namespace breakwater::cli {
namespace {

using Kind = OptionSpec::Kind;

constexpr double kYear = 366 * 86400.0;
constexpr double kLongestBlock = 3600;  // seconds; what shall last longer is a rule
constexpr double kMostItems = 100000;

OptionSpec Limit() {
  return {.names = "--limit",
          .kind = Kind::kNumber,
          .value = "N",
          .help = "at most that many (default: all)",
          .least = 1,
          .most = kMostItems};
}

OptionSpec Reason(std::string_view help) { return {.names = "--reason", .value = "TEXT", .help = help}; }

OptionSpec DryRun() {
  return {.names = "--dry-run", .kind = Kind::kFlag, .help = "only say what would be, change nothing"};
}

OptionSpec Wait() {
  return {.names = "--wait", .kind = Kind::kFlag, .help = "return once every edge has it, or --timeout is over"};
}

std::vector<CommandSpec> MakeCommands() {
  return {
      {.path = "overview",
       .summary = "the whole fleet on one page: edges, traffic, attacks, what needs you",
       .examples = "  bwctl overview\n  bwctl overview -o json | jq .total.dropped_pps\n",
       .run = Overview,
       .watchable = true},
      {.path = "top",
       .summary = "the same as overview; most useful with -w",
       .examples = "  bwctl top -w --interval 1s\n",
       .run = Overview,
       .watchable = true},
      {.path = "edge list",
       .summary = "every edge: connected, at which revision, announcing, how much traffic",
       .options = {{.names = "--region", .value = "REGION", .help = "only that region"}, Limit()},
       .examples = "  bwctl edge list --region eu-west\n  bwctl edge list -o wide\n",
       .run = EdgeList,
       .watchable = true},
      {.path = "edge show",
       .summary = "everything about one edge",
       .arguments = {{"ID", "the edge"}},
       .examples = "  bwctl edge show ams-1\n",
       .run = EdgeShow,
       .watchable = true},
      {.path = "attack list",
       .summary = "attacks, newest first",
       .options = {{.names = "--active", .kind = Kind::kFlag, .help = "only those that go on"}, Limit()},
       .examples =
           "  bwctl attack list --active -w\n  bwctl attack list -o jsonl | jq -r '[.id,.target,.peak_pps]|@tsv'\n",
       .run = AttackList,
       .watchable = true},
      {.path = "attack show",
       .summary = "one attack: its signatures, its timeline from the first packet on, every edge",
       .arguments = {{"ID", "the attack"}},
       .examples = "  bwctl attack show a-17\n",
       .run = AttackShow,
       .watchable = true},
      {.path = "rule list",
       .summary = "every rule: its state, its edges, its hits, when it expires",
       .options = {{.names = "--origin",
                    .value = "ORIGIN",
                    .help = "only those of operator, edge_detector, global_detector or legal",
                    .choices = {"operator", "edge_detector", "global_detector", "legal"}},
                   Limit()},
       .examples = "  bwctl rule list --origin operator\n  bwctl rule list -o name\n",
       .run = RuleList,
       .watchable = true},
      {.path = "rule show",
       .summary = "one rule, with its state and its hits on every edge",
       .arguments = {{"ID", "the rule"}},
       .examples = "  bwctl rule show op-ntp -w\n",
       .run = RuleShow,
       .watchable = true},
      {.path = "rule create",
       .summary = "add a rule, from a rule file or from options",
       .options =
           {{.names = "-f,--file",
             .value = "FILE",
             .help = "a rule file with one rule; - reads standard input",
             .is_file = true},
            {.names = "--id", .value = "ID", .help = "its name (default: the coordinator makes one)"},
            {.names = "--match", .value = "MATCH", .help = "which packets, in the language of docs/reference/rules.md"},
            {.names = "--action",
             .value = "ACTION",
             .help = "drop (default), allow or log; limits only in a rule file",
             .choices = {"drop", "allow", "log"}},
            {.names = "--mode",
             .value = "MODE",
             .help = "enforce (default), observe (only counts) or armed (enforces where it is confirmed)",
             .choices = {"enforce", "observe", "armed"}},
            {.names = "--for",
             .kind = Kind::kDuration,
             .value = "TIME",
             .help = "how long it lasts, such as 10m or 1h30m (default: until it is deleted)",
             .least = 1,
             .most = kYear},
            {.names = "--priority",
             .kind = Kind::kNumber,
             .value = "N",
             .help = "lower is looked at first (default: 1000)",
             .least = 1,
             .most = 1000000},
            {.names = "--confirm-pps",
             .kind = Kind::kNumber,
             .value = "N",
             .help = "with --mode armed: packets a second from which an edge enforces it",
             .least = 1,
             .most = 1e12},
            {.names = "--region",
             .kind = Kind::kList,
             .value = "REGION",
             .help = "only in that region; may be given again"},
            {.names = "--edge", .kind = Kind::kList, .value = "EDGE", .help = "only on that edge; may be given again"},
            {.names = "--prefix",
             .kind = Kind::kList,
             .value = "CIDR",
             .help = "only for that destination; may be given again"},
            {.names = "--wide-override",
             .kind = Kind::kFlag,
             .help = "let it match more than the minimum specificity allows; asks first"},
            Reason("why, for the others"),
            DryRun(),
            Wait()},
       .examples = "  bwctl rule create --match 'udp.srcport == 123 and udp.len >= 400' --prefix 203.0.113.0/24 --for "
                   "1h --reason 'NTP amplification'\n"
                   "  bwctl rule create -f rule.yaml --dry-run\n",
       .run = RuleCreate},
      {.path = "rule delete",
       .summary = "take a rule away from every edge",
       .arguments = {{"ID", "the rule"}},
       .options = {Reason("why, for the others")},
       .examples = "  bwctl rule delete op-ntp --reason 'over'\n",
       .run = RuleDelete},
      {.path = "block",
       .summary = "drop everything from these sources, on every edge, for a while",
       .arguments = {{"CIDR", "an address or a prefix"}},
       .options = {{.names = "--for",
                    .kind = Kind::kDuration,
                    .value = "TIME",
                    .help = "how long, at most 1h (default: 1h)",
                    .least = 1,
                    .most = kLongestBlock},
                   Reason("why, for the others; needed"),
                   DryRun(),
                   Wait()},
       .examples = "  bwctl block 198.51.100.7 --for 30m --reason 'login flood'\n  bwctl block 2001:db8:bad::/48 --for "
                   "1h --reason scan --wait\n",
       .run = Block},
      {.path = "unblock",
       .summary = "take back what block did",
       .arguments = {{"CIDR", "the address or prefix that was blocked"}},
       .options = {},
       .examples = "  bwctl unblock 198.51.100.7\n",
       .run = Unblock},
      {.path = "explain ip",
       .summary = "what happens to packets from an address, and why",
       .arguments = {{"ADDRESS", "an IP address"}},
       .examples = "  bwctl explain ip 198.51.100.7\n",
       .run = ExplainIp,
       .watchable = true},
      {.path = "panic",
       .summary = "stop enforcing on every edge at once (on), go on with it (off), or say which it is (status)",
       .arguments = {{"STATE", "on, off or status", {"on", "off", "status"}}},
       .options = {Reason("why, for the others; needed for on and off"),
                   {.names = "--for",
                    .kind = Kind::kDuration,
                    .value = "TIME",
                    .help = "end it by itself after that time (default: until panic off)",
                    .least = 1,
                    .most = kYear}},
       .examples = "  bwctl panic on --reason 'ticket 4711: customers drop'\n  bwctl panic off --reason 'ticket 4711: "
                   "it was the uplink'\n",
       .run = Panic},
      {.path = "traffic",
       .summary = "packets and bits over time, and what was dropped of them",
       .options = {{.names = "--last",
                    .kind = Kind::kDuration,
                    .value = "TIME",
                    .help = "how far back, at most 30 days (default: 5m)",
                    .least = 1,
                    .most = 2592000},
                   {.names = "--region", .value = "REGION", .help = "only that region"}},
       .examples = "  bwctl traffic --last 1h --region eu-west\n  bwctl traffic -o jsonl\n",
       .run = Traffic,
       .watchable = true},
      {.path = "version", .summary = "print bwctl's own version", .run = PrintVersion, .local = true},
      {.path = "completion",
       .summary = "print what makes a shell complete bwctl's commands",
       .arguments = {{"SHELL", "bash or zsh", {"bash", "zsh"}}},
       .examples = "  source <(bwctl completion bash)\n  bwctl completion zsh > ~/.zfunc/_bwctl\n",
       .run = Completion,
       .local = true},
  };
}

std::vector<OptionSpec> MakeGlobalOptions() {
  return {
      {.names = "-s,--server", .value = "HOST:PORT", .help = "the coordinator (or BWCTL_SERVER)"},
      {.names = "--ca", .value = "FILE", .help = "PEM, the certificates to trust (or BWCTL_CA)", .is_file = true},
      {.names = "--cert", .value = "FILE", .help = "PEM, your certificate (or BWCTL_CERT)", .is_file = true},
      {.names = "--key", .value = "FILE", .help = "PEM, its key (or BWCTL_KEY)", .is_file = true},
      {.names = "--server-name",
       .value = "NAME",
       .help = "the name in the coordinator's certificate, when it isn't HOST (or BWCTL_SERVER_NAME)"},
      {.names = "--config",
       .value = "FILE",
       .help = "the context file (or BWCTL_CONFIG; default ~/.config/breakwater/bwctl.yaml)",
       .is_file = true},
      {.names = "-c,--context", .value = "NAME", .help = "which of its contexts (or BWCTL_CONTEXT)"},
      {.names = "-o,--output",
       .value = "FORMAT",
       .help = "table (default), wide, json, jsonl or name",
       .choices = {"table", "wide", "json", "jsonl", "name"}},
      {.names = "-w,--watch", .kind = Kind::kFlag, .help = "show it again and again until you interrupt it"},
      {.names = "--interval",
       .kind = Kind::kDuration,
       .value = "TIME",
       .help = "how often with -w (default: 2s)",
       .least = 0.2,
       .most = 3600},
      {.names = "--timeout",
       .kind = Kind::kDuration,
       .value = "TIME",
       .help = "how long to wait for an answer (default: 10s)",
       .least = 0.1,
       .most = 600},
      {.names = "--color",
       .value = "WHEN",
       .help = "auto (default; NO_COLOR turns it off), always or never",
       .choices = {"auto", "always", "never"}},
      {.names = "-y,--yes", .kind = Kind::kFlag, .help = "don't ask"},
  };
}

}  // namespace

const std::vector<CommandSpec>& Commands() {
  static const std::vector<CommandSpec>* const kCommands = new std::vector<CommandSpec>(MakeCommands());
  return *kCommands;
}

const std::vector<OptionSpec>& GlobalOptions() {
  static const std::vector<OptionSpec>* const kOptions = new std::vector<OptionSpec>(MakeGlobalOptions());
  return *kOptions;
}

std::string_view GroupSummary(std::string_view group) {
  if (group == "edge") return "the edges of the fleet";
  if (group == "attack") return "attacks that go on or are over";
  if (group == "rule") return "the rules, what they match and where they are in force";
  if (group == "explain") return "why something happens";
  return "";
}

}  // namespace breakwater::cli
