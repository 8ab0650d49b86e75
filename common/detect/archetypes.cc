#include "common/detect/archetypes.h"

#include <array>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "common/detect/packets.h"

namespace breakwater::detect {
namespace {

using Bytes = std::vector<uint8_t>;
using window::HeaderSample;

constexpr int kPerKind = 96;
constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;

struct Made {
  HeaderSample sample;
  std::vector<int> any;
};

Bytes Text(std::string_view text) { return {text.begin(), text.end()}; }

Bytes Noise(Random& r, size_t n) {
  Bytes out(n);
  for (uint8_t& b : out) b = static_cast<uint8_t>(r.Next());
  return out;
}

Bytes Join(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void Put(Bytes& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

// One ordinary host somewhere in the internet, and the target.
class Maker {
 public:
  Maker(bool v4, uint64_t seed) : v4_(v4), r_(seed) {}

  std::vector<Made> Make(window::Vector vector);

 private:
  // 64, 128 or 255 minus as many hops as the internet has, and now and then a neighbour.
  PacketBuilder From(uint32_t initial_ttl, bool df, bool zero_id = false) {
    Bytes address(16);
    const net::IpAddress source = v4_ ? net::IpAddress::FromV4(r_.Between(0x01000000, 0xdfffffff)) : V6();
    const net::IpAddress target = v4_ ? net::IpAddress::FromV4(0xc0000201) : *net::IpAddress::Parse("2001:db8::1");
    PacketBuilder b(source, target);
    b.Ttl(initial_ttl - (r_.Chance(0.15) ? r_.Between(0, 4) : r_.Between(5, 28)))
        .Id(zero_id ? 0 : r_.Between(1, 65535))
        .DontFragment(df);
    b.FlowLabel(r_.Between(1, 0xfffff));
    if (r_.Chance(0.05)) b.Dscp(r_.Pick({8u, 10u, 46u}));
    return b;
  }
  net::IpAddress V6() {
    std::array<uint8_t, 16> bytes{0x24};
    for (size_t i = 1; i < 16; ++i) bytes[i] = static_cast<uint8_t>(r_.Next());
    return net::IpAddress::FromBytes(bytes);
  }
  uint16_t Ephemeral() { return static_cast<uint16_t>(r_.Between(1024, 65535)); }
  uint32_t Word() { return static_cast<uint32_t>(r_.Next()); }
  uint32_t Ttl() { return r_.Pick({64u, 64u, 128u, 255u}); }

  void Add(HeaderSample s, std::vector<int> any = {}) { made_.push_back({std::move(s), std::move(any)}); }
  void Syn();
  void SynAck();
  void Rst();
  void Fin();
  void Ack();
  void UdpClients();
  void Dns();
  void Quic();
  void UdpAnswers(window::Vector vector);
  void Echo(bool reply);
  void IcmpErrors();
  void IcmpOther();
  void Fragments();
  void Tunnels();
  Bytes Quoted(uint8_t protocol, uint32_t length, uint16_t sport, uint16_t dport);

  bool v4_;
  Random r_;
  std::vector<Made> made_;
};

struct Stack {
  uint32_t ttl;
  bool df;
  std::vector<uint16_t> windows;
  Bytes before_timestamp;  // options; a timestamp of 8 changing bytes follows when timestamp is set
  bool timestamp;
  Bytes after_timestamp;
};

Bytes Options(const Stack& s, Random& r, bool echo) {
  Bytes o = s.before_timestamp;
  if (s.timestamp) {
    Put(o, 0x080a, 2);
    Put(o, r.Next() & 0xffffffff, 4);
    Put(o, echo ? r.Next() & 0xffffffff : 0, 4);
  }
  return Join(o, s.after_timestamp);
}

// SYN options in the order in which the systems send them: p0f's database (p0f.fp, version 3) and RFC 7323, RFC 2018.
const std::vector<Stack>& SynStacks() {
  static const std::vector<Stack> stacks = {
      {64, true, {64240, 29200, 65535}, {2, 4, 5, 0xb4, 4, 2}, true, {1, 3, 3, 7}},           // Linux
      {64, true, {65535}, {2, 4, 5, 0xb4, 4, 2}, true, {1, 3, 3, 9}},                         // Android
      {64, true, {64240, 65535}, {2, 4, 5, 0x78, 4, 2}, true, {1, 3, 3, 8}},                  // Android, mobile MTU
      {64, true, {14600, 5840}, {2, 4, 5, 0xb4, 4, 2}, true, {1, 3, 3, 4}},                   // old Linux
      {128, true, {64240, 65535, 8192}, {2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2}, false, {}},  // Windows 7 to 11
      {128, true, {8192, 65535}, {2, 4, 5, 0xb4, 1, 3, 3, 2, 1, 1, 4, 2}, false, {}},         // Windows 7
      {128, true, {64240, 65535, 16384}, {2, 4, 5, 0xb4, 1, 1, 4, 2}, false, {}},             // Windows XP, 2003
      {64, true, {65535}, {2, 4, 5, 0xb4, 1, 3, 3, 6, 1, 1}, true, {4, 2, 0, 0}},             // macOS, iOS
      {64, true, {65535}, {2, 4, 5, 0xb4, 1, 3, 3, 6, 4, 2}, true, {}},                       // FreeBSD
      {255, true, {64240, 49640}, {2, 4, 5, 0xb4, 1, 3, 3, 0, 1, 1, 4, 2}, false, {}},        // Solaris, appliances
      {64, false, {5840, 4096, 2144, 8192}, {2, 4, 5, 0xb4}, false, {}},                      // embedded: lwIP, uIP
      {64, true, {65535, 64240, 43690}, {2, 4, 0xff, 0xd7, 4, 2}, true, {1, 3, 3, 7}},        // within a host
      {255, true, {1024, 1460, 4128}, {2, 4, 2, 0x18}, false, {}},                            // routers, monitors
      {64, false, {1024, 2048, 3072, 4096}, {2, 4, 5, 0xb4}, false, {}},                      // port scanners
  };
  return stacks;
}

void Maker::Syn() {
  for (const Stack& s : SynStacks()) {
    for (int i = 0; i < kPerKind; ++i) {
      TcpHeader t{Ephemeral(), r_.Pick<uint16_t>({443, 80, 22, 25}), Word(), 0, kSyn, 0, Options(s, r_, false)};
      t.window = s.windows[r_.Between(0, static_cast<uint32_t>(s.windows.size()) - 1)];
      if (r_.Chance(0.1)) t.flags |= 0xc0;  // ECN, RFC 3168
      Add(From(s.ttl, s.df).Tcp(t, {}), {kTcpDport});
    }
  }
}

void Maker::SynAck() {
  struct Server {
    uint32_t ttl;
    std::vector<uint16_t> windows;
    std::vector<uint16_t> mss;
    Bytes rest;  // behind the MSS option
    bool timestamp;
    Bytes after;
  };
  const std::vector<Server> servers = {
      {64, {65160, 28960, 64768, 43440}, {1460, 1440, 1400}, {4, 2}, true, {1, 3, 3, 7}},
      {64, {64240, 29200, 42340}, {1460, 1440, 1452, 1400}, {1, 1, 4, 2, 1, 3, 3, 7}, false, {}},
      {128, {8192, 65535, 64240}, {1460, 1440}, {1, 3, 3, 8, 1, 1, 4, 2}, false, {}},
      {64, {65535, 60720}, {1430, 1412, 1400, 1460}, {4, 2}, true, {1, 3, 3, 8}},
      {64, {29200, 64240, 5840, 14600, 8192, 65535}, {1460, 1452, 1380, 1360, 536}, {}, false, {}},
      {255,
       {4380, 4140, 3780},
       {1460, 1400, 1380},
       {},
       false,
       {}},  // load balancers and carriers' proxies: three segments
  };
  for (const Server& s : servers) {
    for (int i = 0; i < kPerKind; ++i) {
      Bytes o{2, 4};
      Put(o, s.mss[r_.Between(0, static_cast<uint32_t>(s.mss.size()) - 1)], 2);
      o = Join(o, s.rest);
      if (s.timestamp) {
        Put(o, 0x080a, 2);
        Put(o, Word(), 4);
        Put(o, Word(), 4);
      }
      o = Join(o, s.after);
      const uint16_t window = s.windows[r_.Between(0, static_cast<uint32_t>(s.windows.size()) - 1)];
      TcpHeader t{r_.Pick<uint16_t>({443, 443, 80, 22, 25, 53}), Ephemeral(), Word(), Word(), kSyn | kAck, window, o};
      Add(From(s.ttl, true, r_.Chance(0.6)).Tcp(t, {}), {kTcpSport, kTcpDport});
    }
  }
}

void Maker::Rst() {
  for (int i = 0; i < 4 * kPerKind; ++i) {
    // RFC 9293 section 3.10.7: a reset answers with seq = the segment's ack and no ACK, or seq 0 and ACK; a reset of an
    // open connection carries both numbers.
    const bool df = r_.Chance(0.7), zero = r_.Chance(0.4);
    const uint16_t service = r_.Pick<uint16_t>({443, 443, 80, 22});
    Add(From(Ttl(), df, zero).Tcp({service, Ephemeral(), Word(), 0, kRst, 0, {}}, {}), {kTcpSport, kTcpDport});
    Add(From(Ttl(), df, zero).Tcp({service, Ephemeral(), 0, Word(), kRst | kAck, 0, {}}, {}), {kTcpSport, kTcpDport});
    TcpHeader open{service, Ephemeral(), Word(), Word(), static_cast<uint8_t>(kRst | kAck), 0, {}};
    open.window = r_.Chance(0.5) ? 0 : static_cast<uint16_t>(r_.Between(200, 2000));
    Add(From(Ttl(), df, zero).Tcp(open, {}), {kTcpSport, kTcpDport});
    std::swap(open.sport, open.dport);
    Add(From(Ttl(), df, zero).Tcp(open, {}), {kTcpSport, kTcpDport});
    Add(From(Ttl(), df, zero).Tcp({Ephemeral(), service, Word(), 0, kRst, 0, {}}, {}), {kTcpSport, kTcpDport});
  }
}

void Maker::Fin() {
  for (int i = 0; i < 4 * kPerKind; ++i) {
    TcpHeader t{Ephemeral(), r_.Pick<uint16_t>({443, 80}), Word(), Word(), kFin | kAck, 0, {}};
    t.window = static_cast<uint16_t>(r_.Between(128, 65535));
    if (r_.Chance(0.2)) t.flags |= kPsh;
    if (r_.Chance(0.5)) {
      t.options = {1, 1, 8, 10};
      Put(t.options, r_.Next(), 8);
    }
    if (r_.Chance(0.4)) std::swap(t.sport, t.dport);
    const Bytes payload = Noise(r_, r_.Chance(0.2) ? r_.Between(1, 60) : 0);
    Add(From(Ttl(), true, r_.Chance(0.2)).Tcp(t, payload), {kTcpSport, kTcpDport});
  }
}

void Maker::Ack() {
  for (int i = 0; i < 8 * kPerKind; ++i) {
    TcpHeader t{Ephemeral(), r_.Pick<uint16_t>({443, 80}), Word(), Word(), kAck, 0, {}};
    t.window = static_cast<uint16_t>(r_.Between(128, 65535));
    if (r_.Chance(0.5)) t.flags |= kPsh;
    if (r_.Chance(0.6)) {
      t.options = {1, 1, 8, 10};
      Put(t.options, r_.Next(), 8);
    }
    if (r_.Chance(0.5)) std::swap(t.sport, t.dport);
    Bytes payload;
    uint32_t more = 0;
    if (r_.Chance(0.6)) {
      payload = r_.Chance(0.3)   ? Text("GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: Mozilla/5.0 (")
                : r_.Chance(0.5) ? Join({0x17, 3, 3}, Noise(r_, 61))
                                 : Noise(r_, 64);
      more = r_.Chance(0.5) ? 1396 : r_.Between(0, 1300);
    }
    Add(From(Ttl(), true).Tcp(t, payload, more), {kTcpSport, kTcpDport});
  }
}

Bytes DnsName(Random& r) {
  static constexpr std::array<std::string_view, 10> kLabels = {"www",    "mail", "api", "example", "cdn",
                                                               "static", "ns1",  "img", "shop",    "login"};
  Bytes out;
  const uint32_t labels = r.Between(2, 4);
  for (uint32_t i = 0; i < labels; ++i) {
    std::string_view l = kLabels[r.Between(0, 9)];
    out.push_back(static_cast<uint8_t>(l.size() + 1));
    out.insert(out.end(), l.begin(), l.end());
    out.push_back(static_cast<uint8_t>('a' + r.Between(0, 25)));
  }
  out.push_back(3);
  const std::string_view tld = r.Pick<std::string_view>({"com", "net", "org"});
  out.insert(out.end(), tld.begin(), tld.end());
  out.push_back(0);
  return out;
}

Bytes DnsMessage(Random& r, bool response) {
  Bytes out;
  Put(out, r.Next() & 0xffff, 2);
  Put(out, response ? r.Pick({0x8180u, 0x8180u, 0x8183u, 0x8400u, 0x8580u, 0x81a0u}) : 0x0100u, 2);
  Put(out, 1, 2);
  Put(out, response ? r.Between(0, 3) : 0, 2);
  Put(out, response && r.Chance(0.3) ? 1 : 0, 2);
  Put(out, r.Chance(0.6) ? 1 : 0, 2);
  out = Join(out, DnsName(r));
  Put(out, r.Pick({1u, 28u, 16u, 15u, 65u}), 2);
  Put(out, 1, 2);
  return out;
}

// What clients send to UDP services, from any port.
void Maker::UdpClients() {
  const std::vector<int> any{kUdpDport};
  for (int i = 0; i < 2 * kPerKind; ++i) {
    Add(From(Ttl(), false).Udp(Ephemeral(), 53, DnsMessage(r_, false), r_.Between(0, 20)), any);
    // QUIC: RFC 9000 section 17.2 (long header, version 1), short headers, and the older gQUIC.
    Bytes initial{static_cast<uint8_t>(0xc0 | r_.Between(0, 15)), 0, 0, 0, 1, 8};
    Add(From(Ttl(), true, r_.Chance(0.3))
            .Udp(Ephemeral(), 443, Join(initial, Noise(r_, 60)), r_.Pick({1134u, 1184u, 1286u})),
        any);
    Bytes one_rtt{static_cast<uint8_t>(0x40 | r_.Between(0, 63))};
    Add(From(Ttl(), true).Udp(Ephemeral(), 443, Join(one_rtt, Noise(r_, 40)), r_.Between(0, 1290)), any);
    // WireGuard: initiation and data.
    Add(From(Ttl(), false).Udp(Ephemeral(), 51820, Join({1, 0, 0, 0}, Noise(r_, 60)), 84), any);
    Add(From(Ttl(), false).Udp(Ephemeral(), 51820, Join({4, 0, 0, 0}, Noise(r_, 60)), r_.Between(0, 86) * 16), any);
    // RTP (RFC 3550): audio in constant lengths, video in any.
    Bytes rtp{0x80, static_cast<uint8_t>(r_.Pick({0u, 8u, 96u, 111u, 0x88u}))};
    Add(From(Ttl(), false)
            .Udp(Ephemeral(), 16384, Join(rtp, Noise(r_, 62)), r_.Chance(0.4) ? 108 : r_.Between(0, 1100)),
        any);
    // STUN binding request (RFC 8489), DTLS ClientHello (RFC 9147), SIP, NTP and SNMP requests.
    Add(From(Ttl(), false)
            .Udp(Ephemeral(), 3478,
                 Join({0, 1, 0, static_cast<uint8_t>(r_.Between(0, 20) * 4), 0x21, 0x12, 0xa4, 0x42}, Noise(r_, 32)),
                 r_.Between(0, 60)),
        any);
    Add(From(Ttl(), false)
            .Udp(Ephemeral(), 4433, Join({22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0}, Noise(r_, 50)),
                 r_.Between(60, 200)),
        any);
    Add(From(Ttl(), false)
            .Udp(Ephemeral(), 5060, Text("REGISTER sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2."),
                 r_.Between(200, 600)),
        any);
    Bytes ntp{0x23, 0, r_.Chance(0.5) ? uint8_t{6} : uint8_t{0}, 0xec};
    Add(From(Ttl(), false).Udp(Ephemeral(), 123, Join(Join(ntp, Bytes(36, 0)), Noise(r_, 8))), any);
    // Games and peer-to-peer: small packets, a sequence number, the rest opaque.
    Bytes game;
    Put(game, r_.Between(0, 4000), 4);
    Add(From(Ttl(), false).Udp(Ephemeral(), 27015, Join(game, Noise(r_, 30)), r_.Between(0, 200)), any);
    Add(From(Ttl(), false).Udp(Ephemeral(), 6881, Join(Text("d1:ad2:id20:"), Noise(r_, 20)), r_.Between(20, 60)), any);
    Add(From(Ttl(), false).Udp(Ephemeral(), Ephemeral(), Join({0x41, 0}, Noise(r_, 18)), r_.Between(0, 1400)), any);
  }
}

void Maker::Dns() {
  for (int i = 0; i < 8 * kPerKind; ++i) {
    Add(From(Ttl(), r_.Chance(0.3), r_.Chance(0.4))
            .Udp(53, Ephemeral(), Join(DnsMessage(r_, true), {0xc0, 0x0c, 0, 1, 0, 1}), r_.Between(6, 400)),
        {kUdpDport});
    Add(From(Ttl(), false).Udp(53, 53, DnsMessage(r_, r_.Chance(0.5)), r_.Between(0, 60)), {kUdpDport});
  }
}

void Maker::Quic() {
  for (int i = 0; i < 6 * kPerKind; ++i) {
    Bytes handshake{static_cast<uint8_t>(0xc0 | r_.Between(0, 63)), 0, 0, 0, 1,
                    static_cast<uint8_t>(r_.Between(0, 20))};
    Add(From(Ttl(), true, r_.Chance(0.5))
            .Udp(443, Ephemeral(), Join(handshake, Noise(r_, 60)), r_.Pick({1134u, 1186u, 1286u, 200u})),
        {kUdpDport});
    Bytes one_rtt{static_cast<uint8_t>(0x40 | r_.Between(0, 63))};
    Add(From(Ttl(), true, r_.Chance(0.5))
            .Udp(443, Ephemeral(), Join(one_rtt, Noise(r_, 63)), r_.Chance(0.5) ? 1186 : r_.Between(0, 1300)),
        {kUdpDport});
  }
}

// What servers answer, from the ports that have a vector of their own and that honest servers do use.
void Maker::UdpAnswers(window::Vector vector) {
  const std::vector<int> any{kUdpDport};
  for (int i = 0; i < 4 * kPerKind; ++i) {
    switch (vector) {
      case BW_VECTOR_UDP_NTP: {  // RFC 5905: modes 3 and 4, 48 bytes
        Bytes ntp{static_cast<uint8_t>(r_.Pick({0x24u, 0x1cu, 0x23u, 0xe3u})), static_cast<uint8_t>(r_.Between(1, 4)),
                  static_cast<uint8_t>(r_.Between(3, 10)), static_cast<uint8_t>(r_.Between(0xe7, 0xfa))};
        Add(From(Ttl(), r_.Chance(0.5))
                .Udp(123, r_.Chance(0.5) ? 123 : Ephemeral(), Join(ntp, Noise(r_, 44)), r_.Chance(0.1) ? 20 : 0),
            any);
        break;
      }
      case BW_VECTOR_UDP_STUN:  // RFC 8489: binding success, and TURN data
        Add(From(Ttl(), r_.Chance(0.5))
                .Udp(
                    3478, Ephemeral(),
                    Join({1, 1, 0, static_cast<uint8_t>(r_.Between(3, 30) * 4), 0x21, 0x12, 0xa4, 0x42}, Noise(r_, 50)),
                    r_.Between(0, 60)),
            any);
        Add(From(Ttl(), r_.Chance(0.5))
                .Udp(3478, Ephemeral(), Join({0x40, static_cast<uint8_t>(r_.Between(0, 3))}, Noise(r_, 60)),
                     r_.Between(0, 1100)),
            any);
        break;
      case BW_VECTOR_UDP_IKE: {  // RFC 7296, RFC 3948
        Bytes ike = Noise(r_, 16);
        Put(ike, r_.Pick({0x21202220u, 0x21202208u, 0x01100200u, 0x2e202320u}), 4);
        Add(From(Ttl(), r_.Chance(0.5)).Udp(500, 500, Join(ike, Noise(r_, 40)), r_.Between(100, 500)), any);
        Add(From(Ttl(), r_.Chance(0.5))
                .Udp(4500, r_.Chance(0.5) ? 4500 : Ephemeral(), Noise(r_, 64), r_.Between(20, 1300)),
            any);
        break;
      }
      case BW_VECTOR_UDP_SNMP: {
        Bytes snmp{0x30, static_cast<uint8_t>(r_.Between(40, 120)), 2, 1, static_cast<uint8_t>(r_.Between(0, 1)), 4, 6};
        Add(From(Ttl(), r_.Chance(0.5))
                .Udp(161, Ephemeral(), Join(Join(snmp, Text("public")), Join({0xa2}, Noise(r_, 40))),
                     r_.Between(0, 60)),
            any);
        break;
      }
      case BW_VECTOR_UDP_SIP:
        Add(From(Ttl(), false)
                .Udp(5060, 5060,
                     Text(r_.Pick<std::string_view>(
                         {"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP ", "INVITE sip:100@example.com SIP/2.0\r\nVia:",
                          "SIP/2.0 401 Unauthorized\r\nVia: ", "OPTIONS sip:example.com SIP/2.0\r\nVia: "})),
                     r_.Between(200, 700)),
            any);
        break;
      case BW_VECTOR_UDP_STEAM:
      case BW_VECTOR_UDP_QUAKE:
        Add(From(Ttl(), false)
                .Udp(27015, Ephemeral(), Join({0xff, 0xff, 0xff, 0xff}, Noise(r_, 40)), r_.Between(0, 900)),
            {kUdpDport, kUdpSport});
        Add(From(Ttl(), false).Udp(27015, Ephemeral(), Noise(r_, 40), r_.Between(0, 1000)), {kUdpDport, kUdpSport});
        break;
      case BW_VECTOR_UDP_L2TP:
        Add(From(Ttl(), false)
                .Udp(1701, r_.Chance(0.5) ? 1701 : Ephemeral(),
                     Join({static_cast<uint8_t>(r_.Pick({0x02u, 0x40u, 0xc8u})), 2}, Noise(r_, 50)),
                     r_.Between(0, 1200)),
            any);
        break;
      case BW_VECTOR_UDP_MDNS:
        Add(From(255, false).Udp(5353, 5353, DnsMessage(r_, r_.Chance(0.5)), r_.Between(0, 300)), any);
        break;
      case BW_VECTOR_UDP_BACNET:  // ASHRAE 135 annex J: unicast and broadcast NPDUs
        Add(From(Ttl(), r_.Chance(0.5))
                .Udp(47808, 47808,
                     Join({0x81, static_cast<uint8_t>(r_.Pick({0x0au, 0x0bu})), 0,
                           static_cast<uint8_t>(r_.Between(8, 60)), 1, static_cast<uint8_t>(r_.Pick({0u, 4u, 0x20u}))},
                          Noise(r_, 20)),
                     r_.Between(0, 40)),
            any);
        break;
      case BW_VECTOR_UDP_NETBIOS:
        Add(From(128, false)
                .Udp(137, 137, Join(Join(Noise(r_, 2), {1, 0x10, 0, 1, 0, 0, 0, 0, 0, 0, 0x20}), Noise(r_, 30)), 7),
            any);
        break;
      default:
        return;  // honest traffic from these ports doesn't cross the internet
    }
  }
}

void Maker::Echo(bool reply) {
  const uint8_t type = v4_ ? (reply ? 0 : 8) : (reply ? 129 : 128);
  for (int i = 0; i < 4 * kPerKind; ++i) {
    const uint32_t rest = r_.Between(1, 65535) << 16 | r_.Between(1, 300);
    Bytes unix_time;  // iputils and BSD ping: the time, then ascending bytes
    Put(unix_time, r_.Next(), 8);
    Put(unix_time, r_.Next() & 0xffffffff000fffff, 8);
    for (uint8_t b = 0x10; b < 0x38; ++b) unix_time.push_back(b);
    Add(From(64, true).Icmp(type, 0, rest, unix_time));
    Bytes bsd;
    Put(bsd, r_.Next(), 8);
    for (uint8_t b = 8; b < 0x38; ++b) bsd.push_back(b);
    Add(From(64, false).Icmp(type, 0, rest, bsd));
    Add(From(128, false).Icmp(type, 0, 0x00010000 | r_.Between(1, 65535), Text("abcdefghijklmnopqrstuvwabcdefghi")));
    Add(From(64, false).Icmp(type, 0, rest, Bytes(r_.Pick({0u, 8u, 32u, 56u, 64u}), 0)));  // monitors
    Add(From(64, r_.Chance(0.5)).Icmp(type, 0, rest, Noise(r_, 56), r_.Chance(0.3) ? r_.Between(0, 1400) : 0));
    Add(From(255, false).Icmp(type, 0, rest, Bytes(72, 0xab)));  // routers
  }
}

// The start of a packet that the target sent, as errors quote it.
Bytes Maker::Quoted(uint8_t protocol, uint32_t length, uint16_t sport, uint16_t dport) {
  Bytes q;
  if (v4_) {
    Put(q, 0x4500, 2);
    Put(q, length, 2);
    Put(q, r_.Between(0, 65535), 2);
    Put(q, r_.Chance(0.7) ? 0x4000 : 0, 2);
    q.push_back(static_cast<uint8_t>(r_.Between(1, 60)));
    q.push_back(protocol);
    Put(q, Word(), 2);
    Put(q, 0xc0000201, 4);
    Put(q, Word(), 4);
  } else {
    Put(q, 0x60000000u | r_.Between(0, 0xfffff), 4);
    Put(q, length - 40, 2);
    q.push_back(protocol);
    q.push_back(static_cast<uint8_t>(r_.Between(1, 60)));
    q = Join(q, Bytes{0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    q = Join(q, Noise(r_, 16));
  }
  Put(q, sport, 2);
  Put(q, dport, 2);
  if (protocol == 17) {
    Put(q, length - (v4_ ? 20 : 40), 2);
    Put(q, Word(), 2);
  } else {
    Put(q, Word(), 4);
  }
  return q;
}

void Maker::IcmpErrors() {
  // Where the quoted packet's address is the target's.
  const std::vector<int> any = v4_ ? std::vector<int>{kWordFirst + 3, kHalfFirst + 6, kHalfFirst + 7}
                                   : std::vector<int>{kWordFirst + 2, kWordFirst + 3, kWordFirst + 4, kWordFirst + 5};
  const uint32_t header = v4_ ? 20 : 40;
  for (int i = 0; i < 4 * kPerKind; ++i) {
    const bool full = r_.Chance(0.5);
    const uint32_t more = full ? r_.Between(12, 500) : 0;
    const uint16_t service = r_.Pick<uint16_t>({443, 443, 80, 22});
    // Path MTU (RFC 1191, RFC 8201): answers of a web server that don't fit.
    Add(From(Ttl(), false)
            .Icmp(v4_ ? 3 : 2, v4_ ? 4 : 0, r_.Pick({1400u, 1480u, 1492u, 1280u}),
                  Quoted(6, 1500, service, Ephemeral()), more),
        any);
    // Clients that went away: host or port unreachable, prohibited, TTL exceeded.
    const uint8_t code = static_cast<uint8_t>(v4_ ? r_.Pick({0u, 1u, 3u, 10u, 13u}) : r_.Pick({0u, 1u, 3u, 4u}));
    Add(From(Ttl(), false)
            .Icmp(v4_ ? 3 : 1, code, 0, Quoted(6, header + r_.Pick({20u, 32u, 40u, 24u}), service, Ephemeral()), more),
        any);
    Add(From(Ttl(), false)
            .Icmp(v4_ ? 11 : 3, 0, 0, Quoted(6, header + r_.Between(20, 1400), service, Ephemeral()), more),
        any);
    // The target as a client or resolver: its queries to servers that don't answer.
    Add(From(Ttl(), false).Icmp(v4_ ? 3 : 1, code, 0, Quoted(17, header + r_.Between(36, 90), Ephemeral(), 53), more),
        any);
    Add(From(Ttl(), false)
            .Icmp(v4_ ? 3 : 1, v4_ ? 3 : 4, 0, Quoted(17, header + r_.Between(36, 500), 53, Ephemeral()), more),
        any);
    Add(From(Ttl(), false).Icmp(v4_ ? 3 : 1, code, 0, Quoted(6, header + 40, Ephemeral(), service), more), any);
    Add(From(Ttl(), false)
            .Icmp(v4_ ? 11 : 3, 0, 0,
                  Quoted(17, header + r_.Pick({20u, 32u, 40u}), Ephemeral(),
                         static_cast<uint16_t>(r_.Between(33434, 33600))),
                  more),
        any);
  }
}

void Maker::IcmpOther() {
  for (int i = 0; i < 4 * kPerKind; ++i) {
    if (v4_) {
      Add(From(Ttl(), false).Icmp(13, 0, Word(), Noise(r_, 12)));
      Add(From(Ttl(), false).Icmp(9, 0, 0x02020708, Noise(r_, 8)));
    } else {  // RFC 4861: within the link, hop limit 255; RFC 3810
      for (uint8_t type : {uint8_t{133}, uint8_t{134}, uint8_t{135}, uint8_t{136}}) {
        PacketBuilder b = From(255, false);
        Add(b.Ttl(255).Icmp(type, 0, type == 136 ? 0x60000000 : 0,
                            Join(Noise(r_, 16), Join({static_cast<uint8_t>(type == 136 ? 2 : 1), 1}, Noise(r_, 6)))));
      }
      PacketBuilder b = From(255, false);
      Add(b.Ttl(1).Icmp(143, 0, r_.Between(1, 3), Noise(r_, 20)));
    }
  }
}

void Maker::Fragments() {
  for (int i = 0; i < 6 * kPerKind; ++i) {  // of large datagrams: DNS, VPN, video, NFS
    PacketBuilder b = From(Ttl(), false);
    const bool last = r_.Chance(0.5);
    const uint16_t offset = static_cast<uint16_t>(r_.Pick({185u, 184u, 181u, 180u, 72u, 370u, 60u}));
    Add(b.LaterFragment(static_cast<uint8_t>(r_.Pick({17u, 17u, 50u, 6u})), offset, last, Noise(r_, 64),
                        last ? r_.Between(0, 1300) : offset * 8u % 1416u));
  }
}

void Maker::Tunnels() {
  for (int i = 0; i < 6 * kPerKind; ++i) {
    const uint8_t protocol = static_cast<uint8_t>(r_.Pick({47u, 50u, 132u, 4u, 41u, 51u, 112u, 89u, 103u}));
    Bytes start = protocol == 47 ? Bytes{0, 0, 8, 0} : protocol == 132 ? Bytes{0x0b, 0x59, 0x0b, 0x59} : Noise(r_, 4);
    Add(From(Ttl(), r_.Chance(0.5)).Other(protocol, Join(start, Noise(r_, 60)), r_.Between(0, 1300)));
  }
}

std::vector<Made> Maker::Make(window::Vector vector) {
  switch (vector) {
    case BW_VECTOR_TCP_SYN:
      Syn();
      break;
    case BW_VECTOR_TCP_SYNACK:
      SynAck();
      break;
    case BW_VECTOR_TCP_RST:
      Rst();
      break;
    case BW_VECTOR_TCP_FIN:
      Fin();
      break;
    case BW_VECTOR_TCP_ACK:
      Ack();
      break;
    case BW_VECTOR_UDP_OTHER:
      UdpClients();
      break;
    case BW_VECTOR_UDP_DNS:
      Dns();
      break;
    case BW_VECTOR_UDP_QUIC:
      Quic();
      break;
    case BW_VECTOR_ICMP_ECHO:
      Echo(false);
      break;
    case BW_VECTOR_ICMP_ECHO_REPLY:
      Echo(true);
      break;
    case BW_VECTOR_ICMP_ERROR:
      IcmpErrors();
      break;
    case BW_VECTOR_ICMP_OTHER:
      IcmpOther();
      break;
    case BW_VECTOR_FRAGMENT:
      Fragments();
      break;
    case BW_VECTOR_IP_OTHER:
      Tunnels();
      break;
    default:
      UdpAnswers(vector);
      break;
  }
  return std::move(made_);
}

}  // namespace

std::span<const Archetype> Archetypes(window::Vector vector, bool v4) {
  static std::mutex mutex;
  static std::map<std::pair<int, bool>, std::vector<Archetype>> cache;
  std::lock_guard lock(mutex);
  auto [it, inserted] = cache.try_emplace({static_cast<int>(vector), v4});
  if (inserted) {
    Maker maker(v4, 0x62770000u + static_cast<uint64_t>(vector) * 2 + (v4 ? 1 : 0));
    for (const Made& made : maker.Make(vector)) {
      Archetype a{ReadFeatures(made.sample), {}};
      for (int f : made.any) a.any.set(static_cast<size_t>(f));
      it->second.push_back(std::move(a));
    }
  }
  return it->second;
}

}  // namespace breakwater::detect
