#include "edge/datapath/witness.h"

#include <algorithm>
#include <array>
#include <optional>

namespace breakwater::datapath {
namespace {

// The first value that each positive check wants.
struct Wishes {
  std::array<std::optional<uint64_t>, BW_NUMBERS> numbers;
  std::optional<net::IpAddress> source;
  std::optional<net::IpAddress> destination;
  uint8_t protocol = 0;

  uint64_t Number(int number, uint64_t otherwise) const { return numbers[number].value_or(otherwise); }
};

Wishes WishesOf(const Term& term) {
  Wishes wishes;
  if (term.layout.dst_mask[0] | term.layout.dst_mask[1]) wishes.destination = AddressOf(term.layout.dst);
  if (term.layout.protocol_mask != 0) wishes.protocol = term.layout.protocol;
  if (term.layout.number_mask != 0) wishes.numbers[term.layout.number % BW_NUMBERS] = term.layout.number_low;
  for (const CheckPtr& check : term.checks) {
    if (check->layout.negate || check->members.empty()) continue;
    const bw_member& member = check->members.front();
    switch (check->layout.kind) {
      case BW_CHECK_NUMBER: {
        std::optional<uint64_t>& wish = wishes.numbers[check->layout.number % BW_NUMBERS];
        // Several checks on one number: the highest lower end lies in all of them, if anything does.
        wish = std::max(wish.value_or(0), member.low[0]);
        break;
      }
      case BW_CHECK_SRC:
        wishes.source = AddressOf(member.low);
        break;
      case BW_CHECK_DST:
        wishes.destination = AddressOf(member.low);
        break;
      default:
        break;
    }
  }
  return wishes;
}

Bytes Transport(const Wishes& wishes, uint8_t protocol, const Bytes& payload) {
  const auto source_port = static_cast<uint16_t>(wishes.Number(BW_NUMBER_SRC_PORT, 40000));
  const auto destination_port = static_cast<uint16_t>(wishes.Number(BW_NUMBER_DST_PORT, 443));
  if (protocol == 6) {
    TcpHeader tcp{.source_port = source_port,
                  .destination_port = destination_port,
                  .seq = static_cast<uint32_t>(wishes.Number(BW_NUMBER_TCP_SEQ, 1)),
                  .ack = static_cast<uint32_t>(wishes.Number(BW_NUMBER_TCP_ACK, 0)),
                  .flags = static_cast<uint8_t>(wishes.Number(BW_NUMBER_TCP_FLAGS, 2)),
                  .window = static_cast<uint16_t>(wishes.Number(BW_NUMBER_TCP_WINDOW, 1024))};
    const uint64_t header = wishes.Number(BW_NUMBER_TCP_HEADER, 20);
    if (header > 20 && header <= 60) tcp.options.assign((header - 17) / 4 * 4, 1);
    return Tcp(tcp, payload);
  }
  if (protocol == 17) {
    Bytes datagram = Udp(source_port, destination_port, payload);
    const uint64_t length = wishes.Number(BW_NUMBER_UDP_LENGTH, datagram.size());
    datagram[4] = static_cast<uint8_t>(length >> 8);
    datagram[5] = static_cast<uint8_t>(length);
    return datagram;
  }
  if (protocol == 1 || protocol == 58)
    return Icmp(static_cast<uint8_t>(wishes.Number(BW_NUMBER_ICMP_TYPE, 8)),
                static_cast<uint8_t>(wishes.Number(BW_NUMBER_ICMP_CODE, 0)), payload);
  return payload;
}

// Writes the bytes that checks want into the frame.
void PutBytes(const Term& term, size_t l3, size_t l4, size_t payload, Bytes& frame) {
  for (const CheckPtr& check : term.checks) {
    if (check->layout.kind != BW_CHECK_BYTES || check->layout.negate || check->members.empty()) continue;
    const size_t base = check->layout.number == BW_LAYER_L3 ? l3 : check->layout.number == BW_LAYER_L4 ? l4 : payload;
    const size_t at = base + check->layout.offset;
    if (at + check->layout.length > frame.size()) continue;
    const uint64_t value = check->members.front().low[0];
    for (size_t i = 0; i < check->layout.length; i++)
      frame[at + i] = static_cast<uint8_t>(value >> (8 * (check->layout.length - 1 - i)));
  }
}

}  // namespace

Bytes WitnessOf(const Term& term) {
  const Wishes wishes = WishesOf(term);
  const bool v6 = wishes.destination ? !wishes.destination->is_v4()
                  : wishes.source    ? !wishes.source->is_v4()
                                     : wishes.protocol == 58 || wishes.Number(BW_NUMBER_VERSION, 4) == 6;
  const net::IpAddress any = v6 ? *net::IpAddress::Parse("2001:db8::1") : net::IpAddress::FromV4(0xc0000201);
  IpHeader ip{.source = wishes.source.value_or(any), .destination = wishes.destination.value_or(any)};
  if (ip.source.is_v4() != ip.destination.is_v4()) ip.source = any;
  ip.protocol = wishes.protocol != 0 ? wishes.protocol : static_cast<uint8_t>(wishes.Number(BW_NUMBER_PROTOCOL, 17));
  ip.ttl = static_cast<uint8_t>(wishes.Number(BW_NUMBER_TTL, 64));
  ip.dscp = static_cast<uint8_t>(wishes.Number(BW_NUMBER_DSCP, 0));
  ip.id = static_cast<uint16_t>(wishes.Number(BW_NUMBER_ID, 0));
  const uint64_t fragment = wishes.Number(BW_NUMBER_FRAGMENT, 0);
  if (fragment & BW_FRAGMENT_DF) ip.fragment |= 0x4000;
  if (fragment & BW_FRAGMENT_LATER) ip.fragment |= fragment & BW_FRAGMENT_LAST ? 100 : 0x2000 | 100;
  if (fragment & BW_FRAGMENT_FIRST) ip.fragment |= 0x2000;
  if (const uint64_t vlan = wishes.Number(BW_NUMBER_VLAN, 0); vlan != 0) ip.vlans = {static_cast<uint16_t>(vlan)};

  const size_t l3 = 14 + 4 * ip.vlans.size();
  const size_t l4 = l3 + (v6 ? 40 : 20);
  const size_t header = Transport(wishes, ip.protocol, {}).size();
  // Long enough for the wanted length, and for bytes that are wanted behind the headers.
  size_t payload = 64;
  if (const uint64_t length = wishes.Number(BW_NUMBER_LENGTH, 0); length >= l4 - l3 + header && length <= 2000)
    payload = length - (l4 - l3 + header);
  Bytes transport = Transport(wishes, ip.protocol, Bytes(payload));
  if (v6 && fragment != 0) {
    transport =
        V6Fragment(ip.protocol, fragment & BW_FRAGMENT_LATER ? 100 : 0, !(fragment & BW_FRAGMENT_LAST), transport);
    ip.protocol = 44;
  }
  Bytes frame = Frame(ip, transport);
  PutBytes(term, l3, l4, l4 + header, frame);
  return frame;
}

}  // namespace breakwater::datapath
