#include "coordinator/api/live.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/log/log.h"
#include "common/view_json/view_json.h"

namespace breakwater::api {
namespace {

enum : size_t { kOverview, kTraffic, kEdges, kAttacks, kRules };

constexpr uint32_t kMostEdges = 1000;
constexpr uint32_t kMostAttacks = 100;
constexpr uint32_t kMostRules = 200;

// Of what makes a view worth publishing before its second is over: states, not rates. FNV-1a.
class Fingerprint {
 public:
  void Add(std::string_view text) {
    for (const char c : text) Byte(static_cast<unsigned char>(c));
    Byte(0);
  }
  void Add(bool value) { Byte(value ? 1 : 2); }
  void Add(double value) {
    const auto number = static_cast<uint64_t>(value);
    for (int shift = 0; shift < 64; shift += 8) Byte(static_cast<unsigned char>(number >> shift));
  }
  uint64_t value() const { return hash_; }

 private:
  void Byte(unsigned char byte) { hash_ = (hash_ ^ byte) * 0x100000001b3; }
  uint64_t hash_ = 0xcbf29ce484222325;
};

uint64_t FingerprintOf(const v1::OverviewView& view) {
  Fingerprint f;
  f.Add(view.desired().revision());
  f.Add(view.panic());
  for (const double count :
       {view.edges(), view.edges_connected(), view.edges_behind(), view.active_attacks(), view.rules()}) {
    f.Add(count);
  }
  return f.value();
}

uint64_t FingerprintOf(const v1::TrafficView&) { return 0; }

uint64_t FingerprintOf(const v1::EdgesView& view) {
  Fingerprint f;
  for (const v1::EdgeView& edge : view.edges()) {
    f.Add(edge.id());
    f.Add(edge.state());
    f.Add(edge.anycast());
    f.Add(edge.applied().revision());
    for (const bool flag : {edge.ready(), edge.panic(), edge.behind()}) f.Add(flag);
    f.Add(edge.rejected_rules());
  }
  return f.value();
}

uint64_t FingerprintOf(const v1::AttacksView& view) {
  Fingerprint f;
  for (const v1::AttackView& attack : view.attacks()) {
    f.Add(attack.id());
    f.Add(attack.state());
    f.Add(attack.first_drop_unix_s() > 0);
    f.Add(attack.ended_unix_s() > 0);
    for (const v1::SignatureView& signature : attack.signatures()) f.Add(signature.rule_id());
  }
  return f.value();
}

uint64_t FingerprintOf(const v1::RulesView& view) {
  Fingerprint f;
  for (const v1::RuleView& rule : view.rules()) {
    f.Add(rule.id());
    f.Add(rule.mode());
    f.Add(rule.state());
    f.Add(rule.revision());
    for (const v1::RuleEdgeView& edge : rule.edges()) {
      f.Add(edge.edge());
      f.Add(edge.state());
      f.Add(edge.enforcing());
    }
  }
  return f.value();
}

}  // namespace

std::vector<std::string> Live::Topics() { return {"overview", "traffic", "edges", "attacks", "rules"}; }

Live::Live(std::shared_ptr<http::EventHub> hub) : hub_(std::move(hub)), thread_([this] { Run(); }) {}

Live::~Live() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

template <typename View>
void Live::Look(size_t index, View view, bool fresh, absl::Duration now) {
  Topic& topic = topics_[index];
  topic.looked = now;
  const uint64_t fingerprint = FingerprintOf(view);
  const bool differs = fingerprint != topic.fingerprint;
  const bool at_once = differs && now - topic.changed >= kApart;
  if (!fresh && !at_once && now - topic.published < kFullEvery) return;
  topic.fingerprint = fingerprint;
  topic.published = now;
  if (differs) topic.changed = now;
  Hand(index, std::make_unique<View>(std::move(view)), fresh);
}

void Live::Tick(LiveSource& source, absl::Duration now) {
  const http::EventHub::Interest interest = hub_->TakeInterest();
  for (const size_t index : interest.topics) {
    const Topic& topic = topics_.at(index);
    const bool fresh = interest.fresh.contains(index);
    const bool due = now - topic.published >= kFullEvery;
    // Attacks are looked at in every tick, so that a change of one waits for nothing but its distance from the last.
    const bool look = index == kAttacks || (index != kTraffic && now - topic.looked >= kApart);
    if (!fresh && !due && !look) continue;
    if (index == kOverview) {
      Look(index, source.Overview(), fresh, now);
    } else if (index == kTraffic) {
      Look(index, source.Traffic({}), fresh, now);
    } else if (index == kEdges) {
      v1::ListEdgesRequest request;
      request.set_limit(kMostEdges);
      Look(index, source.Edges(request), fresh, now);
    } else if (index == kAttacks) {
      v1::ListAttacksRequest request;
      request.set_limit(kMostAttacks);
      Look(index, source.Attacks(request), fresh, now);
    } else {
      v1::ListRulesRequest request;
      request.set_limit(kMostRules);
      Look(index, source.Rules(request), fresh, now);
    }
  }
}

void Live::Hand(size_t topic, std::unique_ptr<google::protobuf::Message> view, bool even_if_same) {
  {
    std::lock_guard lock(mutex_);
    const bool before = work_[topic] && work_[topic]->even_if_same;
    work_[topic] = Work{std::move(view), even_if_same || before};
  }
  wake_.notify_one();
}

void Live::Flush() {
  std::unique_lock lock(mutex_);
  idle_.wait(lock, [&] {
    return !busy_ && std::none_of(work_.begin(), work_.end(), [](const auto& work) { return work.has_value(); });
  });
}

void Live::Run() {
  const log::Logger log("live");
  std::unique_lock lock(mutex_);
  while (true) {
    const auto next = std::find_if(work_.begin(), work_.end(), [](const auto& work) { return work.has_value(); });
    if (next == work_.end()) {
      idle_.notify_all();
      if (stop_) return;
      wake_.wait(lock);
      continue;
    }
    const auto topic = static_cast<size_t>(next - work_.begin());
    const Work work = *std::exchange(*next, std::nullopt);
    busy_ = true;
    lock.unlock();
    absl::StatusOr<std::string> json = view_json::ToJson(*work.view);
    if (!json.ok()) {
      log.Error("view_not_shown", "a view can't be written as JSON", {{"error", json.status()}});
    } else if (work.even_if_same || *json != last_[topic]) {
      hub_->Publish(topic, *json);
      last_[topic] = *std::move(json);
    }
    lock.lock();
    busy_ = false;
  }
}

}  // namespace breakwater::api
