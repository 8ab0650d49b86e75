// The real step against edges that come, go and crash, a coordinator that crashes with commits under way, a disk that fills
// up, and messages that wait: whatever happened, every edge ends with what it shall have, and nothing that was
// acknowledged is lost.
#include <algorithm>
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

constexpr int kSeeds = 40;
constexpr int kSteps = 400;

class Simulation {
 public:
  explicit Simulation(uint64_t seed) : random_(seed), h_(SettingsOf()) {
    h_.Start();
    for (int i = 0; i < 6; ++i) {
      edges_.push_back(&h_.AddEdge("region-" + std::to_string(i % 3), "edge-" + std::to_string(i)));
    }
  }

  void Run() {
    for (int i = 0; i < kSteps; ++i) {
      if (h_.running()) {
        OneThing();
      } else if (Chance(30)) {
        h_.Start();
      }
      TakeReplies();
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
    h_.Advance(absl::Seconds(12));
    h_.DeliverAll();
    TakeReplies();
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

  void Asks(std::string id, bool after, Command::Request request) {
    const std::optional<bool> before = rules_.contains(id) ? rules_[id] : false;
    rules_[id] = std::nullopt;
    const uint64_t number = std::visit([&](auto& r) { return h_.Send(std::move(r)); }, request);
    pending_[number] = {std::move(id), before, after};
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
    switch (Below(16)) {
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
        edge.Reboot(1000 + random_());
        h_.Connect(edge, "ipv4:192.0.2." + edge.identity().id.substr(5) + ":2");
        return;
      case 4:
        if (!Chance(10)) return;
        TakeReplies();
        h_.Crash(Below(h_.held_commits() + 1));
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
      default:
        return Create();
    }
  }

  std::mt19937_64 random_;
  Harness h_;
  std::vector<FakeEdge*> edges_;
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
