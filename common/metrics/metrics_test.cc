#include "common/metrics/metrics.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::metrics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Registry, TextHasHelpTypeLabelsAndValues) {
  Registry r;
  r.AddCounter("app_packets_total", "Packets by verdict", {{"verdict", "drop"}}).Add(3);
  r.AddCounter("app_packets_total", "Packets by verdict", {{"verdict", "pass"}}).Add();
  r.AddGauge("app_ready", "1 when ready").Set(1);
  Histogram h = r.AddHistogram("app_step_seconds", "Time of a step", {0.1, 1});
  h.Observe(0.05);
  h.Observe(5);
  const std::string text = r.Text();
  EXPECT_THAT(text, HasSubstr("# HELP app_packets_total Packets by verdict\n# TYPE app_packets_total counter\n"));
  EXPECT_THAT(text, HasSubstr("app_packets_total{verdict=\"drop\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("app_packets_total{verdict=\"pass\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE app_ready gauge\napp_ready 1\n"));
  EXPECT_THAT(text, HasSubstr("app_step_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("app_step_seconds_bucket{le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("app_step_seconds_count 2\n"));
}

TEST(Registry, SameNameAndLabelsIsTheSameMetric) {
  Registry r;
  r.AddCounter("app_a_total", "A").Add(1);
  r.AddCounter("app_a_total", "A").Add(1);
  EXPECT_EQ(r.AddCounter("app_a_total", "A").Value(), 2);
}

TEST(Registry, LabelValuesAreEscaped) {
  Registry r;
  r.AddGauge("app_g", "G", {{"l", "a\"b\nc"}}).Set(1);
  EXPECT_THAT(r.Text(), HasSubstr(R"(app_g{l="a\"b\nc"} 1)"));
}

TEST(Registry, DescribesWhatIsExported) {
  Registry r;
  r.AddGauge("app_z", "Last");
  r.AddCounter("app_a_total", "First", {{"x", "1"}, {"b", "2"}});
  const std::vector<Description> d = r.Describe();
  ASSERT_EQ(d.size(), 2u);
  EXPECT_EQ(d[0].name, "app_a_total");
  EXPECT_EQ(d[0].type, "counter");
  EXPECT_THAT(d[0].labels, ElementsAre("b", "x"));
  EXPECT_EQ(d[1].help, "Last");
}

TEST(RegistryDeathTest, MisuseEndsTheProcess) {
  Registry r;
  r.AddCounter("app_a_total", "A");
  EXPECT_DEATH(r.AddGauge("app_a_total", "A"), "another type");
  EXPECT_DEATH(r.AddCounter("app_a_total", "B"), "another help");
  EXPECT_DEATH(r.AddCounter("not a name", "A"), "not a name");
}

}  // namespace
}  // namespace breakwater::metrics
