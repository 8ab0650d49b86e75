// pcapng files (draft-ietf-opsawg-pcapng). libpcap reads those alone whose interfaces agree in link type and snapshot
// length; captures taken on several interfaces at once don't, so this reader gives every packet its own interface's.
#include <pcap/pcap.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"
#include "edge/replay/record_source.h"

namespace breakwater::replay {
namespace {

constexpr uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr uint32_t kInterfaceDescription = 1;
constexpr uint32_t kPacket = 2;  // obsolete, still found
constexpr uint32_t kSimplePacket = 3;
constexpr uint32_t kEnhancedPacket = 6;

constexpr uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr uint16_t kOptionEnd = 0;
constexpr uint16_t kOptionTimeResolution = 9;
constexpr uint16_t kOptionTimeOffset = 14;
constexpr uint16_t kLinktypeRaw = 101;

// libpcap's limits.
constexpr uint32_t kMaxBlock = 16 * 1024 * 1024;
constexpr size_t kMaxInterfaces = 65536;
constexpr size_t kBlockFrame = 12;  // type, length, and the length again
constexpr int64_t kMaxSeconds = INT64_MAX / 4;

struct Interface {
  int link_type = 0;
  uint32_t snap_length = 0;
  uint64_t units_per_second = 1'000'000;
  int64_t offset_seconds = 0;
};

class PcapngSource : public RecordSource {
 public:
  explicit PcapngSource(FILE* stream) : stream_(stream) {}
  ~PcapngSource() override { fclose(stream_); }
  PcapngSource(const PcapngSource&) = delete;
  PcapngSource& operator=(const PcapngSource&) = delete;

  const Record* Next() override {
    while (status_.ok()) {
      std::optional<uint32_t> type = ReadBlock();
      if (!type) return nullptr;
      switch (*type) {
        case kSectionHeader:
          interfaces_.clear();
          break;
        case kInterfaceDescription:
          AddInterface();
          break;
        case kEnhancedPacket:
          if (TakePacket(U32(0), 20, 4, 8, 12)) return &record_;
          break;
        case kPacket:
          if (TakePacket(U16(0), 20, 4, 8, 12)) return &record_;
          break;
        case kSimplePacket:
          if (TakeSimplePacket()) return &record_;
          break;
        default:
          break;
      }
    }
    return nullptr;
  }

 private:
  void Damaged(std::string what) {
    status_ = absl::DataLossError(absl::StrCat(what, " (in the block at byte ", block_at_, ")"));
  }

  bool Damage(std::string what) { return Damaged(std::move(what)), false; }

  // Bytes behind the end of the body read as zero; lengths are checked where they matter.
  uint16_t U16(size_t at) const { return static_cast<uint16_t>(Read(body_, at, 2)); }
  uint32_t U32(size_t at) const { return static_cast<uint32_t>(Read(body_, at, 4)); }
  uint64_t Read(std::span<const uint8_t> bytes, size_t at, size_t size) const {
    uint64_t value = 0;
    for (size_t i = 0; i < size && at + i < bytes.size(); ++i) {
      value |= uint64_t{bytes[at + i]} << 8 * (big_endian_ ? size - 1 - i : i);
    }
    return value;
  }

  // One block into body_; its type, or nullopt at the end and on damage.
  std::optional<uint32_t> ReadBlock() {
    auto word = [this](size_t at) { return static_cast<uint32_t>(Read(block_, at, 4)); };
    block_at_ = offset_;
    block_.clear();
    if (!Append(8)) return block_.empty() ? std::nullopt : Truncated();
    if (word(0) == kSectionHeader) {
      // The type reads the same in both byte orders; what follows the length tells which it is.
      if (!Append(4)) return Truncated();
      big_endian_ = false;
      if (word(8) != kByteOrderMagic) {
        big_endian_ = true;
        if (word(8) != kByteOrderMagic) return Refuse("a section header has no byte order");
      }
    } else if (block_at_ == 0) {
      return Refuse("it doesn't start with a section header");
    }
    const uint32_t length = word(4);
    if (length % 4 != 0 || length < block_.size() + 4 || length > kMaxBlock) {
      return Refuse(absl::StrCat("a block says it has ", length, " bytes"));
    }
    if (!Append(length - block_.size())) return Truncated();
    if (word(length - 4) != length) {
      return Refuse(absl::StrCat("a block's two lengths are ", length, " and ", word(length - 4)));
    }
    body_ = std::span(block_).subspan(8, length - kBlockFrame);
    return word(0);
  }

  // So many bytes of the stream behind block_; false when there were less.
  bool Append(size_t size) {
    const size_t before = block_.size();
    block_.resize(before + size);
    const size_t got = fread(block_.data() + before, 1, size, stream_);
    block_.resize(before + got);
    offset_ += got;
    return got == size;
  }

  std::nullopt_t Truncated() { return Refuse("it is truncated"); }
  std::nullopt_t Refuse(std::string what) {
    Damaged(std::move(what));
    return std::nullopt;
  }

  void AddInterface() {
    if (body_.size() < 8) return Damaged("an interface description is too short");
    if (interfaces_.size() == kMaxInterfaces)
      return Damaged(absl::StrCat("it has more than ", kMaxInterfaces, " interfaces"));
    const uint16_t linktype = U16(0);
    Interface interface { .link_type = linktype == kLinktypeRaw ? DLT_RAW : linktype, .snap_length = U32(4) };
    for (size_t at = 8; at + 4 <= body_.size();) {
      const uint16_t code = U16(at);
      const size_t length = U16(at + 2);
      if (code == kOptionEnd || at + 4 + length > body_.size()) break;
      if (code == kOptionTimeResolution && length == 1) {
        std::optional<uint64_t> units = UnitsPerSecond(body_[at + 4]);
        if (!units) return Damaged("an interface has an impossible time resolution");
        interface.units_per_second = *units;
      } else if (code == kOptionTimeOffset && length == 8) {
        interface.offset_seconds = std::bit_cast<int64_t>(Read(body_, at + 4, 8));
      }
      at += 4 + (length + 3) / 4 * 4;
    }
    interfaces_.push_back(interface);
  }

  static std::optional<uint64_t> UnitsPerSecond(uint8_t resolution) {
    const int exponent = resolution & 0x7f;
    if (resolution & 0x80) return exponent < 64 ? std::optional(uint64_t{1} << exponent) : std::nullopt;
    if (exponent > 19) return std::nullopt;
    uint64_t units = 1;
    for (int i = 0; i < exponent; ++i) units *= 10;
    return units;
  }

  bool TakePacket(uint32_t interface_id, size_t header, size_t high_at, size_t low_at, size_t captured_at) {
    if (body_.size() < header) return Damage("a packet block is too short for its header");
    const uint32_t captured = U32(captured_at);
    if (interface_id >= interfaces_.size()) {
      return Damage(absl::StrCat("a packet is of interface ", interface_id, ", which isn't described"));
    }
    if (captured > body_.size() - header) {
      return Damage(absl::StrCat("a packet of ", captured, " bytes is longer than its block"));
    }
    const Interface& interface = interfaces_[interface_id];
    const uint64_t stamp = uint64_t{U32(high_at)} << 32 | U32(low_at);
    const uint64_t units = interface.units_per_second;
    // Both may be any number; their sum must not overflow.
    record_.seconds = static_cast<int64_t>(std::min<uint64_t>(stamp / units, kMaxSeconds)) +
                      std::clamp<int64_t>(interface.offset_seconds, -kMaxSeconds, kMaxSeconds);
    record_.nanoseconds = static_cast<int64_t>(absl::uint128(stamp % units) * 1'000'000'000 / units);
    record_.link_type = interface.link_type;
    record_.bytes = body_.subspan(header, captured);
    return true;
  }

  // Without a time of its own: that of the packet ahead of it.
  bool TakeSimplePacket() {
    if (interfaces_.empty()) return Damage("a packet comes ahead of the first interface");
    if (body_.size() < 4) return Damage("a packet block is too short for its header");
    size_t captured = std::min<size_t>(U32(0), body_.size() - 4);
    if (interfaces_[0].snap_length != 0) captured = std::min<size_t>(captured, interfaces_[0].snap_length);
    record_.link_type = interfaces_[0].link_type;
    record_.bytes = body_.subspan(4, captured);
    return true;
  }

  FILE* stream_;
  uint64_t offset_ = 0;
  uint64_t block_at_ = 0;
  bool big_endian_ = false;
  std::vector<uint8_t> block_;
  std::span<const uint8_t> body_;  // of block_
  std::vector<Interface> interfaces_;
  Record record_;
};

}  // namespace

std::unique_ptr<RecordSource> OpenPcapng(FILE* stream) { return std::make_unique<PcapngSource>(stream); }

}  // namespace breakwater::replay
