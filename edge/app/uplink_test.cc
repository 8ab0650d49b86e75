#include "edge/app/uplink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/fleet/session_wire.h"
#include "edge/app/host_load.h"

namespace breakwater::app {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);
const window::TargetVector kVictim{window::Target::Host(*net::IpAddress::Parse("203.0.113.7")), BW_VECTOR_TCP_SYN};

class FakePort : public link::Port {
 public:
  bool Offer(link::LinkEvent event) override {
    if (full) return false;
    offered.push_back(std::move(event));
    return true;
  }
  link::Inbox Take() override { return std::exchange(inbox, {}); }
  link::LinkView View() const override { return view; }

  template <typename T>
  std::vector<T> All() const {
    std::vector<T> all;
    for (const link::LinkEvent& event : offered) {
      if (const T* one = std::get_if<T>(&event)) all.push_back(*one);
    }
    return all;
  }

  bool full = false;
  std::vector<link::LinkEvent> offered;
  link::Inbox inbox;
  link::LinkView view;
};

window::Slot SlotAt(int index) {
  window::Slot slot;
  slot.start = kStart + window::kSlotLength * index;
  slot.traffic[kVictim] = {.packets = 30, .bytes = 1200};
  return slot;
}

TEST(UplinkTest, OneWindowASecondAndFiveWhileATargetIsSuspicious) {
  FakePort port;
  Uplink uplink(port, 7);
  for (int i = 0; i < 20; ++i) uplink.OnSlot(SlotAt(i), {}, {});
  EXPECT_EQ(port.All<window::Window>().size(), 2u);
  port.offered.clear();
  for (int i = 20; i < 30; ++i) uplink.OnSlot(SlotAt(i), {}, {kVictim});
  const std::vector<window::Window> windows = port.All<window::Window>();
  EXPECT_GE(windows.size(), 5u);
  EXPECT_LE(windows.size(), 6u);
  EXPECT_EQ(windows[0].reported_slots, 1u) << "the first slot goes off at once";
  uint64_t packets = 0;
  for (const window::Window& w : windows) {
    for (const window::Slot& slot : w.slots) packets += window::Totals(slot)[BW_VECTOR_TCP_SYN].packets;
  }
  EXPECT_EQ(packets, 300u);
}

TEST(UplinkTest, AGrantMakesATargetSuspiciousForItsTime) {
  FakePort port;
  Uplink uplink(port, 7);
  uplink.OnGrants({{{kVictim, kStart + absl::Milliseconds(600)}}});
  for (int i = 0; i < 20; ++i) uplink.OnSlot(SlotAt(i), {}, {});
  EXPECT_EQ(port.All<window::Window>().size(), 5u) << "at 0.1, 0.3 and 0.5 s, and the rest of both seconds";
}

TEST(UplinkTest, SlotsMoveByWholeSlotsAndNotBackAndForth) {
  FakePort port;
  Uplink uplink(port, 7);
  link::LinkView view;
  for (const int ms : {20, -30, 60, -60}) {
    view.clock_offset = absl::Milliseconds(ms);
    uplink.Follow(view, absl::ZeroDuration());
  }
  for (int i = 0; i < 10; ++i) uplink.OnSlot(SlotAt(i), {}, {});
  ASSERT_EQ(port.All<window::Window>().size(), 1u);
  EXPECT_EQ(port.All<window::Window>()[0].clock_offset, absl::ZeroDuration());
  view.clock_offset = absl::Milliseconds(1890);
  uplink.Follow(view, absl::ZeroDuration());
  for (int i = 10; i < 20; ++i) uplink.OnSlot(SlotAt(i), {}, {});
  EXPECT_EQ(port.All<window::Window>().back().clock_offset, absl::Milliseconds(1900));
}

TEST(UplinkTest, WhatIsOfferedKeepsTheBoundsOfTheWireAndAFullLinkOnlyCounts) {
  FakePort port;
  Uplink uplink(port, 7);
  detect::Attack attack;
  attack.id = "ams-1-5";
  attack.target = kVictim.target;
  attack.vector = kVictim.vector;
  attack.first_packet = attack.detected = kStart;
  attack.note = std::string(5000, 'n');
  attack.signatures.resize(20);
  for (size_t i = 0; i < attack.signatures.size(); ++i) attack.signatures[i].id = "s" + std::to_string(i);
  uplink.OnAttack(attack);
  ASSERT_EQ(port.All<v1::AttackReport>().size(), 1u);
  v1::EdgeMessage message;
  *message.mutable_attack_report() = port.All<v1::AttackReport>()[0];
  EXPECT_TRUE(fleet::CheckEdgeMessage(message).ok()) << fleet::CheckEdgeMessage(message);
  port.full = true;
  uplink.OnAttack(attack);
  EXPECT_EQ(uplink.lost(), 1u);
}

TEST(HostLoadTest, ReadsTheKernelsLineAndRefusesOthers) {
  const auto ticks = ParseCpuTicks("cpu  100 0 50 800 20 0 30 0 0 0\ncpu0 1 1 1 1 1 1 1 1\n");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->total, 1000u);
  EXPECT_EQ(ticks->idle, 820u);
  EXPECT_EQ(ticks->softirq, 30u);
  EXPECT_FALSE(ParseCpuTicks("intr 5 5 5"));
  EXPECT_FALSE(ParseCpuTicks("cpu 1 2 3"));
  EXPECT_FALSE(ParseCpuTicks(""));
  HostLoad nowhere("/nonexistent/stat", "/nonexistent/net");
  EXPECT_EQ(nowhere.Look({"eth0"}).receive_drops, 0u);
}

}  // namespace
}  // namespace breakwater::app
