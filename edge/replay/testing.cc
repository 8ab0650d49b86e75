#include "edge/replay/testing.h"

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace breakwater::replay::testing {
namespace {

void Put16(Bytes& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value >> 8));
  out.push_back(static_cast<uint8_t>(value));
}
void Put32(Bytes& out, uint32_t value) {
  Put16(out, static_cast<uint16_t>(value >> 16));
  Put16(out, static_cast<uint16_t>(value));
}
// Capture files are written in little-endian order.
void Little16(Bytes& out, uint16_t value) {
  out.push_back(static_cast<uint8_t>(value));
  out.push_back(static_cast<uint8_t>(value >> 8));
}
void Little32(Bytes& out, uint32_t value) {
  Little16(out, static_cast<uint16_t>(value));
  Little16(out, static_cast<uint16_t>(value >> 16));
}

Bytes V4(uint8_t protocol, uint32_t source, uint32_t destination, const Bytes& transport) {
  Bytes out = {0x45, 0};
  Put16(out, static_cast<uint16_t>(20 + transport.size()));
  Put32(out, 0);  // id, fragment
  out.insert(out.end(), {64, protocol, 0, 0});
  Put32(out, source);
  Put32(out, destination);
  uint32_t sum = 0;
  for (size_t i = 0; i < out.size(); i += 2) sum += static_cast<uint32_t>(out[i] << 8 | out[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  out[10] = static_cast<uint8_t>(~sum >> 8);
  out[11] = static_cast<uint8_t>(~sum);
  return Join(out, transport);
}

Bytes Udp(uint16_t source_port, uint16_t destination_port, size_t payload) {
  Bytes out;
  Put16(out, source_port);
  Put16(out, destination_port);
  Put16(out, static_cast<uint16_t>(8 + payload));
  Put16(out, 0);
  out.resize(out.size() + payload, 'x');
  return out;
}

}  // namespace

Bytes Join(std::span<const uint8_t> prefix, std::span<const uint8_t> payload) {
  Bytes out(prefix.begin(), prefix.end());
  out.insert(out.end(), payload.begin(), payload.end());
  return out;
}

Bytes UdpV4(uint32_t source, uint32_t destination, uint16_t source_port, uint16_t destination_port, size_t payload) {
  return V4(17, source, destination, Udp(source_port, destination_port, payload));
}

Bytes UdpV6(uint8_t destination_last_byte, uint16_t source_port, uint16_t destination_port, size_t payload) {
  Bytes udp = Udp(source_port, destination_port, payload);
  Bytes out = {0x60, 0, 0, 0};
  Put16(out, static_cast<uint16_t>(udp.size()));
  out.insert(out.end(), {17, 64});
  for (uint8_t last : {uint8_t{1}, destination_last_byte}) {
    out.insert(out.end(), {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last});
  }
  return Join(out, udp);
}

Bytes TcpSynV4(uint32_t source, uint32_t destination, uint16_t source_port, uint16_t destination_port) {
  Bytes tcp;
  Put16(tcp, source_port);
  Put16(tcp, destination_port);
  Put32(tcp, 1000);
  Put32(tcp, 0);
  Put16(tcp, 0x5002);
  Put16(tcp, 512);
  Put32(tcp, 0);
  return V4(6, source, destination, tcp);
}

Bytes Ethernet(uint16_t ethertype, std::span<const uint8_t> payload) {
  Bytes out(12, 0x02);
  Put16(out, ethertype);
  return Join(out, payload);
}

Bytes Pcap(uint32_t link_type, const std::vector<TestPacket>& packets) {
  Bytes out;
  Little32(out, 0xa1b23c4d);
  Little16(out, 2);
  Little16(out, 4);
  Little32(out, 0);
  Little32(out, 0);
  Little32(out, 65535);
  Little32(out, link_type);
  for (const TestPacket& packet : packets) {
    Little32(out, static_cast<uint32_t>(packet.time_ns / 1'000'000'000));
    Little32(out, static_cast<uint32_t>(packet.time_ns % 1'000'000'000));
    Little32(out, static_cast<uint32_t>(packet.bytes.size()));
    Little32(out, static_cast<uint32_t>(packet.bytes.size()));
    out.insert(out.end(), packet.bytes.begin(), packet.bytes.end());
  }
  return out;
}

void PcapngWriter::Put(Bytes& out, uint64_t value, size_t size) const {
  for (size_t i = 0; i < size; ++i) out.push_back(static_cast<uint8_t>(value >> 8 * (big_endian_ ? size - 1 - i : i)));
}

void PcapngWriter::Block(uint32_t type, const Bytes& body) {
  const size_t padding = -body.size() & 3;
  Put(bytes_, type, 4);
  Put(bytes_, 12 + body.size() + padding, 4);
  Raw(body);
  bytes_.insert(bytes_.end(), padding, 0);
  Put(bytes_, 12 + body.size() + padding, 4);
}

void PcapngWriter::Section() {
  Bytes body;
  Put(body, 0x1a2b3c4d, 4);
  Put(body, 1, 2);
  Put(body, 0, 2);
  Put(body, UINT64_MAX, 8);
  Block(0x0a0d0d0a, body);
}

void PcapngWriter::Interface(uint16_t link_type, uint32_t snap_length, uint8_t time_resolution,
                             int64_t offset_seconds) {
  Bytes body;
  Put(body, link_type, 2);
  Put(body, 0, 2);
  Put(body, snap_length, 4);
  Put(body, 9, 2);  // if_tsresol
  Put(body, 1, 2);
  body.insert(body.end(), {time_resolution, 0, 0, 0});
  Put(body, 14, 2);  // if_tsoffset
  Put(body, 8, 2);
  Put(body, static_cast<uint64_t>(offset_seconds), 8);
  Put(body, 0, 4);
  Block(1, body);
}

void PcapngWriter::EnhancedPacket(uint32_t interface, uint64_t time, std::span<const uint8_t> packet) {
  Bytes body;
  for (uint64_t word :
       {uint64_t{interface}, time >> 32, time & 0xffffffff, uint64_t{packet.size()}, uint64_t{packet.size()}}) {
    Put(body, word, 4);
  }
  Block(6, Join(body, packet));
}

void PcapngWriter::ObsoletePacket(uint16_t interface, uint64_t time, std::span<const uint8_t> packet) {
  Bytes body;
  Put(body, interface, 2);
  Put(body, 0, 2);  // drops
  for (uint64_t word : {time >> 32, time & 0xffffffff, uint64_t{packet.size()}, uint64_t{packet.size()}})
    Put(body, word, 4);
  Block(2, Join(body, packet));
}

void PcapngWriter::SimplePacket(std::span<const uint8_t> packet) {
  Bytes body;
  Put(body, packet.size(), 4);
  Block(3, Join(body, packet));
}

Bytes Pcapng(uint16_t link_type, const std::vector<TestPacket>& packets) {
  PcapngWriter writer(/*big_endian=*/false);
  writer.Section();
  writer.Interface(link_type, 65535, /*time_resolution=*/9, /*offset_seconds=*/0);
  for (const TestPacket& packet : packets)
    writer.EnhancedPacket(0, static_cast<uint64_t>(packet.time_ns), packet.bytes);
  return writer.bytes();
}

Bytes Gzip(std::span<const uint8_t> bytes) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes out(deflateBound(&stream, bytes.size()));
  stream.next_in = const_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

TempFile::TempFile(std::string_view name, std::span<const uint8_t> contents)
    : path_(absl::StrCat(::testing::TempDir(), "/breakwater-", getpid(), "-", std::string(name))) {
  FILE* file = fopen(path_.c_str(), "wb");
  EXPECT_NE(file, nullptr) << path_;
  // An empty span may point nowhere, which fwrite doesn't allow even for no bytes.
  if (!contents.empty()) {
    EXPECT_EQ(fwrite(contents.data(), 1, contents.size(), file), contents.size());
  }
  EXPECT_EQ(fclose(file), 0);
}

TempFile::~TempFile() { unlink(path_.c_str()); }

}  // namespace breakwater::replay::testing
