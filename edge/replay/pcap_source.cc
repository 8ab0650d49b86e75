// Classic pcap files, read by libpcap with nanosecond precision.
#include <pcap/pcap.h>

#include <array>

#include "edge/replay/record_source.h"

namespace breakwater::replay {
namespace {

class PcapSource : public RecordSource {
 public:
  explicit PcapSource(pcap_t* pcap) : pcap_(pcap) { record_.link_type = pcap_datalink(pcap); }
  ~PcapSource() override { pcap_close(pcap_); }
  PcapSource(const PcapSource&) = delete;
  PcapSource& operator=(const PcapSource&) = delete;

  const Record* Next() override {
    if (!status_.ok()) return nullptr;
    pcap_pkthdr* header = nullptr;
    const u_char* bytes = nullptr;
    const int result = pcap_next_ex(pcap_, &header, &bytes);
    if (result != 1) {
      if (result != PCAP_ERROR_BREAK) status_ = absl::DataLossError(pcap_geterr(pcap_));
      return nullptr;
    }
    record_.seconds = header->ts.tv_sec;
    record_.nanoseconds = header->ts.tv_usec;
    record_.bytes = {bytes, header->caplen};
    return &record_;
  }

 private:
  pcap_t* pcap_;
  Record record_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RecordSource>> OpenPcap(FILE* stream) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_t* pcap = pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error.data());
  if (pcap == nullptr) {
    fclose(stream);
    return absl::DataLossError(error.data());
  }
  return std::make_unique<PcapSource>(pcap);
}

}  // namespace breakwater::replay
