#include "coordinator/traffic/traffic_history.h"

#include <random>

#include "common/window/testing.h"
#include "common/window/window_builder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::traffic {
namespace {

using ::testing::HasSubstr;
using window::kSlotLength;
using window::Slot;
using window::Window;
using window::testing::HostTarget;

const absl::Time kStart = absl::FromUnixSeconds(1700000040);  // a whole minute

// So many packets of 100 bytes in each tenth, to a host that lies in a counted prefix.
Window Second(absl::Time start, uint64_t packets) {
  Window w;
  w.id = {7, 1, 1};
  w.start = start;
  for (int i = 0; i < window::kSlotsPerWindow; ++i) {
    Slot& s = w.slots.emplace_back();
    s.start = start + kSlotLength * i;
    s.traffic[{HostTarget(1), BW_VECTOR_TCP_SYN}] = {packets, packets * 100, packets / 2, packets * 50};
    s.traffic[{window::Target::Prefix(*net::IpPrefix::Parse("203.0.113.0/24")), BW_VECTOR_TCP_SYN}] = {
        packets, packets * 100, packets / 2, packets * 50};
  }
  return w;
}

v1::TrafficRequest Last(double seconds, const std::string& region = "") {
  v1::TrafficRequest r;
  r.set_last_s(seconds);
  r.set_region(region);
  return r;
}

TEST(TrafficHistoryTest, RatesOfEdgesRegionsAndAll) {
  TrafficHistory h(TrafficHistoryOptions{});
  h.OnWindow("a", "eu", Second(kStart, 10));
  h.OnWindow("b", "eu", Second(kStart, 20));
  h.OnWindow("c", "us", Second(kStart, 40));
  const absl::Time now = kStart + absl::Milliseconds(1100);
  EXPECT_EQ(h.EdgeRate("a", now).pps(), 100);
  EXPECT_EQ(h.EdgeRate("a", now).bps(), 80000);
  EXPECT_EQ(h.EdgeRate("a", now).dropped_pps(), 50);
  EXPECT_EQ(h.EdgeRate("a", now).dropped_bps(), 40000);
  EXPECT_EQ(h.RegionRate("eu", now).pps(), 300);
  EXPECT_EQ(h.TotalRate(now).pps(), 700);
  EXPECT_EQ(h.EdgeRate("unknown", now).pps(), 0);
  // Nothing heard for five seconds is no rate any more.
  EXPECT_EQ(h.TotalRate(kStart + absl::Seconds(6)).pps(), 700);
  EXPECT_EQ(h.TotalRate(kStart + absl::Seconds(7)).pps(), 0);
}

TEST(TrafficHistoryTest, AnEdgesSecondCountsOnceAllItsPartsCame) {
  TrafficHistory h(TrafficHistoryOptions{});
  h.OnWindow("a", "eu", Second(kStart, 10));
  window::WindowBuilder builder({}, 7);
  const Window next = Second(kStart + absl::Seconds(1), 30);
  for (size_t i = 0; i < 4; ++i) builder.AddSlot(next.slots[i], {}, {});
  h.OnWindow("a", "eu", *builder.Flush());
  const absl::Time now = kStart + absl::Milliseconds(1500);
  EXPECT_EQ(h.EdgeRate("a", now).pps(), 100);
  EXPECT_EQ(h.Get(Last(2), now)->points(1).pps(), 100);
  for (size_t i = 4; i < 10; ++i) {
    for (const Window& w : builder.AddSlot(next.slots[i], {}, {})) h.OnWindow("a", "eu", w);
  }
  EXPECT_EQ(h.EdgeRate("a", kStart + absl::Seconds(2)).pps(), 300);
  EXPECT_EQ(h.Get(Last(2), kStart + absl::Seconds(2))->points(1).pps(), 300);
}

TEST(TrafficHistoryTest, SeriesHaveGapsWhereNothingWasHeard) {
  TrafficHistory h(TrafficHistoryOptions{});
  h.OnWindow("a", "eu", Second(kStart, 10));
  h.OnWindow("a", "eu", Second(kStart + absl::Seconds(2), 0));
  h.OnWindow("b", "us", Second(kStart + absl::Seconds(2), 5));
  const absl::Time now = kStart + absl::Seconds(3);
  absl::StatusOr<v1::TrafficView> view = h.Get(Last(4), now);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->start_unix_s(), 1700000039);
  EXPECT_EQ(view->step_s(), 1);
  ASSERT_EQ(view->points_size(), 4);
  EXPECT_FALSE(view->points(0).known());
  EXPECT_EQ(view->points(1).pps(), 100);
  EXPECT_FALSE(view->points(2).known());
  EXPECT_TRUE(view->points(3).known());
  EXPECT_EQ(view->points(3).pps(), 50);
  EXPECT_EQ(h.Get(Last(4, "eu"), now)->points(3).pps(), 0);
  EXPECT_TRUE(h.Get(Last(4, "eu"), now)->points(3).known());
  EXPECT_THAT(std::string(h.Get(Last(4, "mars"), now).status().message()), HasSubstr("mars"));
  for (const double bad : {0.5, -1.0, 3e6, std::nan("")}) {
    EXPECT_EQ(h.Get(Last(bad), now).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
  EXPECT_EQ(h.Get(Last(0), now)->points_size(), 300);
  EXPECT_EQ(h.Get(Last(900), now)->points_size(), 900);
  EXPECT_EQ(h.Get(Last(3600), now)->step_s(), 60);
  EXPECT_EQ(h.Get(Last(86400), now)->points_size(), 1440);
  EXPECT_EQ(h.Get(Last(2592000), now)->points_size(), 720);
  // A minute that is under way is a rate of what there was of it.
  EXPECT_NEAR(h.Get(Last(3600), now)->points(59).pps(), 150.0 / 3, 0.001);
}

TEST(TrafficHistoryTest, LateAndLongWindowsAmendWhatIsThere) {
  TrafficHistory h(TrafficHistoryOptions{});
  const absl::Time now = kStart + absl::Seconds(30);
  for (int s = 0; s < 30; ++s) h.OnWindow("a", "eu", Second(kStart + absl::Seconds(s), 10));
  // Sixteen seconds in one window: slots of 1.6 s that lie across seconds.
  Window w = Second(kStart, 7);
  for (int doubling = 0; doubling < 4; ++doubling) {
    Window next = w;
    next.start = w.end();
    for (Slot& s : next.slots) s.start += next.start - w.start;
    absl::StatusOr<Window> both = window::MergeAdjacent(w, next, {});
    ASSERT_TRUE(both.ok()) << both.status();
    w = *std::move(both);
  }
  h.OnWindow("b", "us", w);
  double sum = 0;
  const absl::StatusOr<v1::TrafficView> us = h.Get(Last(28, "us"), now);  // b is behind: all but the last moments
  for (const v1::TrafficPoint& p : us->points()) sum += p.pps();
  EXPECT_EQ(sum, 16 * 70);
  EXPECT_EQ(us->points(0).pps(), 70);
  EXPECT_NEAR(us->points(7).pps(), 70, 1);
  EXPECT_FALSE(us->points(16).known());
  EXPECT_NEAR(h.Get(Last(30), now)->points(7).pps(), 170, 1);
}

TEST(TrafficHistoryTest, IsAsItWasAfterARestart) {
  const uint64_t seed = 9;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::unique_ptr<store::Store> store = store::MakeMemoryStore();
  TrafficHistory before(TrafficHistoryOptions{});
  absl::Time now = kStart;
  for (int s = 0; s < 200; ++s) {
    now = kStart + absl::Seconds(s + 1);
    before.OnWindow("a", "eu", Second(kStart + absl::Seconds(s), random() % 100));
    before.OnWindow("b", "us", Second(kStart + absl::Seconds(s), random() % 100));
    ASSERT_TRUE(store->Commit(before.TakeWrites(now)).ok());
  }
  EXPECT_TRUE(before.TakeWrites(now).empty());
  TrafficHistory after(TrafficHistoryOptions{});
  ASSERT_TRUE(after.Restore(*store, now).ok());
  for (const char* region : {"", "eu", "us"}) {
    const absl::StatusOr<v1::TrafficView> b = before.Get(Last(1200, region), now);
    const absl::StatusOr<v1::TrafficView> a = after.Get(Last(1200, region), now);
    ASSERT_TRUE(a.ok()) << a.status();
    // The last minute is under way; how far, only the windows of this run can tell.
    for (int i = 0; i + 1 < b->points_size(); ++i) {
      EXPECT_EQ(a->points(i).known(), b->points(i).known());
      EXPECT_EQ(a->points(i).pps(), b->points(i).pps());
    }
  }
  // A day later the minutes are gone, from the store as well; the hour stays.
  now += absl::Hours(25);
  ASSERT_TRUE(store->Commit(after.TakeWrites(now)).ok());
  std::vector<std::string> keys;
  ASSERT_TRUE(store
                  ->Scan("traffic/", "",
                         [&](std::string_view key, std::string_view) {
                           keys.emplace_back(key);
                           return true;
                         })
                  .ok());
  EXPECT_THAT(keys, ::testing::ElementsAre("traffic/h/eu/1699999200", "traffic/h/us/1699999200"));
}

TEST(TrafficHistoryTest, BrokenRowsAreNamedAndTheOthersStay) {
  std::unique_ptr<store::Store> store = store::MakeMemoryStore();
  ASSERT_TRUE(store
                  ->Commit({store::Put("traffic/m/eu/1700000040", "1 60 6000 0 0"), store::Put("traffic/m/eu/17x", "1"),
                            store::Put("traffic/q/eu/1700000040", "1 1 1 1 1")})
                  .ok());
  TrafficHistory h(TrafficHistoryOptions{});
  const absl::Status s = h.Restore(*store, kStart + absl::Minutes(1));
  EXPECT_EQ(s.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(s.message()), HasSubstr("17x"));
  h.OnWindow("a", "eu", Second(kStart + absl::Seconds(60), 1));
  EXPECT_EQ(h.Get(Last(1200, "eu"), kStart + absl::Seconds(61))->points(18).pps(), 1);
}

TEST(TrafficHistoryTest, RegionsAndEdgesAreBounded) {
  TrafficHistory h(TrafficHistoryOptions{.max_regions = 2, .max_edges = 2});
  for (const char* name : {"a", "b", "c"}) h.OnWindow(name, name, Second(kStart, 10));
  const absl::Time now = kStart + absl::Seconds(1);
  EXPECT_FALSE(h.Get(Last(1, "c"), now).ok());
  EXPECT_EQ(h.EdgeRate("c", now).pps(), 0);
  EXPECT_EQ(h.Get(Last(1), now)->points(0).pps(), 300);
}

}  // namespace
}  // namespace breakwater::traffic
