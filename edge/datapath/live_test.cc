// The packet filter on real interfaces: veth pairs in a network namespace of this test's own.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "edge/datapath/datapath.h"
#include "edge/datapath/packet_builder.h"
#include "edge/datapath/test_kernel.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

using testing::HasSubstr;

void Shell(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

// Sends frames out of an interface, so that its peer receives them.
void Send(const std::string& interface, const Bytes& frame, int times) {
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  ASSERT_GE(fd, 0) << std::strerror(errno);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  to.sll_halen = 6;
  for (int i = 0; i < times; i++) {
    ASSERT_EQ(sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
              static_cast<ssize_t>(frame.size()))
        << std::strerror(errno);
  }
  close(fd);
}

Bytes Syn(std::string_view destination, uint16_t port) {
  return Frame({.source = Ip("198.51.100.9"), .destination = Ip(destination), .protocol = 6},
               Tcp({.source_port = 40000, .destination_port = port, .flags = 2}, Bytes(6)));
}

class LiveTest : public testing::Test {
 protected:
  // A namespace of its own for each test; it goes with the next one, or with the process.
  void SetUp() override {
    BREAKWATER_NEEDS_KERNEL();
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << std::strerror(errno)
                                        << ": this test needs CAP_SYS_ADMIN to make a namespace";
    AddPair();
  }
  void AddPair() { Shell("ip link add bw0 type veth peer name bw1 && ip link set bw0 up && ip link set bw1 up"); }

  std::unique_ptr<LiveDatapath> Attach(AttachMode mode = AttachMode::kAuto) {
    absl::StatusOr<std::unique_ptr<LiveDatapath>> live = AttachLive({.interfaces = {"bw0"}, .mode = mode});
    EXPECT_TRUE(live.ok()) << live.status();
    if (!live.ok()) return nullptr;
    absl::StatusOr<InstallReport> report = (*live)->Install(
        {.revision = 1, .policies = {Web("203.0.113.0/24")}, .rules = {Rule("r", 3, "tcp.dstport == 443")}});
    EXPECT_TRUE(report.ok()) << report.status();
    return *std::move(live);
  }
  // Adds what comes in within a second until n packets to the prefix were counted.
  static SlotCounters Take(LiveDatapath& live, uint64_t n) {
    SlotCounters sum;
    uint64_t packets = 0;
    for (int i = 0; i < 100 && packets < n; i++) {
      SlotCounters now = *live.TakeCounters();
      for (const PolicyCounts& policy : now.policies) packets += policy.counts.packets;
      sum.hosts.insert(sum.hosts.end(), now.hosts.begin(), now.hosts.end());
      sum.rules.insert(sum.rules.end(), now.rules.begin(), now.rules.end());
      sum.samples.insert(sum.samples.end(), now.samples.begin(), now.samples.end());
      for (int r = 0; r < BW_REASON_MAX; r++) sum.reasons[r] += now.reasons[r];
      if (packets < n) absl::SleepFor(absl::Milliseconds(10));
    }
    return sum;
  }
};

TEST_F(LiveTest, FiltersAndCountsRealPackets) {
  std::unique_ptr<LiveDatapath> live = Attach();
  ASSERT_NE(live, nullptr);
  Send("bw1", Syn("203.0.113.7", 443), 30);
  Send("bw1", Syn("203.0.113.7", 80), 20);
  Send("bw1", Syn("203.0.113.8", 22), 10);
  const SlotCounters counters = Take(*live, 60);
  EXPECT_EQ(counters.reasons[BW_REASON_DROP_RULE].packets, 30u);
  EXPECT_EQ(counters.reasons[BW_REASON_PASS_DECLARED].packets, 20u);
  EXPECT_EQ(counters.reasons[BW_REASON_DROP_UNDECLARED].packets, 10u);
  uint64_t matched = 0;
  for (const RuleSlotCounts& rule : counters.rules) matched += rule.counts.dropped_packets;
  EXPECT_EQ(matched, 30u);
  ASSERT_EQ(counters.samples.size(), 60u);
  for (const window::HeaderSample& sample : counters.samples) {
    EXPECT_EQ(sample.source, Ip("198.51.100.9"));
    EXPECT_LT(absl::AbsDuration(absl::Now() - sample.time), absl::Seconds(30));
  }
}

TEST_F(LiveTest, ASwapIsWholeForEveryPacketAndLosesNoCount) {
  std::unique_ptr<LiveDatapath> live = Attach();
  ASSERT_NE(live, nullptr);
  // Both rulesets match every packet by a rule of their own; a mixture of the two would not.
  Ruleset rulesets[2] = {
      {.revision = 2, .policies = {Open("203.0.113.0/24")}, .rules = {Rule("drop", 1, "tcp.dstport == 443")}},
      {.revision = 3,
       .policies = {Web("198.18.0.0/16"), Open("203.0.113.0/25")},
       .rules = {Rule("none", 3, "tcp.dstport == 1"),
                 Rule("allow", 2, "tcp.flags == syn", rule::Mode::kEnforce, rule::ActionKind::kAllow)}}};
  ASSERT_TRUE(live->Install(rulesets[0]).ok());
  constexpr int kSwaps = 20;
  std::atomic<bool> swapping = true;
  std::atomic<uint64_t> sent = 0;
  std::thread sender([&] {
    for (; swapping; sent += 100) Send("bw1", Syn("203.0.113.7", 443), 100);
  });
  for (int i = 1; i <= kSwaps; i++) {
    EXPECT_TRUE(live->Install(rulesets[i % 2]).ok());
    // Some packets under each ruleset; the barrier of the next swap then falls among them.
    for (const uint64_t before = sent; sent < before + 200;) std::this_thread::yield();
  }
  swapping = false;
  sender.join();
  SlotCounters counters;
  uint64_t judged = 0;
  std::map<uint32_t, uint64_t> matched;
  for (int i = 0; i < 100 && judged < sent; i++) {
    SlotCounters now = *live->TakeCounters();
    for (const RuleSlotCounts& rule : now.rules) matched[rule.counter_slot] += rule.counts.matched_packets;
    for (int r = 0; r < BW_REASON_MAX; r++) counters.reasons[r] += now.reasons[r];
    judged = counters.reasons[BW_REASON_DROP_RULE].packets + counters.reasons[BW_REASON_PASS_RULE].packets;
    if (judged < sent) absl::SleepFor(absl::Milliseconds(10));
  }
  EXPECT_EQ(judged, sent);
  EXPECT_EQ(matched[1], counters.reasons[BW_REASON_DROP_RULE].packets);
  EXPECT_EQ(matched[2], counters.reasons[BW_REASON_PASS_RULE].packets);
  EXPECT_EQ(matched[3], 0u);
  EXPECT_GT(matched[1], 0u);
  EXPECT_GT(matched[2], 0u);
}

TEST_F(LiveTest, PassesEverythingInPanic) {
  std::unique_ptr<LiveDatapath> live = Attach();
  ASSERT_NE(live, nullptr);
  ASSERT_TRUE(live->SetPanic(true).ok());
  Send("bw1", Syn("203.0.113.7", 443), 5);
  const SlotCounters counters = Take(*live, 5);
  EXPECT_EQ(counters.reasons[BW_REASON_PASS_PANIC].packets, 5u);
  EXPECT_EQ(counters.reasons[BW_REASON_DROP_RULE].packets, 0u);
}

TEST_F(LiveTest, WorksInGenericMode) {
  std::unique_ptr<LiveDatapath> live = Attach(AttachMode::kGeneric);
  ASSERT_NE(live, nullptr);
  const std::vector<AttachedInterface> interfaces = live->RefreshInterfaces();
  ASSERT_EQ(interfaces.size(), 1u);
  EXPECT_EQ(interfaces[0].mode, AttachMode::kGeneric);
  Send("bw1", Syn("203.0.113.7", 443), 5);
  EXPECT_EQ(Take(*live, 5).reasons[BW_REASON_DROP_RULE].packets, 5u);
}

TEST_F(LiveTest, DetachesWhenItEnds) {
  Attach().reset();
  Shell("! ip -d link show bw0 | grep -q xdp");
  EXPECT_NE(Attach(), nullptr) << "nothing is left that would be in the way";
}

TEST_F(LiveTest, RefusesAnInterfaceThatAnotherProgramHolds) {
  std::unique_ptr<LiveDatapath> first = Attach();
  ASSERT_NE(first, nullptr);
  absl::StatusOr<std::unique_ptr<LiveDatapath>> second = AttachLive({.interfaces = {"bw1", "bw0"}});
  ASSERT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("bw0 already carries the XDP program id"));
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("(bw_xdp)"));
  Shell("! ip -d link show bw1 | grep -q xdp");
}

TEST_F(LiveTest, NoticesAnInterfaceThatDisappearsAndAttachesAgainWhenItReturns) {
  std::unique_ptr<LiveDatapath> live = Attach();
  ASSERT_NE(live, nullptr);
  EXPECT_TRUE(live->RefreshInterfaces()[0].present);
  Shell("ip link del bw0");
  AttachedInterface gone = live->RefreshInterfaces()[0];
  EXPECT_FALSE(gone.present);
  EXPECT_EQ(gone.index, 0);
  EXPECT_THAT(gone.note, HasSubstr("no network interface \"bw0\""));
  AddPair();
  AttachedInterface back = live->RefreshInterfaces()[0];
  EXPECT_TRUE(back.present);
  EXPECT_EQ(back.note, "");
  Send("bw1", Syn("203.0.113.7", 443), 5);
  EXPECT_EQ(Take(*live, 5).reasons[BW_REASON_DROP_RULE].packets, 5u) << "the ruleset is still in force";
}

TEST_F(LiveTest, NamesAnInterfaceThatIsNotThere) {
  absl::StatusOr<std::unique_ptr<LiveDatapath>> live = AttachLive({.interfaces = {"bw9"}});
  EXPECT_EQ(live.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(live.status().message()), HasSubstr("\"bw9\""));
  EXPECT_EQ(AttachLive({}).status().code(), absl::StatusCode::kInvalidArgument);
}

// Runs body in a child that has only these capabilities, and no way back; what it returns is compared with "".
void ExpectInChildWith(const std::vector<int>& capabilities, const std::function<std::string()>& body) {
  int channel[2];
  ASSERT_EQ(pipe(channel), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3]{};
    for (int capability : capabilities) {
      sets[capability / 32].effective |= 1u << (capability % 32);
      sets[capability / 32].permitted |= 1u << (capability % 32);
    }
    std::string result = syscall(SYS_capset, &header, sets) == 0 ? body() : "capset failed";
    result.resize(std::min<size_t>(result.size(), 4000));
    const ssize_t written = write(channel[1], result.data(), result.size());
    _exit(written == static_cast<ssize_t>(result.size()) ? 0 : 1);
  }
  close(channel[1]);
  std::string result;
  char buffer[4096];
  for (ssize_t n; (n = read(channel[0], buffer, sizeof buffer)) > 0;) result.append(buffer, static_cast<size_t>(n));
  close(channel[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(result, "");
}

std::string ExpectMissing(const absl::Status& status, std::string_view capability) {
  const std::string message(status.message());
  const std::string lacks = absl::StrCat("lacks ", std::string(capability), ":");
  if (status.code() == absl::StatusCode::kPermissionDenied && message.find(lacks) != std::string::npos) return "";
  return absl::StrCat("expected \"", lacks, "\", got ", status.ToString());
}

TEST_F(LiveTest, NamesTheCapabilityThatIsMissing) {
  ExpectInChildWith({CAP_NET_ADMIN},
                    [] { return ExpectMissing(AttachLive({.interfaces = {"bw0"}}).status(), "CAP_BPF"); });
  ExpectInChildWith({CAP_BPF},
                    [] { return ExpectMissing(AttachLive({.interfaces = {"bw0"}}).status(), "CAP_NET_ADMIN"); });
  ExpectInChildWith({}, [] { return ExpectMissing(NewKernelEngine({}).status(), "CAP_BPF and CAP_NET_ADMIN"); });
}

TEST_F(LiveTest, NeedsNoMoreThanTwoCapabilities) {
  ExpectInChildWith({CAP_BPF, CAP_NET_ADMIN}, []() -> std::string {
    absl::StatusOr<std::unique_ptr<LiveDatapath>> live = AttachLive({.interfaces = {"bw0"}});
    if (!live.ok()) return live.status().ToString();
    absl::StatusOr<InstallReport> report = (*live)->Install({.revision = 1, .policies = {Web("203.0.113.0/24")}});
    if (!report.ok()) return report.status().ToString();
    absl::StatusOr<std::unique_ptr<Engine>> engine = NewKernelEngine({});
    if (!engine.ok()) return engine.status().ToString();
    absl::StatusOr<Verdict> verdict = (*engine)->Process(Syn("203.0.113.7", 22), absl::Now());
    return verdict.ok() ? "" : verdict.status().ToString();
  });
}

}  // namespace
}  // namespace breakwater::datapath
