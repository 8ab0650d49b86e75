// The coordinator's views as text for a terminal: one function for each page that bwctl shows.
//
//   out << EdgesText(view, now_unix_s, style);
//
// Whatever the views hold, the text is printable; see text.h. Pure and thread-safe.
#ifndef BREAKWATER_COORDINATOR_CLI_RENDER_H_
#define BREAKWATER_COORDINATOR_CLI_RENDER_H_

#include <string>

#include "breakwater/v1/admin.pb.h"
#include "coordinator/cli/table.h"

namespace breakwater::cli {

// active: the attacks to show below, possibly none.
std::string OverviewText(const v1::OverviewView& view, const v1::AttacksView& active, const Style& style);
std::string EdgesText(const v1::EdgesView& view, double now_unix_s, const Style& style);
std::string EdgeText(const v1::EdgeView& edge, double now_unix_s, const Style& style);
std::string AttacksText(const v1::AttacksView& view, const Style& style);
// With the timeline as offsets from the first packet, and a row for each edge.
std::string AttackText(const v1::AttackView& attack, const Style& style);
std::string RulesText(const v1::RulesView& view, double now_unix_s, const Style& style);
std::string RuleText(const v1::RuleView& rule, double now_unix_s, const Style& style);
// At most some twenty rows, each the mean of its known points; wide: every point.
std::string TrafficText(const v1::TrafficView& view, const Style& style);
std::string ExplainText(const v1::ExplainIpView& view, double now_unix_s, const Style& style);

// "drop ip.src == 192.0.2.0/24 (operator, enforce)": a rule in a sentence.
std::string RulePhrase(const v1::RuleView& rule);
// Edges that have it in their packet filter.
int InstalledEdges(const v1::RuleView& rule);

}  // namespace breakwater::cli

#endif  // BREAKWATER_COORDINATOR_CLI_RENDER_H_
