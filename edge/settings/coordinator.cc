#include "edge/settings/coordinator.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/settings/common_settings.h"

namespace breakwater::settings {
namespace {

constexpr size_t kMaxAddress = 261;
constexpr uint64_t kMinQueue = uint64_t{1} << 20;
constexpr uint64_t kMaxQueue = uint64_t{1} << 30;

// A name or an IPv4 address, or an IPv6 address in brackets, and a port.
bool IsAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || text.size() > kMaxAddress) return false;
  const std::string host = text.substr(0, colon);
  const std::string port = text.substr(colon + 1);
  uint32_t number = 0;
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(port, &number) || number == 0 || number > 65535) {
    return false;
  }
  if (host.front() == '[') {
    return host.back() == ']' && host.find_first_not_of("0123456789abcdefABCDEF:.[]") == std::string::npos;
  }
  return host.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
         std::string::npos;
}

}  // namespace

std::optional<Coordinator> ReadCoordinator(const config::Value& value) {
  if (!value.present()) return std::nullopt;
  Coordinator c;
  config::Map map = value.AsMap();
  const config::Value addresses = map.Need("addresses");
  for (const config::Value& item : addresses.AsList()) {
    const std::string address = item.AsString();
    if (!IsAddress(address)) {
      item.Report(absl::StrCat("expected HOST:PORT like coordinator.example:7442, got \"", address, "\""));
    } else if (std::count(c.addresses.begin(), c.addresses.end(), address) > 0) {
      item.Report(absl::StrCat("the coordinator ", address, " is there twice"));
    } else {
      c.addresses.push_back(address);
    }
  }
  const size_t named = addresses.AsList().size();
  if (addresses.present() && (named == 0 || named > Coordinator::kMaxAddresses)) {
    addresses.Report(absl::StrCat("name 1 to ", Coordinator::kMaxAddresses, " coordinators, got ", named));
  }
  config::Map tls = map.Need("tls").AsMap();
  c.ca = ReadPath(tls.Need("ca"), "/");
  c.certificate = ReadPath(tls.Need("certificate"), "/");
  c.key = ReadPath(tls.Need("key"), "/");
  tls.Finish();
  const config::Value keys = map.Need("rule_keys");
  for (const config::Value& item : keys.AsList()) c.rule_keys.push_back(ReadPath(item, ""));
  if (keys.present() && (c.rule_keys.empty() || c.rule_keys.size() > Coordinator::kMaxRuleKeys)) {
    keys.Report(absl::StrCat("name 1 to ", Coordinator::kMaxRuleKeys, " public keys that may sign rules, got ",
                             c.rule_keys.size()));
  }
  c.queue_bytes = map.Get("queue").AsSize(c.queue_bytes, kMinQueue, kMaxQueue);
  c.reconnect_max = map.Get("reconnect_max").AsDuration(c.reconnect_max, absl::Milliseconds(200), absl::Minutes(10));
  map.Finish();
  return c;
}

}  // namespace breakwater::settings
