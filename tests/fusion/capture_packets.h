// The packets of a capture as an edge's filter would sample them, all of them.
//
//   absl::StatusOr<std::vector<window::HeaderSample>> all = CapturePackets("tests/data/captures/x.pcap");
//   std::vector<window::HeaderSample> flood = ToOneTarget(*all);    // the busiest (host, vector)
#ifndef BREAKWATER_TESTS_FUSION_CAPTURE_PACKETS_H_
#define BREAKWATER_TESTS_FUSION_CAPTURE_PACKETS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/window/slot.h"

namespace breakwater::fusion {

absl::StatusOr<std::vector<window::HeaderSample>> CapturePackets(const std::string& path);
std::vector<window::HeaderSample> ToOneTarget(const std::vector<window::HeaderSample>& packets);

}  // namespace breakwater::fusion

#endif  // BREAKWATER_TESTS_FUSION_CAPTURE_PACKETS_H_
