#include "common/detect/packets.h"

#include <algorithm>

namespace breakwater::detect {
namespace {

constexpr uint8_t kIcmp = 1;
constexpr uint8_t kTcp = 6;
constexpr uint8_t kUdp = 17;
constexpr uint8_t kIcmp6 = 58;
constexpr uint8_t kFragmentHeader = 44;

void Put16(std::vector<uint8_t>& out, uint32_t v) {
  out.push_back(static_cast<uint8_t>(v >> 8));
  out.push_back(static_cast<uint8_t>(v));
}
void Put32(std::vector<uint8_t>& out, uint32_t v) {
  Put16(out, v >> 16);
  Put16(out, v & 0xffff);
}

window::Vector TcpVector(uint8_t flags) {
  constexpr uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;
  switch (flags & (kFin | kSyn | kRst | kAck)) {
    case kSyn:
      return BW_VECTOR_TCP_SYN;
    case kSyn | kAck:
      return BW_VECTOR_TCP_SYNACK;
    case kRst:
    case kRst | kAck:
      return BW_VECTOR_TCP_RST;
    case kFin | kAck:
    case kFin:
      return BW_VECTOR_TCP_FIN;
    case kAck:
      return BW_VECTOR_TCP_ACK;
    default:
      return BW_VECTOR_TCP_INVALID;
  }
}

window::Vector UdpVector(uint32_t sport) {
  switch (sport) {
#define BW_PORT_CASE(port, id) \
  case port:                   \
    return BW_VECTOR_##id;
    BW_UDP_SOURCE_PORTS(BW_PORT_CASE)
#undef BW_PORT_CASE
    default:
      return BW_VECTOR_UDP_OTHER;
  }
}

}  // namespace

PacketBuilder::PacketBuilder(const net::IpAddress& source, const net::IpAddress& destination)
    : source_(source), destination_(destination) {}
PacketBuilder& PacketBuilder::Ttl(uint32_t ttl) { return ttl_ = ttl, *this; }
PacketBuilder& PacketBuilder::Dscp(uint32_t dscp) { return dscp_ = dscp, *this; }
PacketBuilder& PacketBuilder::Id(uint32_t id) { return id_ = id & 0xffff, *this; }
PacketBuilder& PacketBuilder::DontFragment(bool df) { return df_ = df, *this; }
PacketBuilder& PacketBuilder::FlowLabel(uint32_t label) { return flow_ = label & 0xfffff, *this; }

window::HeaderSample PacketBuilder::Finish(uint8_t protocol, std::span<const uint8_t> l4, size_t l4_header,
                                           uint32_t more) const {
  std::vector<uint8_t> bytes;
  const bool v4 = destination_.is_v4();
  const bool v6_fragment = !v4 && fragment_ != 0;
  const uint32_t l4_length = static_cast<uint32_t>(l4.size()) + more;
  if (v4) {
    bytes.push_back(0x45);
    bytes.push_back(static_cast<uint8_t>(dscp_ << 2));
    Put16(bytes, 20 + l4_length);
    Put16(bytes, id_);
    Put16(bytes, (df_ ? 0x4000u : 0u) | fragment_);
    bytes.push_back(static_cast<uint8_t>(ttl_));
    bytes.push_back(protocol);
    Put16(bytes, 0);
    Put32(bytes, source_.v4());
    Put32(bytes, destination_.v4());
  } else {
    Put32(bytes, 0x60000000u | dscp_ << 22 | flow_);
    Put16(bytes, l4_length + (v6_fragment ? 8 : 0));
    bytes.push_back(v6_fragment ? kFragmentHeader : protocol);
    bytes.push_back(static_cast<uint8_t>(ttl_));
    bytes.insert(bytes.end(), source_.bytes().begin(), source_.bytes().end());
    bytes.insert(bytes.end(), destination_.bytes().begin(), destination_.bytes().end());
    if (v6_fragment) {
      bytes.push_back(protocol);
      bytes.push_back(0);
      Put16(bytes, static_cast<uint32_t>(fragment_ & 0x1fff) << 3 | (fragment_ & 0x2000 ? 1 : 0));
      Put32(bytes, id_);
    }
  }
  window::HeaderSample s;
  const size_t l3_size = bytes.size();
  bytes.insert(bytes.end(), l4.begin(), l4.end());
  s.source = source_;
  s.destination = destination_;
  s.protocol = protocol;
  s.fragment = fragment_ != 0;
  s.later_fragment = (fragment_ & 0x1fff) != 0;
  s.ip_length = static_cast<uint32_t>(bytes.size()) + more;
  s.size = static_cast<uint16_t>(std::min(bytes.size() + more, window::HeaderSample::kMaxBytes));
  std::copy_n(bytes.begin(), std::min(bytes.size(), size_t{s.size}), s.bytes.begin());
  s.l4_offset = static_cast<uint16_t>(s.later_fragment ? s.size : std::min(l3_size, size_t{s.size}));
  s.payload_offset = static_cast<uint16_t>(s.later_fragment ? s.size : std::min(l3_size + l4_header, size_t{s.size}));
  s.vector = VectorOf(s);
  return s;
}

window::HeaderSample PacketBuilder::Tcp(const TcpHeader& tcp, std::span<const uint8_t> payload,
                                        uint32_t more_payload) const {
  std::vector<uint8_t> l4;
  Put16(l4, tcp.sport);
  Put16(l4, tcp.dport);
  Put32(l4, tcp.seq);
  Put32(l4, tcp.ack);
  l4.push_back(static_cast<uint8_t>((5 + tcp.options.size() / 4) << 4));
  l4.push_back(tcp.flags);
  Put16(l4, tcp.window);
  Put32(l4, 0);
  l4.insert(l4.end(), tcp.options.begin(), tcp.options.end());
  const size_t header = l4.size();
  l4.insert(l4.end(), payload.begin(), payload.end());
  return Finish(kTcp, l4, header, more_payload);
}

window::HeaderSample PacketBuilder::Udp(uint16_t sport, uint16_t dport, std::span<const uint8_t> payload,
                                        uint32_t more_payload) const {
  std::vector<uint8_t> l4;
  Put16(l4, sport);
  Put16(l4, dport);
  Put16(l4, 8 + static_cast<uint32_t>(payload.size()) + more_payload);
  Put16(l4,
        0x1000 + (sport * 31u + dport * 17u + id_) % 0xe000);  // looks like a checksum: differs from packet to packet
  l4.insert(l4.end(), payload.begin(), payload.end());
  return Finish(kUdp, l4, 8, more_payload);
}

window::HeaderSample PacketBuilder::Icmp(uint8_t type, uint8_t code, uint32_t rest, std::span<const uint8_t> payload,
                                         uint32_t more_payload) const {
  std::vector<uint8_t> l4{type, code, 0, 0};
  Put32(l4, rest);
  l4.insert(l4.end(), payload.begin(), payload.end());
  return Finish(destination_.is_v4() ? kIcmp : kIcmp6, l4, 8, more_payload);
}

window::HeaderSample PacketBuilder::Other(uint8_t protocol, std::span<const uint8_t> bytes, uint32_t more) const {
  return Finish(protocol, bytes, bytes.size(), more);
}

window::HeaderSample PacketBuilder::LaterFragment(uint8_t protocol, uint16_t offset, bool last,
                                                  std::span<const uint8_t> bytes, uint32_t more) const {
  PacketBuilder fragment = *this;
  fragment.fragment_ = static_cast<uint16_t>(offset | (last ? 0 : 0x2000));
  return fragment.Finish(protocol, bytes, bytes.size(), more);
}

window::Vector VectorOf(const window::HeaderSample& sample) {
  if (sample.later_fragment) return BW_VECTOR_FRAGMENT;
  const std::span<const uint8_t> l4 = sample.l4();
  switch (sample.protocol) {
    case kTcp:
      return l4.size() < 20 ? BW_VECTOR_UNPARSED : TcpVector(l4[13]);
    case kUdp:
      return l4.size() < 8 ? BW_VECTOR_UNPARSED : UdpVector(static_cast<uint32_t>(l4[0]) << 8 | l4[1]);
    case kIcmp:
      if (l4.size() < 8) return BW_VECTOR_UNPARSED;
      if (l4[0] == 8) return BW_VECTOR_ICMP_ECHO;
      if (l4[0] == 0) return BW_VECTOR_ICMP_ECHO_REPLY;
      return l4[0] == 3 || l4[0] == 4 || l4[0] == 5 || l4[0] == 11 || l4[0] == 12 ? BW_VECTOR_ICMP_ERROR
                                                                                  : BW_VECTOR_ICMP_OTHER;
    case kIcmp6:
      if (l4.size() < 8) return BW_VECTOR_UNPARSED;
      if (l4[0] == 128) return BW_VECTOR_ICMP_ECHO;
      if (l4[0] == 129) return BW_VECTOR_ICMP_ECHO_REPLY;
      return l4[0] < 128 ? BW_VECTOR_ICMP_ERROR : BW_VECTOR_ICMP_OTHER;
    default:
      return BW_VECTOR_IP_OTHER;
  }
}

}  // namespace breakwater::detect
