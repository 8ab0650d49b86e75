#include "edge/settings/service.h"

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/units.h"

namespace breakwater::settings {
namespace {

constexpr uint8_t kIcmp = 1;
constexpr uint8_t kIcmp6 = 58;
constexpr uint64_t kEssentialCap = 1000;  // packets per second

struct Protocol {
  std::string_view name;
  uint8_t number;
};
constexpr Protocol kProtocols[] = {{"tcp", 6},  {"udp", 17}, {"sctp", 132}, {"gre", 47},
                                   {"esp", 50}, {"ah", 51},  {"ipip", 4}};

// Decimal digits alone; SimpleAtoi would also take signs and spaces.
std::optional<uint16_t> ParsePort(std::string_view text) {
  uint32_t value = 0;
  if (text.empty() || text.size() > 5 || text.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(std::string(text), &value) || value > 65535) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(value);
}

// The part before the rate: "tcp/80-90", "icmp echo", "all".
std::optional<datapath::Service> ParseWhat(std::string_view what, bool v4) {
  datapath::Service service;
  if (what == "all") return service;
  const uint8_t icmp = v4 ? kIcmp : kIcmp6;
  if (what == "icmp echo") {
    service.protocol = icmp;
    service.port_lo = service.port_hi = v4 ? 8 : 128;
    return service;
  }
  const size_t slash = what.find('/');
  const std::string_view name = what.substr(0, slash);
  std::string_view range = slash == std::string_view::npos ? "" : what.substr(slash + 1);
  if (slash != std::string_view::npos && range.empty()) return std::nullopt;
  if (name == "ip") {
    const std::optional<uint16_t> number = ParsePort(range);
    if (!number || *number == 0 || *number > 255) return std::nullopt;
    service.protocol = static_cast<uint8_t>(*number);
    return service;
  }
  if (name == "icmp") service.protocol = icmp;
  for (const Protocol& protocol : kProtocols) {
    if (name == protocol.name) service.protocol = protocol.number;
  }
  if (service.protocol == 0) return std::nullopt;
  if (range.empty()) return service;
  const bool has_ports = service.protocol == 6 || service.protocol == 17 || service.protocol == icmp;
  const size_t dash = range.find('-');
  const std::optional<uint16_t> lo = ParsePort(range.substr(0, dash));
  const std::optional<uint16_t> hi = dash == std::string_view::npos ? lo : ParsePort(range.substr(dash + 1));
  if (!has_ports || !lo || !hi || *lo > *hi) return std::nullopt;
  if (service.protocol == icmp && *hi > 255) return std::nullopt;
  service.port_lo = *lo;
  service.port_hi = *hi;
  return service;
}

}  // namespace

absl::StatusOr<datapath::Service> ParseService(std::string_view text, bool v4) {
  std::string_view what = text;
  std::optional<config::Rate> cap;
  if (const size_t space = text.rfind(' '); space != std::string_view::npos) {
    const absl::StatusOr<config::Rate> rate = config::ParseRate(text.substr(space + 1));
    if (rate.ok()) {
      cap = *rate;
      what = text.substr(0, space);
    }
  }
  std::optional<datapath::Service> service = ParseWhat(what, v4);
  if (!service) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a service like tcp/443, udp/27015-27030, icmp echo 100pps, gre, ip/47 or all, got \"",
                     std::string(text), "\""));
  }
  if (cap) {
    if (cap->unit != config::RateUnit::kPackets || cap->per_second == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("the cap of a service is a packet rate over 0 like 500pps, got \"", std::string(text), "\""));
    }
    service->cap_pps = cap->per_second;
  }
  return *service;
}

std::vector<datapath::Service> EssentialServices(bool v4) {
  if (v4) return {{.protocol = kIcmp, .port_lo = 3, .port_hi = 3, .cap_pps = kEssentialCap}};
  return {{.protocol = kIcmp6, .port_lo = 2, .port_hi = 2, .cap_pps = kEssentialCap},
          {.protocol = kIcmp6, .port_lo = 133, .port_hi = 137, .cap_pps = kEssentialCap}};
}

std::string ServiceText(const datapath::Service& service) {
  std::string text = "all";
  if (service.protocol != 0) {
    text = service.protocol == kIcmp || service.protocol == kIcmp6 ? "icmp" : absl::StrCat("ip/", service.protocol);
    for (const Protocol& protocol : kProtocols) {
      if (service.protocol == protocol.number) text = protocol.name;
    }
    if (service.port_lo != 0 || service.port_hi != 65535) {
      absl::StrAppend(&text, "/", service.port_lo);
      if (service.port_hi != service.port_lo) absl::StrAppend(&text, "-", service.port_hi);
    }
  }
  if (service.cap_pps != 0)
    absl::StrAppend(&text, " ", config::RateText({service.cap_pps, config::RateUnit::kPackets}));
  return text;
}

}  // namespace breakwater::settings
