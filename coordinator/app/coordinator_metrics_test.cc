#include "coordinator/app/coordinator_metrics.h"

#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::coordinator {
namespace {

using ::testing::HasSubstr;

TEST(CoordinatorMetrics, BringsCountersUpToWhatWasCounted) {
  metrics::Registry registry;
  CoordinatorMetrics m(registry);
  Counters counters;
  counters.windows = 7;
  m.Set(counters);
  m.Set(counters);
  EXPECT_THAT(registry.Text(), HasSubstr("breakwater_coordinator_windows_total 7\n"));
  v1::OverviewView overview;
  overview.set_edges_connected(3);
  overview.mutable_desired()->set_revision("12");
  m.Set(overview);
  EXPECT_THAT(registry.Text(), HasSubstr("breakwater_coordinator_edges_connected 3\n"));
  EXPECT_THAT(registry.Text(), HasSubstr("breakwater_coordinator_desired_revision 12\n"));
}

// Every metric that is exported is described in the reference with its type and labels, and no other.
TEST(CoordinatorMetrics, ReferenceIsComplete) {
  metrics::Registry registry;
  const CoordinatorMetrics m(registry);
  std::set<std::string> exported;
  for (const metrics::Description& d : registry.Describe()) {
    exported.insert(
        absl::StrCat("| `", d.name, "` | ", d.type, " | ", absl::StrJoin(d.labels, ", "), " | ", d.help, " |"));
  }
  std::set<std::string> documented;
  std::ifstream page("docs/reference/metrics.md");
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("| `breakwater_coordinator_")) documented.insert(line);
  }
  EXPECT_EQ(documented, exported) << absl::StrJoin(exported, "\n");
}

}  // namespace
}  // namespace breakwater::coordinator
