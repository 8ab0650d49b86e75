// The real step against edges that come, go and crash, a coordinator that crashes with commits under way, a disk that fills
// up, and messages that wait: whatever happened, every edge ends with what it shall have, nothing that was acknowledged is
// lost, and what edges counted is counted once.
#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "coordinator/control/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace breakwater::coordinator {
namespace {

// An edge's telemetry: windows are kept until they are acknowledged, and sent again on every new stream.
class Telemetry {
 public:
  Telemetry(Harness& h, FakeEdge& edge) : h_(h), edge_(edge) {}

  SessionId stream() const { return stream_; }
  void Connect() {
    if (stream_ != 0) h_.Step(TelemetryDisconnected{stream_});
    stream_ = h_.NewSession();
    h_.Step(TelemetryConnected{stream_, edge_.identity()});
    if (h_.CloseOf(stream_).has_value()) stream_ = 0;
    for (const window::Window& w : waiting_) Send(w);
  }
  void Gone() { stream_ = 0; }
  void Measure(uint64_t packets) {
    window::Window w;
    w.id = {edge_.boot(), next_, next_};
    ++next_;
    w.start = absl::FromUnixSeconds(absl::ToUnixSeconds(h_.now()) - 1);
    for (int i = 0; i < window::kSlotsPerWindow; ++i) {
      window::Slot slot;
      slot.start = w.start + window::kSlotLength * i;
      slot.rules["counted"] = {.matched_packets = packets};
      w.slots.push_back(std::move(slot));
    }
    sent_ += packets * window::kSlotsPerWindow;
    waiting_.push_back(w);
    Send(w);
  }
  void On(const v1::TelemetryDown& down) {
    if (down.ack().boot_id() != edge_.boot()) return;
    while (!waiting_.empty() && waiting_.front().id.last_sequence <= down.ack().through_sequence())
      waiting_.pop_front();
  }
  // What wasn't acknowledged is gone with the process, counted or not.
  void Reboot() {
    for (const window::Window& w : waiting_) unsure_ += 10 * w.slots[0].rules.at("counted").matched_packets;
    waiting_.clear();
    next_ = 1;
    stream_ = 0;
  }
  size_t waiting() const { return waiting_.size(); }
  uint64_t sent() const { return sent_; }
  uint64_t unsure() const { return unsure_; }

 private:
  void Send(const window::Window& w) {
    if (stream_ != 0) h_.Step(WindowsArrived{stream_, {w}, 100});
    if (stream_ != 0 && h_.CloseOf(stream_).has_value()) stream_ = 0;
  }

  Harness& h_;
  FakeEdge& edge_;
  SessionId stream_ = 0;
  uint64_t next_ = 1;
  std::deque<window::Window> waiting_;
  uint64_t sent_ = 0;
  uint64_t unsure_ = 0;
};

constexpr int kSeeds = 40;
constexpr int kSteps = 400;

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed), h_(SettingsOf()) {
    h_.Start();
    for (int i = 0; i < 6; ++i) {
      edges_.push_back(&h_.AddEdge("region-" + std::to_string(i % 3), "edge-" + std::to_string(i)));
      telemetry_.emplace_back(h_, *edges_.back());
    }
    v1::CreateRuleRequest counted;
    counted.set_id("counted");
    counted.set_match("ip.src == 198.51.100.250");
    EXPECT_TRUE(h_.Ask(counted).ok());
  }

  void Run() {
    for (int i = 0; i < kSteps; ++i) {
      if (h_.running()) {
        OneThing();
      } else if (Chance(30)) {
        h_.Start();
      }
      TakeReplies();
      TakeAcknowledgements();
    }
  }

  // The world calms down.
  void Settle() {
    h_.store().FailCommits(absl::OkStatus());
    if (!h_.running()) h_.Start();
    h_.HoldCommits(false);
    h_.HoldMessages(false);
    h_.DeliverAll();
    for (FakeEdge* edge : edges_) {
      if (!h_.connected(*edge)) h_.Connect(*edge, "ipv4:192.0.2." + edge->identity().id.substr(5) + ":1");
    }
    h_.Advance(absl::Seconds(3));
    for (Telemetry& telemetry : telemetry_) {
      TakeAcknowledgements();
      telemetry.Connect();
    }
    h_.Advance(absl::Seconds(12));
    h_.DeliverAll();
    TakeReplies();
    TakeAcknowledgements();
  }

  void Check() {
    for (FakeEdge* edge : edges_) {
      ASSERT_TRUE(h_.connected(*edge)) << edge->identity().id;
      std::set<std::string> has;
      for (const auto& [id, bytes] : edge->rules()) has.insert(id);
      EXPECT_EQ(has, h_.Wanted(*edge)) << edge->identity().id;
      EXPECT_THAT(edge->complaints(), ::testing::IsEmpty()) << edge->identity().id;
      const auto view = h_.control().Edge(edge->identity().id, h_.now());
      ASSERT_TRUE(view.ok());
      EXPECT_FALSE(view->behind()) << edge->identity().id;
    }
    const auto counted = h_.control().Rule("counted", h_.now());
    ASSERT_TRUE(counted.ok());
    ASSERT_EQ(counted->edges_size(), static_cast<int>(edges_.size()));
    for (size_t i = 0; i < edges_.size(); ++i) {
      const double matched = counted->edges(static_cast<int>(i)).matched_packets();
      EXPECT_EQ(telemetry_[i].waiting(), 0u) << "windows of edge " << i << " that nobody acknowledged";
      EXPECT_LE(matched, static_cast<double>(telemetry_[i].sent())) << "counted twice: edge " << i;
      EXPECT_GE(matched, static_cast<double>(telemetry_[i].sent() - telemetry_[i].unsure())) << "lost: edge " << i;
    }
    size_t known = 0;
    for (const auto& [id, there] : rules_) {
      if (!there.has_value()) continue;
      ++known;
      EXPECT_EQ(h_.control().Rule(id, h_.now()).ok(), *there) << id;
    }
    EXPECT_GT(known, 0u) << "the run acknowledged nothing";
    EXPECT_TRUE(pending_.empty());
  }

 private:
  struct Asked {
    std::string id;
    std::optional<bool> before;
    bool after;
  };

  static Settings SettingsOf() {
    Settings settings;
    settings.max_automatic_rules = 8;
    return settings;
  }
  uint64_t Below(uint64_t n) { return random_() % n; }
  bool Chance(int percent) { return Below(100) < static_cast<uint64_t>(percent); }
  FakeEdge& AnyEdge() { return *edges_[Below(edges_.size())]; }
  Telemetry& TelemetryOf(const FakeEdge& edge) {
    const auto it = std::find(edges_.begin(), edges_.end(), &edge);
    return telemetry_[static_cast<size_t>(it - edges_.begin())];
  }

  void Asks(std::string id, bool after, Command::Request request) {
    const std::optional<bool> before = rules_.contains(id) ? rules_[id] : false;
    rules_[id] = std::nullopt;
    const uint64_t number = std::visit([&](auto& r) { return h_.Send(std::move(r)); }, request);
    pending_[number] = {std::move(id), before, after};
  }

  void TakeAcknowledgements() {
    for (const SendTelemetry& sent : h_.TakeTelemetryByStream()) {
      for (Telemetry& telemetry : telemetry_) {
        if (telemetry.stream() == sent.stream) telemetry.On(sent.message);
      }
    }
  }

  void TakeReplies() {
    for (auto it = pending_.begin(); it != pending_.end();) {
      if (!h_.replied(it->first)) {
        ++it;
        continue;
      }
      const absl::Status status = h_.TakeReply(it->first).status();
      const Asked& asked = it->second;
      // An error says that nothing was changed; AlreadyExists and NotFound say what is there.
      if (status.ok()) {
        rules_[asked.id] = asked.after;
      } else if (absl::IsAlreadyExists(status)) {
        rules_[asked.id] = true;
      } else if (absl::IsNotFound(status)) {
        rules_[asked.id] = false;
      } else {
        rules_[asked.id] = asked.before;
      }
      it = pending_.erase(it);
    }
  }

  void Create() {
    v1::CreateRuleRequest request;
    request.set_id("op-" + std::to_string(Below(30)));
    request.set_match("ip.src == 198.51.100." + std::to_string(Below(200)) + " and ip.dst == 203.0.113.7");
    if (Chance(30)) request.add_scope_regions("region-" + std::to_string(Below(4)));
    if (Chance(20)) request.add_scope_edges("edge-" + std::to_string(Below(7)));
    if (Waits(request.id())) return;
    std::string id = request.id();
    Asks(std::move(id), true, std::move(request));
  }

  void Remove() {
    v1::DeleteRuleRequest request;
    request.set_id("op-" + std::to_string(Below(30)));
    if (Waits(request.id())) return;
    std::string id = request.id();
    Asks(std::move(id), false, std::move(request));
  }

  // One question about a rule at a time, or an answer wouldn't say what is there.
  bool Waits(const std::string& id) const {
    return std::any_of(pending_.begin(), pending_.end(), [&](const auto& p) { return p.second.id == id; });
  }

  void Find() {
    FakeEdge& edge = AnyEdge();
    if (!h_.connected(edge)) return;
    v1::EdgeMessage message;
    v1::LocalRule& local = *message.mutable_local_rule();
    const std::string n = std::to_string(Below(20));
    local.mutable_rule()->set_id(edge.identity().id + "-s" + n);
    local.mutable_rule()->set_origin(v1::RULE_ORIGIN_EDGE_DETECTOR);
    local.mutable_rule()->mutable_scope()->add_prefixes("203.0.113.0/24");
    local.mutable_rule()->set_match("ip.dst == 203.0.113." + n + " and udp.srcport == 53");
    local.mutable_rule()->mutable_action()->set_kind(v1::ACTION_KIND_DROP);
    local.mutable_rule()->set_mode(v1::RULE_MODE_ENFORCE);
    local.mutable_rule()->set_priority(2000);
    local.mutable_rule()->set_expires_unix_ms(absl::ToUnixMillis(h_.now() + absl::Minutes(1)));
    local.mutable_rule()->set_attack_id("a-" + n);
    local.set_attack_id("a-" + n);
    local.set_removed(Chance(20));
    local.set_threshold_pps(1000);
    local.mutable_target()->set_address(std::string("\xcb\x00\x71\x07", 4));
    local.mutable_target()->set_length(32);
    h_.Say(edge, std::move(message));
  }

  void OneThing() {
    FakeEdge& edge = AnyEdge();
    switch (Below(19)) {
      case 0:
      case 1:
        if (!h_.connected(edge)) h_.Connect(edge, "ipv4:192.0.2." + edge.identity().id.substr(5) + ":1");
        return;
      case 2:
        if (Chance(40)) h_.Disconnect(edge);
        return;
      case 3:
        if (!Chance(30)) return;
        // An edge crashes, some with their disk; the coordinator may not have heard of the end of its session.
        if (Chance(50)) h_.Disconnect(edge);
        if (Chance(20)) edge.LoseState();
        TakeAcknowledgements();
        TelemetryOf(edge).Reboot();
        edge.Reboot(1000 + random_());
        h_.Connect(edge, "ipv4:192.0.2." + edge.identity().id.substr(5) + ":2");
        return;
      case 4:
        if (!Chance(10)) return;
        TakeReplies();
        TakeAcknowledgements();
        h_.Crash(Below(h_.held_commits() + 1));
        for (Telemetry& telemetry : telemetry_) telemetry.Gone();
        pending_.clear();
        return;
      case 5:
        h_.HoldCommits(Chance(50));
        return;
      case 6:
        h_.FinishCommit();
        return;
      case 7:
        h_.store().FailCommits(Chance(30) ? absl::ResourceExhaustedError("the disk is full") : absl::OkStatus());
        return;
      case 8:
        h_.HoldMessages(Chance(60));
        return;
      case 9:
      case 10:
        for (uint64_t n = Below(5); n > 0; --n) h_.DeliverOne(AnyEdge());
        return;
      case 11:
        h_.Advance(absl::Milliseconds(100) * static_cast<int64_t>(1 + Below(Chance(10) ? 600 : 10)));
        for (FakeEdge* e : edges_) h_.Say(*e, e->Heartbeat());
        return;
      case 12:
        return Find();
      case 13:
        return Remove();
      case 14:
        if (Chance(30)) TelemetryOf(edge).Connect();
        return;
      case 15:
      case 16:
        return TelemetryOf(edge).Measure(1 + Below(9));
      default:
        return Create();
    }
  }

  std::mt19937_64 random_;
  Harness h_;
  std::vector<FakeEdge*> edges_;
  std::deque<Telemetry> telemetry_;                   // in the order of edges_
  std::map<std::string, std::optional<bool>> rules_;  // whether it is there; nullopt: nobody was told
  std::map<uint64_t, Asked> pending_;
};

class RandomLife : public ::testing::TestWithParam<int> {};

TEST_P(RandomLife, EveryEdgeEndsWithWhatItShallHave) {
  SCOPED_TRACE("seed " + std::to_string(GetParam()));
  Simulation simulation(static_cast<uint64_t>(GetParam()));
  simulation.Run();
  simulation.Settle();
  simulation.Check();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomLife, ::testing::Range(0, kSeeds));

}  // namespace
}  // namespace breakwater::coordinator
