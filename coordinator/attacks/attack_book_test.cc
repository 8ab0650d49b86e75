#include "coordinator/attacks/attack_book.h"

#include "common/window/testing.h"
#include "common/window/window_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::attacks {
namespace {

using ::testing::HasSubstr;
using window::testing::HostTarget;
using window::testing::kStart;

v1::AttackReport Report(const std::string& id, absl::Duration detected, const std::string& state = "detected") {
  v1::AttackReport r;
  r.set_attack_id(id);
  *r.mutable_target() = window::TargetToProto(HostTarget(1));
  r.set_vector(BW_VECTOR_TCP_SYN);
  r.set_state(state);
  r.set_first_packet_unix_us(absl::ToUnixMicros(kStart + detected - absl::Milliseconds(300)));
  r.set_detected_unix_us(absl::ToUnixMicros(kStart + detected));
  r.set_threshold_pps(1000);
  r.set_peak_pps(4000);
  r.set_packets(1200);
  return r;
}

TEST(AttackBookTest, JoinsEdgesByTargetAndVector) {
  AttackBook book(AttackBookOptions{});
  book.OnReport("b", "us", Report("b-1", absl::Milliseconds(900)), kStart + absl::Seconds(1));
  book.OnReport("a", "eu", Report("a-1", absl::Milliseconds(400)), kStart + absl::Seconds(1));
  EXPECT_EQ(book.active(), 1u);
  const std::string id = book.JoinedId("a-1");
  EXPECT_FALSE(id.empty());
  EXPECT_EQ(book.JoinedId("b-1"), id);
  EXPECT_TRUE(book.Active(id));
  const absl::StatusOr<v1::AttackView> view = book.Get("b-1", kStart + absl::Seconds(1));
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->target(), "203.0.113.1");
  EXPECT_EQ(view->vector(), "tcp.syn");
  EXPECT_EQ(view->state(), "detected");
  EXPECT_EQ(view->detected_by(), "a");
  EXPECT_NEAR(view->first_packet_unix_s(), 1700000000.1, 1e-6);
  EXPECT_NEAR(view->detected_unix_s(), 1700000000.4, 1e-6);
  EXPECT_EQ(view->packets(), 2400);
  EXPECT_EQ(view->edges_size(), 2);
  ASSERT_EQ(view->timeline_size(), 3);
  EXPECT_EQ(view->timeline(0).kind(), "first_packet");
  EXPECT_EQ(view->timeline(1).edge(), "a");
  EXPECT_EQ(view->timeline(2).edge(), "b");
}

}  // namespace
}  // namespace breakwater::attacks
