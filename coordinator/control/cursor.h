// Pages of a list: where one begins and ends, and the cursor of the next.
//
//   const Page page = PageOf(request.cursor(), request.limit(), list.size());
//   for (size_t i = page.begin; i < page.end; ++i) ...
//
// A cursor is a position: what is added or removed before it while someone turns pages is seen twice or not. Pure.
#ifndef BREAKWATER_COORDINATOR_CONTROL_CURSOR_H_
#define BREAKWATER_COORDINATOR_CONTROL_CURSOR_H_

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace breakwater::coordinator {

struct Page {
  size_t begin = 0;
  size_t end = 0;
  std::string next;  // empty at the end
};

// limit 1..1000; 0 = 100. What isn't a cursor is the beginning.
inline Page PageOf(std::string_view cursor, uint32_t limit, size_t size) {
  constexpr uint32_t kDefault = 100;
  constexpr uint32_t kMost = 1000;
  size_t begin = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), begin);
  if (error != std::errc() || end != cursor.data() + cursor.size()) begin = 0;
  Page page;
  page.begin = std::min(begin, size);
  page.end = std::min(size, page.begin + std::min(limit == 0 ? kDefault : limit, kMost));
  if (page.end < size) page.next = std::to_string(page.end);
  return page;
}

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_CONTROL_CURSOR_H_
