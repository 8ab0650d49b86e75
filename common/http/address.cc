#include "common/http/address.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace breakwater::http {

absl::StatusOr<SocketAddress> ParseSocketAddress(std::string_view text) {
  const auto wrong = [&] {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected an address and a port like 127.0.0.1:9550 or [::1]:9550, got \"", std::string(text), "\""));
  };
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(host);
  uint32_t port = 0;
  if (!address.ok() || address->is_v4() == bracketed) return wrong();
  if (port_text.empty() || port_text.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(std::string(port_text), &port) || port > 65535) {
    return wrong();
  }
  return SocketAddress{*address, static_cast<uint16_t>(port)};
}

}  // namespace breakwater::http
