// All pages of a list as one view.
//
//   const auto view = AllPages(s, request, &AdminClient::ListRules, [](auto& v) { return v.mutable_rules(); });
//
// At most --limit items, or kMostItems; that there are more is said on err, and the view then has a cursor. Internal to this
// folder.
#ifndef BREAKWATER_COORDINATOR_CLI_PAGES_H_
#define BREAKWATER_COORDINATOR_CLI_PAGES_H_

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "coordinator/cli/session.h"

namespace breakwater::cli {

inline constexpr double kMostItems = 100000;
// Items asked for at once: a thousand rules with a thousand edges each are too large for one answer.
inline constexpr uint32_t kPage = 200;

// Asks page after page until the end or the limit. items is how to reach the list of a view.
template <typename Request, typename View, typename Items>
absl::StatusOr<View> AllPages(const Session& s, Request request,
                              absl::StatusOr<View> (AdminClient::*ask)(const Request&), Items items) {
  const auto limit = static_cast<int>(s.values.Number("--limit", kMostItems));
  View all;
  std::set<std::string> seen;
  while (true) {
    request.set_limit(std::min<uint32_t>(kPage, static_cast<uint32_t>(limit - items(all)->size())));
    absl::StatusOr<View> page = (s.client->*ask)(request);
    if (!page.ok()) return page;
    items(all)->MergeFrom(*items(*page));
    all.set_next_cursor(page->next_cursor());
    if (page->next_cursor().empty()) return all;
    if (items(all)->size() >= limit) break;
    // A coordinator that sends the same page for ever must not hold us for ever.
    if (items(*page)->empty() || !seen.insert(page->next_cursor()).second) {
      return absl::InternalError("the coordinator's list doesn't go on: it sent a page twice or an empty one");
    }
    request.set_cursor(page->next_cursor());
  }
  if (items(all)->size() > limit) items(all)->DeleteSubrange(limit, items(all)->size() - limit);
  s.console.err << "bwctl: there are more than these " << limit << "\n";
  return all;
}

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_PAGES_H_
