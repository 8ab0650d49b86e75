// The dashboard's files, built into the program: what the coordinator answers to GET with these paths.
//
//   for (const dashboard::Asset& a : dashboard::Assets()) router.Get(a.path, Serve(a));
//
// Everything is stored gzipped only (Content-Encoding: gzip). The page keeps what it shows behind the "#" of its address, so
// these paths are all there are. All data has static storage; thread-safe.
#ifndef BREAKWATER_COORDINATOR_DASHBOARD_ASSETS_H_
#define BREAKWATER_COORDINATOR_DASHBOARD_ASSETS_H_

#include <span>
#include <string_view>

namespace breakwater::dashboard {

struct Asset {
  std::string_view path;          // "/" for the page itself, "/assets/index-3f9c01ab.js"
  std::string_view content_type;  // "text/html; charset=utf-8"
  std::string_view etag;          // with its quotes
  std::string_view gzip;          // the body
  bool immutable = false;  // its path names its content: it may be cached for ever; all others are to be revalidated
};

std::span<const Asset> Assets();

// The headers that every answer of these assets must carry. The page is tested under exactly this policy.
inline constexpr std::string_view kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

}  // namespace breakwater::dashboard

#endif  // BREAKWATER_COORDINATOR_DASHBOARD_ASSETS_H_
