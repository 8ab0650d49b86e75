#include "edge/replay/command.h"

#include <ctime>
#include <fstream>
#include <iostream>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/rule/rule_file.h"
#include "edge/replay/compare.h"
#include "edge/replay/ledger.h"
#include "edge/replay/replay.h"
#include "edge/replay/report.h"
#include "edge/settings/edge_config.h"

namespace breakwater::replay {
namespace {

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Protected with all services declared: only detection, sources and rules decide.
datapath::Policy EverythingDeclared(const net::IpPrefix& prefix) {
  return {.prefix = prefix, .services = {datapath::Service{}}, .undeclared = datapath::Undeclared::kPass};
}

// The prefix gets that policy unless the configuration has one for it.
absl::Status Protect(const std::string& text, std::vector<datapath::Policy>& policies) {
  absl::StatusOr<net::IpPrefix> prefix = net::IpPrefix::Parse(text);
  if (!prefix.ok()) return prefix.status();
  for (const datapath::Policy& policy : policies) {
    if (policy.prefix == *prefix) return absl::OkStatus();
  }
  policies.push_back(EverythingDeclared(*prefix));
  return absl::OkStatus();
}

absl::Status AddRules(const std::string& path, std::vector<rule::Rule>& rules) {
  std::ifstream file(path, std::ios::binary);
  std::string text(rule::kMaxRuleFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.eof() || !file.is_open()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, file.is_open() && file.good() ? absl::StrCat(": is longer than ", rule::kMaxRuleFileBytes, " bytes")
                                            : std::string(": can't be read")));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  absl::StatusOr<std::vector<rule::Rule>> read = rule::ParseRuleFile(text, path, ToTime(0));
  if (!read.ok()) return read.status();
  rules.insert(rules.end(), read->begin(), read->end());
  return absl::OkStatus();
}

absl::StatusOr<control::Settings> MakeSettings(const Arguments& arguments) {
  control::Settings settings;
  if (!arguments.config.empty()) {
    settings::LoadedConfig loaded =
        settings::LoadConfig(arguments.config, {.purpose = settings::Purpose::kReplay, .now = ToTime(0)});
    if (!loaded.config) return absl::InvalidArgumentError(absl::StrJoin(loaded.problems, "\n"));
    settings = std::move(loaded.config->control);
  }
  std::vector<std::string> protect = arguments.protect;
  if (arguments.auto_protect) protect.insert(protect.end(), {"0.0.0.0/0", "::/0"});
  for (const std::string& text : protect) {
    if (absl::Status s = Protect(text, settings.policies); !s.ok()) {
      return absl::Status(s.code(), absl::StrCat("--protect ", text, ": ", std::string(s.message())));
    }
  }
  if (!arguments.rules.empty()) {
    if (absl::Status s = AddRules(arguments.rules, settings.operator_rules); !s.ok()) return s;
  }
  if (arguments.no_detect) settings.detect = false;
  return settings;
}

absl::StatusOr<std::unique_ptr<datapath::Engine>> MakeEngine(const Arguments& arguments) {
  const datapath::EngineOptions options;
  if (!arguments.compare_engines) {
    return arguments.engine == "kernel" ? datapath::NewKernelEngine(options) : datapath::NewNativeEngine(options);
  }
  absl::StatusOr<std::unique_ptr<datapath::Engine>> native = datapath::NewNativeEngine(options);
  if (!native.ok()) return native;
  absl::StatusOr<std::unique_ptr<datapath::Engine>> kernel = datapath::NewKernelEngine(options);
  if (!kernel.ok()) return kernel;
  return std::make_unique<CompareEngine>(*std::move(native), "native", *std::move(kernel), "kernel");
}

std::vector<InputFile> Files(const Arguments& arguments) {
  std::vector<InputFile> files;
  for (const std::string& path : arguments.attack) files.push_back({path, Label::kAttack, arguments.loop});
  for (const std::string& path : arguments.clean) files.push_back({path, Label::kClean, 1});
  return files;
}

absl::StatusOr<Result> Run(const Arguments& arguments, const control::Settings& settings, std::ostream& err) {
  absl::StatusOr<std::unique_ptr<datapath::Engine>> engine = MakeEngine(arguments);
  if (!engine.ok()) return engine.status();
  std::vector<Input> inputs = Load(Files(arguments), {});
  EventSink events;
  if (arguments.events) {
    events = [&err](int64_t time_ns, const std::string& text) {
      err << absl::StrFormat("%.3f s: %s\n", static_cast<double>(time_ns) / 1e9, text);
    };
  }
  const double start = CpuSeconds();
  absl::StatusOr<Result> result = Replay(inputs, **engine, settings, events);
  if (!result.ok()) return result;
  result->speed = {result->of(Label::kAttack).packets + result->of(Label::kClean).packets, CpuSeconds() - start};
  result->engine = arguments.compare_engines ? "native, kernel" : arguments.engine;
  if (!arguments.measure) return result;
  inputs = Load(Files(arguments), {});
  if (engine = MakeEngine(arguments); !engine.ok()) return engine.status();
  if (absl::Status s = Measure(inputs, **engine, settings.policies, *result); !s.ok()) return s;
  return result;
}

}  // namespace

int RunReplay(const Arguments& arguments, std::ostream& out, std::ostream& err) {
  auto fail = [&err](const absl::Status& status) {
    err << "breakwater-edge replay: " << status.message() << "\n";
    return 1;
  };
  absl::StatusOr<control::Settings> settings = MakeSettings(arguments);
  if (!settings.ok()) return fail(settings.status());
  if (settings->policies.empty()) {
    err << "breakwater-edge replay: nothing is protected, so nothing can be dropped; use --protect, --auto-protect or "
           "--config\n";
  }
  absl::StatusOr<Result> result = Run(arguments, *settings, err);
  if (!result.ok()) return fail(result.status());
  for (const FileResult& file : result->files) {
    if (!file.status.ok()) err << "breakwater-edge replay: " << file.file << ": " << file.status.message() << "\n";
  }
  for (const RuleResult& rule : result->rules) {
    if (rule.state == "refused") err << "breakwater-edge replay: rule " << rule.id << ": " << rule.detail << "\n";
  }
  if (arguments.json) {
    out << JsonText(*result) << "\n";
  } else {
    out << ReadableText(*result);
  }
  out.flush();
  if (!out) return fail(absl::DataLossError("the result couldn't be written to standard output"));
  return result->ok() ? 0 : 1;
}

Command AddReplayCommand(CLI::App& program) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = program.add_subcommand("replay", "What Breakwater would do with these captures");
  command->footer(
      "Files are pcap or pcapng, also gzipped; they are merged from time 0 and run on capture time.\n"
      "Exit status: 0; 1 when a file, a rule or the replay failed (the rest is still replayed); 64 for wrong usage.");
  command->add_flag("--json", arguments->json, "One JSON object on standard output, everything else on standard error");
  command->add_option("--protect", arguments->protect, "Protect this prefix, with all services declared")
      ->type_name("CIDR");
  command->add_flag("--auto-protect", arguments->auto_protect,
                    "Protect every destination, with all services declared: only detection decides");
  command->add_option("--attack", arguments->attack, "Capture of an attack")->type_name("FILE");
  command->add_option("--clean", arguments->clean, "Capture of clean traffic")->type_name("FILE");
  command->add_option("--rules", arguments->rules, "Operators' rules to put in force")->type_name("FILE");
  command
      ->add_option("--config", arguments->config,
                   "Policies, sources, guards and detector as in this edge configuration")
      ->type_name("FILE");
  command->add_option("--loop", arguments->loop, "Repeat the attack files back to back, so many times in all")
      ->check(CLI::Range(uint64_t{1}, kMaxLoops))
      ->capture_default_str();
  command
      ->add_option("--engine", arguments->engine,
                   "Packet filter: native needs no privileges, kernel runs the eBPF program")
      ->check(CLI::IsMember({"native", "kernel"}))
      ->capture_default_str();
  command->add_flag("--compare-engines", arguments->compare_engines,
                    "Run both engines on every packet and fail at the first difference");
  command->add_flag("--no-detect", arguments->no_detect,
                    "Switch detection off: only policies, sources and rules decide");
  command->add_flag("--measure", arguments->measure,
                    "Replay a second time to count what the signatures match, also ahead of detection");
  command->add_flag("--events", arguments->events,
                    "Print every decision on attacks and rules on standard error, as it falls");
  return {command, [arguments] { return RunReplay(*arguments, std::cout, std::cerr); }};
}

}  // namespace breakwater::replay
