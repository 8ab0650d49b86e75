// The dashboard's files over HTTP, and the headers that keep a browser strict about all that this listener answers.
//
//   AddPages(router);                                  // "/", "/assets/…"
//   router.Decorate(AddSecurityHeaders);
#ifndef BREAKWATER_COORDINATOR_API_PAGES_H_
#define BREAKWATER_COORDINATOR_API_PAGES_H_

#include "common/http/http.h"

namespace breakwater::api {

// Gzipped only; with ETag, 304 to who has it, and for ever in the cache where the path names the content.
void AddPages(http::Router& router);

void AddSecurityHeaders(const http::Request& request, http::Response& response);

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_PAGES_H_
