#include "edge/datapath/random_traffic.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "edge/datapath/test_rules.h"

namespace breakwater::datapath {
namespace {

using rule::ExprPtr;
using rule::FieldId;

uint32_t Up(std::mt19937& random, uint32_t below) {
  return std::uniform_int_distribution<uint32_t>(0, below - 1)(random);
}
bool Chance(std::mt19937& random, uint32_t percent) { return Up(random, 100) < percent; }

template <typename T, size_t N>
const T& Pick(std::mt19937& random, const std::array<T, N>& from) {
  return from[Up(random, N)];
}

net::IpAddress Destination(std::mt19937& random, bool v6) {
  if (v6) return Ip(Chance(random, 90) ? "2001:db8::" + absl::StrCat(absl::Hex(Up(random, 6))) : "2001:db8:ffff::1");
  return net::IpAddress::FromV4((Chance(random, 90) ? 0xcb007100u : 0xc0000200u) + Up(random, 6));
}
net::IpAddress Source(std::mt19937& random, bool v6) {
  if (v6) return Ip(absl::StrCat("2001:db8:1::", absl::Hex(Up(random, 300))));
  return net::IpAddress::FromV4(0xc6336400u + Up(random, 200));
}

constexpr std::array<uint16_t, 10> kPorts = {53, 80, 123, 443, 1900, 4444, 11211, 40000, 0, 65535};

Bytes Noise(std::mt19937& random, size_t size) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(Up(random, 4));
  return bytes;
}

Bytes Transport(std::mt19937& random, bool v6, uint8_t* protocol) {
  const Bytes payload = Noise(random, Chance(random, 5) ? 1400 : Up(random, 60));
  const uint16_t from = Pick(random, kPorts);
  const uint16_t to = Pick(random, kPorts);
  switch (Up(random, 8)) {
    case 0:
    case 1:
    case 2: {
      *protocol = 6;
      TcpHeader tcp{.source_port = from,
                    .destination_port = to,
                    .seq = Up(random, 3),
                    .ack = Up(random, 3),
                    .flags = static_cast<uint8_t>(
                        Chance(random, 70) ? std::array{2, 16, 18, 24, 4, 17, 20}[Up(random, 7)] : Up(random, 256)),
                    .window = static_cast<uint16_t>(Up(random, 3) * 1024)};
      if (Chance(random, 30)) tcp.options = Bytes(4 * (1 + Up(random, 10)), 1);
      if (Chance(random, 5)) tcp.header_words = static_cast<uint8_t>(Up(random, 16));
      return Tcp(tcp, payload);
    }
    case 3:
    case 4:
    case 5:
      *protocol = 17;
      return Udp(from, to, payload);
    case 6:
      *protocol = v6 != Chance(random, 5) ? 58 : 1;
      return Icmp(static_cast<uint8_t>(std::array{0, 3, 8, 11, 128, 129, 135, 1}[Up(random, 8)]), 0, payload);
    default:
      *protocol = Pick(random, std::array<uint8_t, 6>{47, 50, 2, 132, 59, 4});
      return payload;
  }
}

Bytes WellFormed(std::mt19937& random) {
  const bool v6 = Chance(random, 40);
  IpHeader ip{.source = Source(random, v6),
              .destination = Destination(random, v6),
              .ttl = static_cast<uint8_t>(60 + Up(random, 8)),
              .dscp = static_cast<uint8_t>(Up(random, 3)),
              .id = static_cast<uint16_t>(Up(random, 4))};
  Bytes packet = Transport(random, v6, &ip.protocol);
  if (v6) {
    if (Chance(random, 15)) {
      packet = V6Fragment(ip.protocol, static_cast<uint16_t>(Chance(random, 50) ? 0 : Up(random, 100)),
                          Chance(random, 50), packet);
      ip.protocol = 44;
    }
    const uint32_t extensions = Chance(random, 70) ? 0 : Up(random, 8);
    for (uint32_t i = 0; i < extensions; i++) {
      packet = Extension(ip.protocol, 8 * (1 + Up(random, Chance(random, 5) ? 250 : 4)), packet);
      ip.protocol = Pick(random, std::array<uint8_t, 5>{0, 43, 60, 135, 51});
      if (ip.protocol == 51) packet[1] = static_cast<uint8_t>(packet[1] * 2);  // its length is in other units
    }
  } else {
    if (Chance(random, 10))
      ip.fragment = static_cast<uint16_t>(std::array{0x2000, 0x2010, 0x0010, 0x4000, 0x8000}[Up(random, 5)]);
    if (Chance(random, 10)) ip.options = Bytes(4 * (1 + Up(random, 10)), 1);
  }
  if (Chance(random, 5)) ip.total_length = static_cast<uint16_t>(Chance(random, 50) ? 0 : Up(random, 100));
  for (uint32_t vlans = Chance(random, 80) ? 0 : Up(random, 4); vlans > 0; vlans--)
    ip.vlans.push_back(static_cast<uint16_t>(Up(random, 4096)));
  Bytes frame = Frame(ip, packet);
  if (Chance(random, 20)) frame.resize(std::max<size_t>(frame.size(), 60 + Up(random, 20)));  // link padding
  return frame;
}

ExprPtr RandomComparison(std::mt19937& random) {
  const auto fields = rule::Fields();
  while (true) {
    const rule::FieldInfo& field = fields[Up(random, static_cast<uint32_t>(fields.size()))];
    if (field.id == FieldId::kSrcAsn || field.layer == rule::Layer::kTls || field.layer == rule::Layer::kHttp) continue;
    switch (field.type) {
      case rule::FieldType::kNumber: {
        std::vector<rule::Interval> intervals;
        for (uint32_t i = 0; i <= Up(random, 3); i++) {
          const uint64_t lo = std::min<uint64_t>(field.max, Chance(random, 50) ? Up(random, 70) : Pick(random, kPorts));
          intervals.push_back({lo, std::min<uint64_t>(field.max, lo + (Chance(random, 50) ? 0 : Up(random, 500)))});
        }
        return rule::NumberIn(field.id, intervals);
      }
      case rule::FieldType::kFlags: {
        const uint64_t mask = 1 + Up(random, static_cast<uint32_t>(field.max));
        return rule::FlagsAre(field.id, mask, {Up(random, static_cast<uint32_t>(field.max)) & mask});
      }
      case rule::FieldType::kAddress: {
        std::vector<net::IpPrefix> prefixes;
        for (uint32_t i = 0; i <= Up(random, 3); i++) {
          const bool v6 = Chance(random, 40);
          const net::IpAddress address = field.id == FieldId::kIpSrc ? Source(random, v6) : Destination(random, v6);
          const int width = v6 ? 128 : 32;
          prefixes.emplace_back(address, width - static_cast<int>(Up(random, Chance(random, 90) ? 9 : 33)));
          if (v6 && Chance(random, 5)) prefixes.back() = net::IpPrefix(address, 0);
        }
        return rule::AddressIn(field.id, prefixes);
      }
      case rule::FieldType::kBytes: {
        const uint32_t length = 1 + Up(random, 8);
        const uint32_t offset = Chance(random, 90) ? Up(random, 30) : Up(random, static_cast<uint32_t>(field.max) - 7);
        uint64_t value = 0;
        for (uint32_t i = 0; i < length; i++) value = value << 8 | (i + 2 < length ? 0 : Up(random, 4));
        return rule::BytesAre(field.id, offset, length, value);
      }
      default:
        continue;
    }
  }
}

}  // namespace

rule::ExprPtr RandomMatch(std::mt19937& random, int depth) {
  if (depth == 0 || Chance(random, 30)) {
    ExprPtr comparison = RandomComparison(random);
    return Chance(random, 25) ? rule::Not(comparison) : comparison;
  }
  std::vector<ExprPtr> children;
  for (uint32_t i = 0; i < 2 + Up(random, 2); i++) children.push_back(RandomMatch(random, depth - 1));
  ExprPtr combined = Chance(random, 50) ? rule::And(children) : rule::Or(children);
  return Chance(random, 10) ? rule::Not(combined) : combined;
}

Ruleset RandomRuleset(std::mt19937& random, uint64_t revision) {
  Ruleset ruleset{.revision = revision};
  ruleset.policies = {Web("203.0.113.0/30"), Open("203.0.113.0/24"), Open("2001:db8::/64"), Web("2001:db8::2/127")};
  ruleset.policies[2].services = {{.protocol = 6, .cap_pps = 100}, {.protocol = 17, .port_lo = 53, .port_hi = 4444}};
  ruleset.policies[2].undeclared = Undeclared::kCap;
  ruleset.policies[2].undeclared_cap_pps = 100;
  ruleset.policies[0].undeclared = Undeclared::kPass;
  for (SourceEntry::Kind kind : {SourceEntry::Kind::kBlock, SourceEntry::Kind::kAllow}) {
    for (uint32_t i = 0; i < 5; i++) {
      const bool v6 = Chance(random, 40);
      SourceEntry entry{.prefix = net::IpPrefix(Source(random, v6), (v6 ? 128 : 32) - static_cast<int>(Up(random, 4))),
                        .kind = kind};
      entry.allowed = {.protocol = Chance(random, 50) ? uint8_t{6} : uint8_t{0}, .cap_pps = 1 + Up(random, 50)};
      ruleset.sources.push_back(entry);
    }
  }
  const uint32_t rules = Up(random, 20);
  for (uint32_t i = 0; i < rules; i++) {
    RuleEntry entry;
    entry.rule.id = absl::StrCat("r", i);
    entry.rule.match = RandomMatch(random, static_cast<int>(Up(random, 4)));
    entry.rule.mode =
        Pick(random, std::array{rule::Mode::kObserve, rule::Mode::kArmed, rule::Mode::kEnforce, rule::Mode::kEnforce});
    entry.rule.priority = static_cast<int32_t>(Up(random, 3));
    entry.rule.action.kind = Pick(random, std::array{rule::ActionKind::kAllow, rule::ActionKind::kDrop,
                                                     rule::ActionKind::kRateLimit, rule::ActionKind::kRateLimit});
    entry.rule.action.limit = {
        .key = static_cast<rule::LimitKey>(Up(random, 5)),
        .unit = Chance(random, 50) ? rule::LimitUnit::kPacketsPerSecond : rule::LimitUnit::kBitsPerSecond,
        .rate = 1 + Up(random, Chance(random, 50) ? 100 : 1000000),
        .burst = Chance(random, 50) ? 0 : 1 + Up(random, 1000)};
    if (Chance(random, 30)) entry.rule.scope.prefixes = {Prefix("203.0.113.0/30"), Prefix("2001:db8::/64")};
    entry.counter_slot = i * 7 % Bounds::kRuleSlots;
    ruleset.rules.push_back(std::move(entry));
  }
  return ruleset;
}

Bytes RandomFrame(std::mt19937& random) {
  if (Chance(random, 3)) {
    Bytes noise = Noise(random, Up(random, 100));
    if (noise.size() > 14 && Chance(random, 50)) noise[12] = 0x08, noise[13] = 0;
    return noise;
  }
  if (Chance(random, 1))
    return Frame({.source = Ip("198.51.100.1"), .destination = Ip("203.0.113.1"), .protocol = 17},
                 Udp(53, 53, Bytes(30000 + Up(random, 40000))));
  Bytes frame = WellFormed(random);
  if (Chance(random, 15))
    frame[Up(random, static_cast<uint32_t>(frame.size()))] ^= static_cast<uint8_t>(1u << Up(random, 8));
  if (Chance(random, 15))
    frame[12 + Up(random, std::min<uint32_t>(60, static_cast<uint32_t>(frame.size()) - 12))] =
        static_cast<uint8_t>(Up(random, 256));
  if (Chance(random, 10)) frame.resize(Up(random, static_cast<uint32_t>(frame.size()) + 1));
  return frame;
}

std::string Hex(const Bytes& bytes) { return absl::BytesToHexString(std::string(bytes.begin(), bytes.end())); }

}  // namespace breakwater::datapath
