#include "common/service/pages.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/service/version.h"
#include "nlohmann/json.hpp"

namespace breakwater::service {

http::Response HealthzPage(const Health& health) {
  const bool alive = health.Read().alive;
  return http::Text(alive ? 200 : 503, alive ? "ok\n" : "the control strand has stopped\n");
}

http::Response ReadyzPage(const Health& health, const http::Request& request) {
  const Health::Report report = health.Read();
  const int code = report.ready ? 200 : 503;
  std::string text;
  const bool verbose = http::HasQueryKey(request.query, "verbose");
  for (const Health::Check& check : report.checks) {
    if (!check.ok || verbose) absl::StrAppend(&text, check.ok ? "[+] " : "[-] ", check.name, ": ", check.detail, "\n");
  }
  if (verbose) {
    for (const std::string& note : report.notes) absl::StrAppend(&text, "[!] ", note, "\n");
  }
  absl::StrAppend(&text, report.ready ? "ready\n" : "not ready\n");
  return http::Text(code, std::move(text));
}

http::Response VersionPage() {
  return http::Json(200, nlohmann::ordered_json{{"version", Version()}, {"revision", Revision()}}.dump(2) + "\n");
}

}  // namespace breakwater::service
