#include "coordinator/api/pages.h"

#include <string>
#include <string_view>

#include "coordinator/dashboard/assets.h"

namespace breakwater::api {
namespace {

constexpr std::string_view kRevalidate = "no-cache";
constexpr std::string_view kForEver = "public, max-age=31536000, immutable";

// Whether a list of entity tags (RFC 9110) holds this one or "*".
bool HasTag(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view tag = list.substr(0, comma);
    while (!tag.empty() && tag.front() == ' ') tag.remove_prefix(1);
    while (!tag.empty() && tag.back() == ' ') tag.remove_suffix(1);
    if (tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag || tag == "*") return true;
    if (comma == std::string_view::npos) return false;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// Whether gzip is among the codings, and not with q=0. Without the header anything goes.
bool TakesGzip(std::string_view accept) {
  if (accept.empty()) return true;
  while (!accept.empty()) {
    const size_t comma = accept.find(',');
    std::string coding;
    for (const char c : accept.substr(0, comma)) {
      if (c != ' ') coding += c;
    }
    const std::string name = coding.substr(0, coding.find(';'));
    const bool refused = coding.ends_with(";q=0") || coding.find(";q=0.0") != std::string::npos;
    if ((name == "gzip" || name == "x-gzip" || name == "*") && !refused) return true;
    if (comma == std::string_view::npos) return false;
    accept.remove_prefix(comma + 1);
  }
  return false;
}

http::Response Serve(const dashboard::Asset& asset, const http::Request& request) {
  http::Response response;
  if (!TakesGzip(request.Header("accept-encoding"))) {
    response = http::Problem(406, "this file is stored gzipped, and the request takes no gzip", "needs_gzip",
                             "send Accept-Encoding: gzip");
    return response;
  }
  response.content_type = std::string(asset.content_type);
  response.headers = {{"ETag", std::string(asset.etag)},
                      {"Cache-Control", std::string(asset.immutable ? kForEver : kRevalidate)},
                      {"Vary", "Accept-Encoding"}};
  if (HasTag(request.Header("if-none-match"), asset.etag)) {
    response.status = 304;
    return response;
  }
  response.headers.emplace_back("Content-Encoding", "gzip");
  response.static_body = asset.gzip;
  return response;
}

}  // namespace

void AddPages(http::Router& router) {
  for (const dashboard::Asset& asset : dashboard::Assets()) {
    router.Get(std::string(asset.path), [&asset](const http::Request& request) { return Serve(asset, request); });
  }
}

void AddSecurityHeaders(const http::Request&, http::Response& response) {
  response.headers.emplace_back("Content-Security-Policy", std::string(dashboard::kContentSecurityPolicy));
  response.headers.emplace_back("Referrer-Policy", "no-referrer");
  response.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
  response.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
  response.headers.emplace_back("X-Frame-Options", "DENY");
}

}  // namespace breakwater::api
