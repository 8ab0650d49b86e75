// A replay's result as text: JSON for programs, a page for people.
//
//   out << JsonText(result) << "\n";
//
// The keys of the JSON are a contract (docs/reference/replay.md): keys are added, never changed. Times are seconds of
// capture time, null for what didn't happen. Text that isn't UTF-8 (file names) is replaced, never refused.
#ifndef BREAKWATER_EDGE_REPLAY_REPORT_H_
#define BREAKWATER_EDGE_REPLAY_REPORT_H_

#include <string>

#include "edge/replay/result.h"

namespace breakwater::replay {

std::string JsonText(const Result& result);
std::string ReadableText(const Result& result);

}  // namespace breakwater::replay

#endif  // BREAKWATER_EDGE_REPLAY_REPORT_H_
