// The packet filter as the rest of the edge sees it: a ruleset goes in, exact counters and samples come out. Three
// implementations run the same C source: NativeEngine (a library, no privileges), KernelEngine (BPF_PROG_TEST_RUN) and
// LiveDatapath (attached to interfaces).
//
//   absl::StatusOr<std::unique_ptr<Engine>> engine = NewNativeEngine(EngineOptions{});
//   absl::StatusOr<InstallReport> report = (*engine)->Install(ruleset);
//   Verdict v = (*engine)->Process(frame, now);
//   SlotCounters c = *(*engine)->TakeCounters();
//
// Install and TakeCounters are called from one thread. Bounds are in Bounds; over a bound is an error that names it.
#ifndef BREAKWATER_EDGE_DATAPATH_DATAPATH_H_
#define BREAKWATER_EDGE_DATAPATH_DATAPATH_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/net/ip.h"
#include "common/rule/rule.h"
#include "common/window/slot.h"
#include "edge/datapath/reason.h"

namespace breakwater::datapath {

struct Bounds {
  static constexpr size_t kPolicies = 1024;
  static constexpr size_t kServicesPerPolicy = 16;
  static constexpr size_t kSources = 65536;   // allow and block entries
  static constexpr size_t kRules = 256;       // operators' and automatic ones together
  static constexpr size_t kRuleSlots = 4096;  // stable counter slots
};

// A declared service of a prefix: what it doesn't declare is dropped or capped from the first packet.
struct Service {
  uint8_t protocol = 0;  // 6, 17, 1, 58, ...; 0 = every protocol
  uint16_t port_lo = 0;  // destination ports, inclusive; 0..65535 = all. For ICMP and ICMPv6: types.
  uint16_t port_hi = 65535;
  uint64_t cap_pps = 0;  // 0 = no cap
  friend bool operator==(const Service&, const Service&) = default;
};

enum class Undeclared { kDrop, kCap, kPass };

struct Policy {
  net::IpPrefix prefix;  // longest match wins
  std::vector<Service> services;
  Undeclared undeclared = Undeclared::kDrop;
  uint64_t undeclared_cap_pps = 0;  // kCap
  friend bool operator==(const Policy&, const Policy&) = default;
};

struct SourceEntry {
  enum class Kind { kBlock, kAllow };
  net::IpPrefix prefix;  // longest match wins
  Kind kind = Kind::kBlock;
  Service allowed;  // kAllow: only this, and cap_pps must be set: allowed addresses can be spoofed
};

struct RuleEntry {
  rule::Rule rule;
  // Stable per rule id, 0..Bounds::kRuleSlots-1: counters survive swaps and restarts.
  uint32_t counter_slot = 0;
};

struct Ruleset {
  uint64_t revision = 0;
  std::vector<Policy> policies;
  std::vector<SourceEntry> sources;
  std::vector<RuleEntry> rules;  // looked at in the order of (priority, id)
};

struct RuleRefusal {
  std::string rule_id;
  absl::Status status;
};

struct InstallReport {
  uint64_t revision = 0;
  std::vector<RuleRefusal> refused;  // rules this datapath can't carry; all others are in force
};

// Since the call before.
struct HostCounts {
  net::IpAddress destination;
  window::Vector vector = BW_VECTOR_IP_OTHER;
  window::Counts counts;
};
struct PolicyCounts {
  uint32_t policy = 0;  // index into the installed Ruleset::policies
  window::Vector vector = BW_VECTOR_IP_OTHER;
  window::Counts counts;
};
struct RuleSlotCounts {
  uint32_t counter_slot = 0;
  window::RuleCounts counts;
};
struct SlotCounters {
  std::vector<HostCounts> hosts;                      // exact; only what changed
  std::vector<PolicyCounts> policies;                 // exact; only what changed
  std::array<window::Counts, BW_VECTOR_MAX> other{};  // hosts that had no place
  std::vector<RuleSlotCounts> rules;
  std::array<window::Counts, BW_REASON_MAX> reasons{};
  std::vector<window::HeaderSample> samples;
  uint64_t lost_samples = 0;
};

class Datapath {
 public:
  virtual ~Datapath() = default;
  // Compiles, fills the idle tables, swaps atomically. On an error nothing has changed.
  virtual absl::StatusOr<InstallReport> Install(const Ruleset& ruleset) = 0;
  virtual absl::StatusOr<SlotCounters> TakeCounters() = 0;
  // Stop enforcing: everything passes and would-be drops are counted as PASS_PANIC.
  virtual absl::Status SetPanic(bool on) = 0;
};

struct Verdict {
  bool dropped = false;
  bw_reason reason = BW_REASON_PASS_NO_POLICY;
  window::Vector vector = BW_VECTOR_UNPARSED;
  // The counter slot of the rule that decided; -1 = none did.
  int32_t rule_slot = -1;
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

// A datapath that is fed packet by packet, for replay, tests and golden checks.
class Engine : public Datapath {
 public:
  // frame starts with an Ethernet header. Under 14 bytes the result is PASS_UNPARSED, as the kernel's TEST_RUN refuses it.
  virtual absl::StatusOr<Verdict> Process(std::span<const uint8_t> frame, absl::Time now) = 0;
};

struct EngineOptions {
  uint32_t host_table_entries = 16384;  // (address, vector) pairs; a power of two
};

// Needs nothing.
absl::StatusOr<std::unique_ptr<Engine>> NewNativeEngine(const EngineOptions& options);
// Needs CAP_BPF and CAP_NET_ADMIN; says so when they are missing.
absl::StatusOr<std::unique_ptr<Engine>> NewKernelEngine(const EngineOptions& options);

enum class AttachMode { kAuto, kNative, kGeneric };
struct LiveOptions {
  std::vector<std::string> interfaces;
  AttachMode mode = AttachMode::kAuto;  // native, and generic where the driver can't
  EngineOptions engine;
};
// One attached interface, as it is now.
struct AttachedInterface {
  std::string name;
  int index = 0;
  AttachMode mode = AttachMode::kNative;
  bool present = true;  // false once the interface has disappeared, or while it can't be attached
  std::string note;     // for logs: why it isn't native or isn't attached; empty when all is well
};
class LiveDatapath : public Datapath {
 public:
  // Looks again; an interface that came back under the same name is attached again.
  virtual std::vector<AttachedInterface> RefreshInterfaces() = 0;
};
// Detaches on destruction. Refuses an interface that another XDP program holds, and names that program.
absl::StatusOr<std::unique_ptr<LiveDatapath>> AttachLive(const LiveOptions& options);

std::string_view ReasonName(bw_reason reason);

}  // namespace breakwater::datapath

#endif  // BREAKWATER_EDGE_DATAPATH_DATAPATH_H_
