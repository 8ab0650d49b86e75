// The native library and the kernel judge every packet alike: thousands of generated and mutated packets against random
// rulesets, every counter and every sample compared.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <tuple>

#include "edge/datapath/datapath.h"
#include "edge/datapath/random_traffic.h"
#include "edge/datapath/test_kernel.h"

namespace breakwater::datapath {
namespace {

using Key = std::tuple<net::IpAddress, int>;

auto Tie(const window::Counts& c) { return std::tie(c.packets, c.bytes, c.dropped_packets, c.dropped_bytes); }

void ExpectSame(const SlotCounters& a, const SlotCounters& b) {
  auto hosts = [](const SlotCounters& c) {
    std::map<Key, window::Counts> by_key;
    for (const HostCounts& host : c.hosts) by_key[{host.destination, host.vector}] += host.counts;
    return by_key;
  };
  EXPECT_EQ(hosts(a), hosts(b));
  ASSERT_EQ(a.policies.size(), b.policies.size());
  for (size_t i = 0; i < a.policies.size(); i++) {
    EXPECT_EQ(a.policies[i].policy, b.policies[i].policy);
    EXPECT_EQ(a.policies[i].vector, b.policies[i].vector);
    EXPECT_EQ(Tie(a.policies[i].counts), Tie(b.policies[i].counts));
  }
  ASSERT_EQ(a.rules.size(), b.rules.size());
  for (size_t i = 0; i < a.rules.size(); i++) {
    EXPECT_EQ(a.rules[i].counter_slot, b.rules[i].counter_slot);
    EXPECT_EQ(a.rules[i].counts, b.rules[i].counts);
  }
  EXPECT_EQ(a.reasons, b.reasons);
  EXPECT_EQ(a.other, b.other);
  EXPECT_EQ(a.lost_samples, b.lost_samples);
  ASSERT_EQ(a.samples.size(), b.samples.size());
  for (size_t i = 0; i < a.samples.size(); i++) {
    const window::HeaderSample& x = a.samples[i];
    const window::HeaderSample& y = b.samples[i];
    EXPECT_EQ(std::tie(x.time, x.weight, x.vector, x.dropped, x.source, x.destination, x.protocol, x.fragment,
                       x.later_fragment, x.ip_length, x.vlan, x.l4_offset, x.payload_offset, x.size, x.bytes),
              std::tie(y.time, y.weight, y.vector, y.dropped, y.source, y.destination, y.protocol, y.fragment,
                       y.later_fragment, y.ip_length, y.vlan, y.l4_offset, y.payload_offset, y.size, y.bytes));
  }
}

TEST(AgreeTest, NativeAndKernelJudgeEveryPacketAlike) {
  BREAKWATER_NEEDS_KERNEL();
  uint32_t seed = std::random_device{}();
  if (const char* given = std::getenv("BREAKWATER_SEED")) seed = static_cast<uint32_t>(std::strtoul(given, nullptr, 0));
  std::cout << "seed: BREAKWATER_SEED=" << seed << std::endl;
  std::mt19937 random(seed);

  // A small host table, so that hosts without a place come up too.
  const EngineOptions options{.host_table_entries = 64};
  absl::StatusOr<std::unique_ptr<Engine>> native = NewNativeEngine(options);
  absl::StatusOr<std::unique_ptr<Engine>> kernel = NewKernelEngine(options);
  ASSERT_TRUE(native.ok()) << native.status();
  ASSERT_TRUE(kernel.ok()) << kernel.status();

  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  std::map<bw_reason, int> reasons;
  std::map<int, int> vectors;
  for (int round = 0; round < 30 && !testing::Test::HasFailure(); round++) {
    const Ruleset ruleset = RandomRuleset(random, round);
    absl::StatusOr<InstallReport> a = (*native)->Install(ruleset);
    absl::StatusOr<InstallReport> b = (*kernel)->Install(ruleset);
    ASSERT_TRUE(a.ok()) << a.status();
    ASSERT_TRUE(b.ok()) << b.status();
    EXPECT_EQ(a->refused.size(), b->refused.size());
    const bool panic = round % 10 == 9;
    ASSERT_TRUE((*native)->SetPanic(panic).ok() && (*kernel)->SetPanic(panic).ok());
    for (int i = 0; i < 1000; i++) {
      const Bytes frame = RandomFrame(random);
      now += absl::Microseconds(std::uniform_int_distribution<int>(0, 500)(random));
      absl::StatusOr<Verdict> x = (*native)->Process(frame, now);
      absl::StatusOr<Verdict> y = (*kernel)->Process(frame, now);
      ASSERT_TRUE(x.ok()) << x.status();
      ASSERT_TRUE(y.ok()) << y.status() << " frame of " << frame.size();
      ASSERT_EQ(*x, *y) << "round " << round << " packet " << i << ": " << ReasonName(x->reason) << " natively, "
                        << ReasonName(y->reason) << " in the kernel\n"
                        << Hex(frame);
      reasons[x->reason]++;
      vectors[x->vector]++;
    }
    ExpectSame(*(*native)->TakeCounters(), *(*kernel)->TakeCounters());
  }
  // The traffic is worth comparing only if it reaches everything.
#define BW_EXPECT_REASON(number, id, name, drops, description) \
  EXPECT_GT(reasons[BW_REASON_##id], 0) << "no packet came to " name;
  BW_REASONS(BW_EXPECT_REASON)
#undef BW_EXPECT_REASON
  EXPECT_GT(vectors.size(), 18u);
}

}  // namespace
}  // namespace breakwater::datapath
