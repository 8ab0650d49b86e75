// Captures made for tests: packets, capture files in every format, temporary files.
#ifndef BREAKWATER_EDGE_REPLAY_TESTING_H_
#define BREAKWATER_EDGE_REPLAY_TESTING_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace breakwater::replay::testing {

using Bytes = std::vector<uint8_t>;

struct TestPacket {
  int64_t time_ns = 0;
  Bytes bytes;
};

// IPv4 without a link header: UDP from one port to another, with so many bytes of payload.
Bytes UdpV4(uint32_t source, uint32_t destination, uint16_t source_port, uint16_t destination_port, size_t payload = 8);
Bytes UdpV6(uint8_t destination_last_byte, uint16_t source_port, uint16_t destination_port, size_t payload = 8);
Bytes TcpSynV4(uint32_t source, uint32_t destination, uint16_t source_port, uint16_t destination_port);
Bytes Ethernet(uint16_t ethertype, std::span<const uint8_t> payload);
// prefix + payload.
Bytes Join(std::span<const uint8_t> prefix, std::span<const uint8_t> payload);

// File contents. link_type is the file format's LINKTYPE_ number; pcap has nanosecond times.
Bytes Pcap(uint32_t link_type, const std::vector<TestPacket>& packets);
Bytes Pcapng(uint16_t link_type, const std::vector<TestPacket>& packets);
// pcapng block by block, for everything unusual.
class PcapngWriter {
 public:
  explicit PcapngWriter(bool big_endian) : big_endian_(big_endian) {}
  void Section();
  // time_resolution as in the if_tsresol option.
  void Interface(uint16_t link_type, uint32_t snap_length, uint8_t time_resolution, int64_t offset_seconds);
  void EnhancedPacket(uint32_t interface, uint64_t time, std::span<const uint8_t> packet);
  void ObsoletePacket(uint16_t interface, uint64_t time, std::span<const uint8_t> packet);
  void SimplePacket(std::span<const uint8_t> packet);
  void Block(uint32_t type, const Bytes& body);
  void Raw(const Bytes& bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
  const Bytes& bytes() const { return bytes_; }

 private:
  void Put(Bytes& out, uint64_t value, size_t size) const;

  bool big_endian_;
  Bytes bytes_;
};
Bytes Gzip(std::span<const uint8_t> bytes);

// A file in the test's temporary folder, gone with the object.
class TempFile {
 public:
  TempFile(std::string_view name, std::span<const uint8_t> contents);
  ~TempFile();
  TempFile(const TempFile&) = delete;
  TempFile& operator=(const TempFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace breakwater::replay::testing

#endif  // BREAKWATER_EDGE_REPLAY_TESTING_H_
