#include "tests/fusion/traffic.h"

#include <algorithm>
#include <array>

namespace breakwater::fusion {
namespace {

using detect::PacketBuilder;
using detect::Random;
using window::HeaderSample;

net::IpAddress AnySource(Random& r) { return net::IpAddress::FromV4(r.Between(0x01000000, 0xdfffffff)); }
uint16_t Port(Random& r) { return static_cast<uint16_t>(r.Between(1024, 65535)); }
uint32_t Any32(Random& r) { return static_cast<uint32_t>(r.Next()); }

std::vector<uint8_t> Payload(Random& r, size_t size) {
  std::vector<uint8_t> out(size);
  for (uint8_t& b : out) b = static_cast<uint8_t>(r.Next());
  return out;
}

// How a visitor's system opens a connection.
struct System {
  uint32_t ttl;
  uint16_t window;
  std::vector<uint8_t> options;
  bool timestamps;
};
const std::array<System, 5>& Systems() {
  static const std::array<System, 5> systems = {{
      {64, 64240, {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 7}, true},
      {64, 65535, {2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 3, 9}, true},
      {64, 65535, {2, 4, 5, 0xa0, 1, 3, 3, 6, 1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 4, 2, 0, 0}, true},
      {128, 64240, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}, false},
      {128, 8192, {2, 4, 5, 0xac, 1, 3, 3, 2, 1, 1, 4, 2}, false},
  }};
  return systems;
}

struct Visitor {
  net::IpAddress address;
  const System* system = nullptr;
  uint32_t hops = 0;
  uint16_t port = 0;
};

PacketBuilder From(Random& r, const Visitor& v, const net::IpAddress& site) {
  PacketBuilder b(v.address, site);
  b.Ttl(v.system->ttl - v.hops).Id(r.Between(0, 65535)).DontFragment(true);
  return b;
}

}  // namespace

MakePacket SynFlood(const net::IpAddress& victim) {
  return [victim](Random& r) {
    PacketBuilder b(AnySource(r), victim);
    b.Ttl(r.Between(230, 250)).Id(r.Between(0, 65535));
    return b.Tcp({Port(r), 443, Any32(r), 0, 2, 512, {}}, {});
  };
}

MakePacket AckFlood(const net::IpAddress& victim) {
  return [victim](Random& r) {
    PacketBuilder b(AnySource(r), victim);
    b.Ttl(r.Between(40, 60)).Id(r.Between(0, 65535));
    return b.Tcp({Port(r), 443, Any32(r), Any32(r), 0x10, 512, {}}, {});
  };
}

MakePacket DnsAmplification(const net::IpAddress& victim) {
  return [victim](Random& r) {
    PacketBuilder b(AnySource(r), victim);
    b.Ttl(r.Between(40, 60)).Id(r.Between(0, 65535));
    std::vector<uint8_t> p = Payload(r, 60);
    const std::array<uint8_t, 10> answer = {0x84, 0x00, 0, 1, 0, 14, 0, 4, 0, 1};
    std::copy(answer.begin(), answer.end(), p.begin() + 2);
    const std::array<uint8_t, 13> question = {7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 255, 0, 1};
    std::copy(question.begin(), question.end(), p.begin() + 12);
    return b.Udp(53, Port(r), p, r.Between(2600, 3200));
  };
}

MakePacket NtpAmplification(const net::IpAddress& victim) {
  return [victim](Random& r) {
    PacketBuilder b(AnySource(r), victim);
    b.Ttl(r.Between(40, 60)).Id(r.Between(0, 65535));
    std::vector<uint8_t> p = Payload(r, 64);
    const std::array<uint8_t, 8> monlist = {0xd7, static_cast<uint8_t>(r.Between(0, 99)), 0x03, 0x2a, 0, 6, 0, 0x48};
    std::copy(monlist.begin(), monlist.end(), p.begin());
    return b.Udp(123, Port(r), p, 440 - 64);
  };
}

MakePacket UdpFlood(const net::IpAddress& victim) {
  return [victim](Random& r) {
    PacketBuilder b(AnySource(r), victim);
    b.Ttl(r.Between(40, 250)).Id(r.Between(0, 65535));
    return b.Udp(Port(r), 443 + 8000, std::vector<uint8_t>(64, 'A'), 448);
  };
}

MakePacket IcmpFlood(const net::IpAddress& victim) {
  return [victim](Random& r) {
    PacketBuilder b(AnySource(r), victim);
    b.Ttl(r.Between(40, 250)).Id(r.Between(0, 65535));
    return b.Icmp(8, 0, Any32(r), std::vector<uint8_t>(32, 0x42), 1000);
  };
}

MakePacket Carpet(const net::IpPrefix& prefix, std::function<MakePacket(const net::IpAddress&)> flood) {
  return [prefix, flood](Random& r) {
    const uint32_t hosts = 1u << (32 - prefix.length());
    return flood(net::IpAddress::FromV4(prefix.address().v4() + r.Between(1, hosts - 2)))(r);
  };
}

std::vector<Timed> Flood(Random& random, const MakePacket& make, absl::Duration from, absl::Duration to, double pps,
                         size_t edges) {
  std::vector<Timed> out;
  const auto n = static_cast<int64_t>(absl::ToDoubleSeconds(to - from) * pps);
  for (int64_t i = 0; i < n; ++i) {
    Timed t{make(random), static_cast<size_t>(random.Next() % edges), Fleet::kAttack};
    const double jitter = static_cast<double>(random.Between(0, 1000)) / 1000;
    t.sample.time = kStart + from + absl::Seconds((static_cast<double>(i) + jitter) / pps);
    out.push_back(std::move(t));
  }
  return out;
}

std::vector<Timed> Visitors(Random& r, const net::IpAddress& site, absl::Duration from, absl::Duration to,
                            double connections, size_t edges) {
  std::vector<Timed> out;
  const auto add = [&](size_t edge, absl::Time at, HeaderSample s) {
    if (at >= kStart + to) return;
    s.time = at;
    out.push_back({std::move(s), edge, Fleet::kClean});
  };
  const double seconds = absl::ToDoubleSeconds(to - from);
  const auto some_time = [&] {
    return kStart + from + absl::Seconds(seconds * static_cast<double>(r.Next() >> 11) * 0x1p-53);
  };
  for (size_t edge = 0; edge < edges; ++edge) {
    for (int64_t i = 0; i < static_cast<int64_t>(seconds * connections); ++i) {
      const absl::Time start = some_time();
      Visitor v{AnySource(r), &Systems()[r.Between(0, 4)], r.Between(5, 22), Port(r)};
      const uint32_t seq = Any32(r);
      const uint32_t ack = Any32(r);
      std::vector<uint8_t> options = v.system->options;
      std::vector<uint8_t> later;
      if (v.system->timestamps) later = {1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0};
      for (size_t k = 4; k < later.size(); ++k) later[k] = static_cast<uint8_t>(r.Next());
      if (r.Chance(0.2)) {
        const HeaderSample initial = From(r, v, site).Udp(v.port, 443, Payload(r, 128), r.Between(1072, 1124));
        add(edge, start, initial);
        for (uint32_t n = r.Between(5, 60), k = 0; k < n; ++k) {
          const HeaderSample data = From(r, v, site).Udp(v.port, 443, Payload(r, 30), r.Between(0, 900));
          add(edge, start + absl::Milliseconds(r.Between(20, 3000)), data);
        }
        continue;
      }
      add(edge, start, From(r, v, site).Tcp({v.port, 443, seq, 0, 2, v.system->window, options}, {}));
      const absl::Time open = start + absl::Milliseconds(r.Between(10, 150));
      const auto window_now = [&] { return static_cast<uint16_t>(r.Between(200, 65535)); };
      for (uint32_t n = r.Between(5, 80), k = 0; k < n; ++k) {
        const uint32_t size = r.Chance(0.8) ? 0 : r.Between(100, 1400);
        add(edge, open + absl::Milliseconds(r.Between(0, 3000)),
            From(r, v, site)
                .Tcp({v.port, 443, seq + r.Between(1, 4000), ack + r.Between(1, 200000),
                      static_cast<uint8_t>(size > 0 ? 0x18 : 0x10), window_now(), later},
                     Payload(r, std::min<size_t>(size, 60)), size > 60 ? size - 60 : 0));
      }
      add(edge, open + absl::Milliseconds(r.Between(3000, 5000)),
          From(r, v, site)
              .Tcp({v.port, 443, seq + 4001, ack + 200001, static_cast<uint8_t>(r.Chance(0.15) ? 0x04 : 0x11),
                    window_now(), later},
                   {}));
    }
    // Beside the site's visitors: answers to its own look-ups, pings.
    for (int64_t i = 0; i < static_cast<int64_t>(seconds * 10); ++i) {
      Visitor v{AnySource(r), &Systems()[0], r.Between(5, 22), Port(r)};
      std::vector<uint8_t> answer = Payload(r, 40);
      answer[2] = 0x81, answer[3] = 0x80;
      add(edge, some_time(), From(r, v, site).Udp(53, Port(r), answer, r.Between(20, 400)));
      if (r.Chance(0.3)) add(edge, some_time(), From(r, v, site).Icmp(8, 0, Any32(r), Payload(r, 56)));
    }
  }
  return out;
}

void SortByTime(std::vector<Timed>& packets) {
  std::stable_sort(packets.begin(), packets.end(),
                   [](const Timed& a, const Timed& b) { return a.sample.time < b.sample.time; });
}

}  // namespace breakwater::fusion
