#include "edge/replay/capture.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace breakwater::replay {

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
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  reader->pcap_ = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error.data());
  if (reader->pcap_ == nullptr) {
    fclose(stream);
    return reader->WhyEnded(error.data());
  }
  reader->link_type_ = pcap_datalink(reader->pcap_);
  reader->support_ = SupportFor(reader->link_type_);
  return reader;
}

CaptureReader::~CaptureReader() {
  if (pcap_ != nullptr) pcap_close(pcap_);
}

absl::Status CaptureReader::WhyEnded(const std::string& libpcap_message) const {
  std::string why = file_->status().ok() ? libpcap_message : std::string(file_->status().message());
  return absl::DataLossError(packets_ == 0 ? why : absl::StrCat(why, " (behind packet ", packets_, ")"));
}

const Packet* CaptureReader::Next() {
  if (!status_.ok()) return nullptr;
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  int result = pcap_next_ex(pcap_, &header, &bytes);
  if (result != 1) {
    if (result != PCAP_ERROR_BREAK) status_ = WhyEnded(pcap_geterr(pcap_));
    return nullptr;
  }
  ++packets_;
  packet_.time_ns = timeline_.Next(header->ts.tv_sec, header->ts.tv_usec);
  packet_.frame = ToFrame({bytes, header->caplen});
  return &packet_;
}

std::span<const uint8_t> CaptureReader::ToFrame(std::span<const uint8_t> bytes) {
  if (support_ == LinkSupport::kEthernet) return bytes;
  if (support_ == LinkSupport::kUnknown) return {};
  std::optional<Network> network = FindNetwork(link_type_, bytes);
  if (!network) return {};
  auto ethernet = SyntheticHeader(network->ethertype);
  auto payload = bytes.subspan(network->offset);
  converted_.resize(ethernet.size() + payload.size());
  std::ranges::copy(payload, std::ranges::copy(ethernet, converted_.begin()).out);
  return converted_;
}

std::string CaptureReader::note() const {
  std::vector<std::string> notes;
  if (support_ == LinkSupport::kUnknown) {
    notes.push_back(absl::StrCat("packets of link type ", LinkTypeName(link_type_),
                                 " can't be read: all are counted as unparsed, none is judged"));
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
