#include "common/window/window_wire.h"

#include <functional>
#include <random>

#include "common/window/testing.h"
#include "common/window/window_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::window {
namespace {

namespace v1 = ::breakwater::v1;
using ::testing::HasSubstr;
using testing::HostTarget;
using testing::kStart;
using testing::RandomWindow;

TEST(WindowWireTest, RoundTripsWholeWindows) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Window w = RandomWindow(random, {.samples = 30});
    absl::StatusOr<std::string> bytes = Serialize(w);
    ASSERT_TRUE(bytes.ok()) << bytes.status();
    absl::StatusOr<Window> back = Parse(*bytes);
    ASSERT_TRUE(back.ok()) << back.status();
    // Counts of 0 aren't carried: a rule that matched nothing is a rule that isn't there.
    Window want = w;
    for (Slot& slot : want.slots) {
      absl::erase_if(slot.rules, [](const auto& r) { return r.second == RuleCounts{}; });
    }
    EXPECT_TRUE(testing::SameCounters(*back, want));
    EXPECT_TRUE(testing::SameSamples(back->samples, w.samples));
    EXPECT_EQ(back->sketches, w.sketches);
    EXPECT_EQ(back->lost_samples, w.lost_samples);
    EXPECT_EQ(*Serialize(*back), *bytes);
  }
}

TEST(WindowWireTest, CarriesIpv6AndMergedWindows) {
  std::mt19937_64 random(4);
  Window w = RandomWindow(random);
  w.id = {};
  w.merged = 40;
  const net::IpAddress v6 = *net::IpAddress::Parse("2001:db8::7");
  w.slots[4].traffic[{Target::Host(v6), BW_VECTOR_UDP_DNS}] = {9, 900, 0, 0};
  const HeaderSample s = testing::RandomSample(random, kStart + absl::Milliseconds(450), v6);
  w.samples.push_back(s);
  LimitSamples(w.samples, 100, 0);
  w.sketches.try_emplace({Target::Host(v6), BW_VECTOR_UDP_DNS}, testing::kSeed).first->second.Add(s);
  for (Slot& slot : w.slots) {
    slot.length = kSlotLength * 4;
    slot.start = w.start + slot.length * (&slot - w.slots.data());
  }
  absl::StatusOr<Window> back = Parse(*Serialize(w));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->sketches, w.sketches);
  EXPECT_EQ(back->slots[4].traffic, w.slots[4].traffic);
  EXPECT_EQ(back->slot_length(), kSlotLength * 4);
  EXPECT_EQ(back->merged, 40u);
  EXPECT_EQ(back->reported_slots, 10u);
  w.reported_slots = 3;
  EXPECT_EQ(Parse(*Serialize(w))->reported_slots, 3u);
}

// What a quiet edge sends each second: a few busy addresses, several vectors, little of each.
TEST(WindowWireTest, QuietWindowIsSmall) {
  std::mt19937_64 random(2);
  WindowBuilder builder({}, random());
  std::optional<Window> w;
  for (int i = 0; i < 10; ++i) {
    Slot slot;
    slot.start = kStart + kSlotLength * i;
    std::vector<HeaderSample> samples;
    for (uint32_t host = 0; host < 8; ++host) {
      for (Vector v : {BW_VECTOR_TCP_ACK, BW_VECTOR_TCP_SYN, BW_VECTOR_TCP_FIN, BW_VECTOR_UDP_QUIC}) {
        const uint64_t n = v == BW_VECTOR_TCP_ACK ? 100 + random() % 200 : random() % 3;
        if (n == 0) continue;
        const Counts c{n, n * (60 + random() % 500), 0, 0};
        slot.traffic[{HostTarget(host), v}] = c;
        slot.traffic[{Target::Prefix(*net::IpPrefix::Parse("203.0.113.0/24")), v}] += c;
      }
      samples.push_back(testing::RandomSample(random, slot.start, HostTarget(host).prefix.address()));
    }
    slot.rules["op-block-1"] = {random() % 5, random() % 300, 0, 0};
    for (Window& done : builder.AddSlot(slot, samples, {})) w = std::move(done);
  }
  ASSERT_TRUE(w);
  const size_t size = Serialize(*w)->size();
  RecordProperty("bytes", static_cast<int>(size));
  EXPECT_LE(size, 2048u);
}

// A flood from as many heavy sources as a sketch holds, everything else random: the most that an alerted target can
// cost.
TEST(WindowWireTest, AlertedTargetIsBounded) {
  for (const char* victim : {"203.0.113.7", "2001:db8::7"}) {
    SCOPED_TRACE(victim);
    const net::IpAddress address = *net::IpAddress::Parse(victim);
    std::mt19937_64 random(3);
    std::vector<net::IpAddress> sources;
    for (uint32_t i = 0; i < TargetSketches::kSources; ++i) {
      sources.push_back(testing::RandomSample(random, kStart, address).source);
    }
    WindowBuilder builder({}, random());
    std::optional<Window> w;
    for (int i = 0; i < 10; ++i) {
      Slot slot;
      slot.start = kStart + kSlotLength * i;
      slot.traffic[{Target::Host(address), BW_VECTOR_UDP_DNS}] = {1000000, 400000000, 900000, 360000000};
      std::vector<HeaderSample> samples;
      for (size_t n = 0; n < 2000; ++n) {
        samples.push_back(testing::RandomSample(random, slot.start + absl::Microseconds(n * 10), address));
        samples.back().source = sources[n % sources.size()];
        samples.back().weight = 500;
      }
      const Alerted alerted = {{Target::Host(address), BW_VECTOR_UDP_DNS}};
      for (Window& done : builder.AddSlot(slot, samples, alerted)) w = std::move(done);
    }
    ASSERT_TRUE(w);
    const TargetSketches& sketches = w->sketches.begin()->second;
    EXPECT_EQ(sketches.sources.size(), TargetSketches::kSources);
    const size_t size = Serialize(*w)->size();
    RecordProperty(victim, static_cast<int>(size));
    EXPECT_LE(size, 20480u);
  }
}

struct BadCase {
  const char* what;
  std::function<void(v1::Window&)> spoil;
  const char* error;
};

TEST(WindowWireTest, EveryBoundIsCheckedAndNamed) {
  std::mt19937_64 random(6);
  const v1::Window good = *ToProto(RandomWindow(random));
  ASSERT_TRUE(FromProto(good).ok());
  const auto full = [](v1::CountRow& row) {  // a row with a value for each of ten slots
    row.Clear();
    for (int i = 0; i < 10; ++i) row.add_packets(1);
  };
  // An address with bits in its last byte: sites and the prefix come before it.
  const auto last_target = [](v1::Window& m) { return m.mutable_targets(m.targets_size() - 1); };
  const BadCase kCases[] = {
      {"reported slots", [](auto& m) { m.set_reported_slots(11); }, "reported_slots is 11"},
      {"sequence order", [](auto& m) { m.set_last_sequence(9); }, "last_sequence 9 is before first_sequence 10"},
      {"sequence span", [](auto& m) { m.set_last_sequence(10 + 1024); }, "is 1024, the limit is 1023"},
      {"merged 0", [](auto& m) { m.set_merged(0); }, "merged is 0"},
      {"merged", [](auto& m) { m.set_merged(1000001); }, "merged is 1000001, the limit is 1000000"},
      {"start", [](auto& m) { m.set_start_unix_ms(-1); }, "start_unix_ms is -1"},
      {"start far", [](auto& m) { m.set_start_unix_ms((int64_t{1} << 53) + 1); }, "start_unix_ms is 9007199254740993"},
      {"slot_ms", [](auto& m) { m.set_slot_ms(300); }, "slot_ms is 300"},
      {"slot_ms long", [](auto& m) { m.set_slot_ms(12800); }, "slot_ms is 12800"},
      {"slots 0", [](auto& m) { m.set_slots(0); }, "slots is 0"},
      {"slots", [](auto& m) { m.set_slots(11); }, "slots is 11"},
      {"offset", [](auto& m) { m.set_clock_offset_us(-1000000000001); }, "clock_offset_us is -1000000000001"},
      {"address", [&](auto& m) { last_target(m)->set_address("abc"); }, ": address has 3 bytes"},
      {"mapped", [&](auto& m) { last_target(m)->set_address(std::string(10, 0) + "\xff\xff" + "abcd"); },
       ": address is an IPv4 address in 16 bytes"},
      {"length", [&](auto& m) { last_target(m)->set_length(33); }, ": length is 33, the limit is 32"},
      {"host bits", [&](auto& m) { last_target(m)->set_length(8); }, "has bits behind its length 8"},
      {"both", [&](auto& m) { last_target(m)->set_site("x"); }, ": both address and site"},
      {"neither", [](auto& m) { m.mutable_targets(0)->Clear(); }, "targets[0]: site is empty"},
      {"site", [](auto& m) { m.mutable_targets(0)->Clear(), m.mutable_targets(0)->set_site(std::string(254, 'a')); },
       "targets[0]: site's length is 254, the limit is 253"},
      {"same target", [](auto& m) { *m.mutable_targets(1) = m.targets(0); }, "is there twice"},
      {"target index", [](auto& m) { m.mutable_traffic(0)->set_target(8000); }, "traffic[0]: target is 8000"},
      {"vector", [](auto& m) { m.mutable_traffic(0)->set_vector(96); }, "traffic[0]: vector is 96, the limit is 95"},
      {"same row", [](auto& m) { *m.add_traffic() = m.traffic(0); }, "second row of this target"},
      {"mask", [](auto& m) { m.mutable_traffic(2)->mutable_counts()->set_mask(1024); },
       "traffic[2].counts: mask is 1024, the limit is 1023"},
      {"values",
       [&](auto& m) {
         full(*m.mutable_traffic(0)->mutable_counts()), m.mutable_traffic(0)->mutable_counts()->add_packets(1);
       },
       "traffic[0].counts: packets has 11 values, the mask has 10 slots"},
      {"count",
       [&](auto& m) {
         full(*m.mutable_traffic(0)->mutable_counts()),
             m.mutable_traffic(0)->mutable_counts()->set_packets(3, ~uint64_t{0});
       },
       "packets[3] is 18446744073709551615, the limit is 72057594037927936"},
      {"dropped",
       [&](auto& m) {
         full(*m.mutable_traffic(0)->mutable_counts());
         for (int i = 0; i < 10; ++i) m.mutable_traffic(0)->mutable_counts()->add_dropped_packets(2);
       },
       "dropped_packets of slot 0 is 2, the limit is 1"},
      {"other vector", [](auto& m) { m.mutable_other(0)->set_vector(96); }, "other[0]: vector is 96"},
      {"other twice", [](auto& m) { *m.add_other() = m.other(0); }, "other[1]: second row of vector"},
      {"groups", [](auto& m) { m.mutable_other_groups(0)->mutable_counts()->set_mask(1u << 31); },
       "other_groups[0].counts: mask"},
      {"rule id", [](auto& m) { m.mutable_rules(0)->set_rule_id(""); }, "rules[0]: rule_id is empty"},
      {"rule id long", [](auto& m) { m.mutable_rules(0)->set_rule_id(std::string(65, 'r')); },
       "rule_id's length is 65"},
      {"same rule", [](auto& m) { *m.add_rules() = m.rules(0); }, "second row of rule"},
      {"gateway", [](auto& m) { m.mutable_gateway(0)->set_requests(~uint64_t{0}); }, "gateway[0]: requests is"},
      {"same site", [](auto& m) { *m.add_gateway() = m.gateway(0); }, "gateway[1]: second entry of site"},
      {"latency", [](auto& m) { m.mutable_gateway(0)->mutable_latency()->set_min(7); },
       "latency: layout isn't that of latencies"},
      {"sketch k", [](auto& m) { m.mutable_sketches(0)->mutable_sources()->set_k(64); },
       "sketches[0]: sources: k is 64, must be 1024"},
      {"sketch keys", [](auto& m) { m.mutable_sketches(0)->mutable_sources()->mutable_v4_keys()->push_back('x'); },
       "v4_keys has 5 bytes"},
      {"sketch length", [](auto& m) { m.mutable_sketches(0)->mutable_networks()->set_v4_length(25); },
       "networks: v4_length is 25, must be 24"},
      {"sketch total", [](auto& m) { m.mutable_sketches(0)->mutable_sources()->set_total(~uint64_t{0}); },
       "sources: total is"},
      {"precision", [](auto& m) { m.mutable_sketches(0)->mutable_distinct_sources()->set_precision(13); },
       "precision is 13, must be 12"},
      {"domain", [](auto& m) { m.mutable_sketches(0)->mutable_ttls()->set_domain(255); },
       "ttls: domain is 255, must be 256"},
      {"ports", [](auto& m) { m.mutable_sketches(0)->mutable_source_ports()->set_k(65); }, "source_ports: k is 65"},
      {"same sketch", [](auto& m) { *m.add_sketches() = m.sketches(0); }, "second entry of this target"},
      {"sample time", [](auto& m) { m.mutable_samples(0)->set_time_us(1000000); }, "samples[0]: time_us is 1000000"},
      {"sample weight", [](auto& m) { m.mutable_samples(0)->set_weight(1u << 25); },
       "weight is 33554432, the limit is 16777216"},
      {"sample weight 0", [](auto& m) { m.mutable_samples(0)->set_weight(0); }, "weight is 0"},
      {"sample vector", [](auto& m) { m.mutable_samples(0)->set_vector(96); }, "samples[0]: vector is 96"},
      {"sample source", [](auto& m) { m.mutable_samples(0)->set_source(""); }, "samples[0]: source has 0 bytes"},
      {"sample destination", [](auto& m) { m.mutable_samples(0)->set_destination("x"); }, "destination has 1 bytes"},
      {"sample protocol", [](auto& m) { m.mutable_samples(0)->set_protocol(256); }, "protocol is 256"},
      {"sample ip_length", [](auto& m) { m.mutable_samples(0)->set_ip_length(131072); }, "ip_length is 131072"},
      {"sample vlan", [](auto& m) { m.mutable_samples(0)->set_vlan(4096); }, "vlan is 4096"},
      {"sample header", [](auto& m) { m.mutable_samples(0)->set_header(std::string(129, 'x')); },
       "header's length is 129"},
      {"sample l4", [](auto& m) { m.mutable_samples(0)->set_l4_offset(129); }, "l4_offset is 129"},
      {"sample payload", [](auto& m) { m.mutable_samples(0)->set_payload_offset(129); }, "payload_offset is 129"},
      {"too many targets",
       [](auto& m) {
         while (m.targets_size() < 8193) m.add_targets();
       },
       "targets' size is 8193, the limit is 8192"},
      {"too many rows",
       [](auto& m) {
         while (m.traffic_size() < 16385) m.add_traffic();
       },
       "traffic rows' size is 16385"},
      {"too many others",
       [](auto& m) {
         while (m.other_size() < 97) m.add_other();
       },
       "other's size is 97"},
      {"too many rules",
       [](auto& m) {
         while (m.rules_size() < 10001) m.add_rules();
       },
       "rules' size is 10001"},
      {"too many sites",
       [](auto& m) {
         while (m.gateway_size() < 1025) m.add_gateway();
       },
       "gateway sites' size is 1025"},
      {"too many sketches",
       [](auto& m) {
         while (m.sketches_size() < 65) m.add_sketches();
       },
       "sketches' size is 65"},
      {"too many samples",
       [](auto& m) {
         while (m.samples_size() < 513) m.add_samples();
       },
       "samples' size is 513"},
  };
  for (const BadCase& c : kCases) {
    SCOPED_TRACE(c.what);
    v1::Window bad = good;
    c.spoil(bad);
    const absl::StatusOr<Window> w = FromProto(bad);
    ASSERT_FALSE(w.ok());
    EXPECT_EQ(w.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(w.status().message()), HasSubstr(c.error));
  }
}

TEST(WindowWireTest, WhatCouldNotBeReadBackIsNotSent) {
  std::mt19937_64 random(6);
  Window w = RandomWindow(random);
  w.slots[0].rules[std::string(65, 'r')] = {1, 1, 0, 0};
  EXPECT_THAT(std::string(Serialize(w).status().message()), HasSubstr("rule_id's length is 65"));
  w = RandomWindow(random);
  w.samples[0].time = w.end();
  EXPECT_THAT(std::string(Serialize(w).status().message()), HasSubstr("samples[0]: time_us is 1000000"));
}

TEST(WindowWireTest, WindowsOverTwoMegabytesAreRefused) {
  EXPECT_THAT(std::string(Parse(std::string(WireBounds::kBytes + 1, 'x')).status().message()),
              HasSubstr("the window's size in bytes is 2097153, the limit is 2097152"));
  EXPECT_THAT(std::string(Parse("\xff\xff").status().message()), HasSubstr("not a breakwater.v1.Window"));
}

// Spoiled bytes are refused or read as some window within bounds, which can then be sent again; never a crash.
TEST(WindowWireTest, MutatedBytesNeverCrash) {
  int read = 0;
  for (uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    std::mt19937_64 content(seed % 8);
    std::string bytes = *Serialize(RandomWindow(content, {.hosts = 4, .samples = 2}));
    for (uint64_t n = 1 + random() % 4; n > 0; --n) {
      const size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0:
          bytes[at] = static_cast<char>(random());
          break;
        case 1:
          bytes[at] = static_cast<char>(bytes[at] ^ 1 << random() % 8);
          break;
        case 2:
          bytes.erase(at, 1 + random() % 8);
          break;
        default:
          bytes.insert(at, 1 + random() % 8, static_cast<char>(random()));
      }
      if (bytes.empty()) bytes = "x";
    }
    absl::StatusOr<Window> w = Parse(bytes);
    if (!w.ok()) continue;
    ++read;
    EXPECT_TRUE(Serialize(*w).ok());
    EXPECT_EQ(SlotsOf(*w).size(), w->slots.size());
  }
  EXPECT_GT(read, 50);
}

}  // namespace
}  // namespace breakwater::window
