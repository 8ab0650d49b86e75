#include "edge/datapath/packet_builder.h"

namespace breakwater::datapath {
namespace {

void Put16(Bytes& to, uint32_t value) {
  to.push_back(static_cast<uint8_t>(value >> 8));
  to.push_back(static_cast<uint8_t>(value));
}

void Put32(Bytes& to, uint32_t value) {
  Put16(to, value >> 16);
  Put16(to, value & 0xffff);
}

void Put(Bytes& to, const Bytes& bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

void PutV4(Bytes& to, const IpHeader& ip, size_t payload) {
  const size_t header = 20 + ip.options.size();
  to.push_back(static_cast<uint8_t>(0x40 | header / 4));
  to.push_back(static_cast<uint8_t>(ip.dscp << 2));
  Put16(to, ip.total_length.value_or(static_cast<uint16_t>(header + payload)));
  Put16(to, ip.id);
  Put16(to, ip.fragment);
  to.push_back(ip.ttl);
  to.push_back(ip.protocol);
  Put16(to, 0);
  Put32(to, ip.source.v4());
  Put32(to, ip.destination.v4());
  Put(to, ip.options);
}

void PutV6(Bytes& to, const IpHeader& ip, size_t payload) {
  Put32(to, 0x60000000u | static_cast<uint32_t>(ip.dscp) << 22);
  Put16(to, ip.total_length.value_or(static_cast<uint16_t>(payload)));
  to.push_back(ip.protocol);
  to.push_back(ip.ttl);
  to.insert(to.end(), ip.source.bytes().begin(), ip.source.bytes().end());
  to.insert(to.end(), ip.destination.bytes().begin(), ip.destination.bytes().end());
}

}  // namespace

Bytes Frame(const IpHeader& ip, const Bytes& payload) {
  Bytes frame = {0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01};
  for (size_t i = 0; i < ip.vlans.size(); i++) {
    Put16(frame, i == 0 && ip.vlans.size() > 1 ? 0x88a8 : 0x8100);
    Put16(frame, ip.vlans[i]);
  }
  Put16(frame, ip.destination.is_v4() ? 0x0800 : 0x86dd);
  if (ip.destination.is_v4()) {
    PutV4(frame, ip, payload.size());
  } else {
    PutV6(frame, ip, payload.size());
  }
  Put(frame, payload);
  return frame;
}

Bytes Tcp(const TcpHeader& tcp, const Bytes& payload) {
  Bytes segment;
  Put16(segment, tcp.source_port);
  Put16(segment, tcp.destination_port);
  Put32(segment, tcp.seq);
  Put32(segment, tcp.ack);
  segment.push_back(
      static_cast<uint8_t>(tcp.header_words.value_or(static_cast<uint8_t>(5 + tcp.options.size() / 4)) << 4));
  segment.push_back(tcp.flags);
  Put16(segment, tcp.window);
  Put32(segment, 0);
  Put(segment, tcp.options);
  Put(segment, payload);
  return segment;
}

Bytes Udp(uint16_t source_port, uint16_t destination_port, const Bytes& payload) {
  Bytes datagram;
  Put16(datagram, source_port);
  Put16(datagram, destination_port);
  Put16(datagram, static_cast<uint32_t>(8 + payload.size()));
  Put16(datagram, 0);
  Put(datagram, payload);
  return datagram;
}

Bytes Icmp(uint8_t type, uint8_t code, const Bytes& payload) {
  Bytes message = {type, code, 0, 0, 0, 0, 0, 0};
  Put(message, payload);
  return message;
}

Bytes Extension(uint8_t next, size_t size, const Bytes& payload) {
  Bytes header(size, 0);
  header[0] = next;
  header[1] = static_cast<uint8_t>(size / 8 - 1);
  Put(header, payload);
  return header;
}

Bytes V6Fragment(uint8_t next, uint16_t offset, bool more, const Bytes& payload) {
  Bytes header = {next, 0};
  Put16(header, static_cast<uint32_t>(offset << 3 | (more ? 1 : 0)));
  Put32(header, 0x12345678);
  Put(header, payload);
  return header;
}

}  // namespace breakwater::datapath
