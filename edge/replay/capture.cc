#include "edge/replay/capture.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "edge/replay/link_type.h"

namespace breakwater::replay {
namespace {

constexpr std::array<uint8_t, 4> kPcapngMagic = {0x0a, 0x0d, 0x0d, 0x0a};

}  // namespace

int64_t Timeline::Next(int64_t seconds, int64_t nanoseconds) {
  const absl::int128 stamp = static_cast<absl::int128>(seconds) * 1'000'000'000 + nanoseconds;
  if (!started_) {
    started_ = true;
    origin_ = stamp;
  }
  const absl::int128 since = stamp - origin_;
  if (since < last_) {
    if (last_ - since > kClockSetBackNs) {
      ++set_back_;
      origin_ = stamp - last_;
    } else {
      ++reordered_;
    }
    return last_;
  }
  last_ = static_cast<int64_t>(std::min<absl::int128>(since, kMaxTimeNs));
  return last_;
}

absl::StatusOr<std::unique_ptr<CaptureReader>> CaptureReader::Open(const std::string& path,
                                                                   uint64_t max_decoded_bytes) {
  absl::StatusOr<std::unique_ptr<ByteFile>> file = ByteFile::Open(path, max_decoded_bytes);
  if (!file.ok()) return file.status();
  std::unique_ptr<CaptureReader> reader(new CaptureReader(*std::move(file)));
  FILE* stream = reader->file_->stream();
  if (stream == nullptr) return absl::ErrnoToStatus(errno, "can't be buffered");
  if (std::ranges::equal(reader->file_->head(), kPcapngMagic)) {
    reader->source_ = OpenPcapng(stream);
    return reader;
  }
  absl::StatusOr<std::unique_ptr<RecordSource>> source = OpenPcap(stream);
  if (!source.ok()) return reader->WhyEnded(source.status());
  reader->source_ = *std::move(source);
  return reader;
}

absl::Status CaptureReader::WhyEnded(const absl::Status& source) const {
  const absl::Status& why = file_->status().ok() ? source : file_->status();
  if (why.ok() || packets_ == 0) return why;
  return absl::Status(why.code(), absl::StrCat(std::string(why.message()), "; packets ahead of it: ", packets_));
}

const Packet* CaptureReader::Next() {
  const Record* record = source_->Next();
  if (record == nullptr) {
    status_ = WhyEnded(source_->status());
    return nullptr;
  }
  ++packets_;
  packet_.time_ns = timeline_.Next(record->seconds, record->nanoseconds);
  packet_.frame = ToFrame(*record);
  return &packet_;
}

std::span<const uint8_t> CaptureReader::ToFrame(const Record& record) {
  switch (SupportFor(record.link_type)) {
    case LinkSupport::kEthernet:
      return record.bytes;
    case LinkSupport::kUnknown:
      ++unreadable_[record.link_type];
      return {};
    case LinkSupport::kConverted:
      break;
  }
  std::optional<Network> network = FindNetwork(record.link_type, record.bytes);
  if (!network) return {};
  auto ethernet = SyntheticHeader(network->ethertype);
  auto payload = record.bytes.subspan(network->offset);
  converted_.resize(ethernet.size() + payload.size());
  std::ranges::copy(payload, std::ranges::copy(ethernet, converted_.begin()).out);
  return converted_;
}

std::string CaptureReader::note() const {
  std::vector<std::string> notes;
  for (const auto& [link_type, packets] : unreadable_) {
    notes.push_back(absl::StrCat(packets, " packets of link type ", LinkTypeName(link_type),
                                 " can't be read: counted as unparsed, not judged"));
  }
  if (timeline_.reordered() > 0) {
    notes.push_back(
        absl::StrCat(timeline_.reordered(), " packets are older than the packet ahead of them and got its time"));
  }
  if (timeline_.set_back() > 0) {
    notes.push_back(absl::StrCat("the clock was set back ", timeline_.set_back(), " times; time goes on from there"));
  }
  return absl::StrJoin(notes, "; ");
}

}  // namespace breakwater::replay
