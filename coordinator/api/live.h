// What pages that are open see without asking: the views, published to an EventHub as they change.
//
//   Live live(hub);                        // hub's topics are Live::Topics()
//   live.Tick(source, now);                // on the strand, every 100 ms
//
// A topic nobody listens to costs nothing. Each is published at most four times a second and, when it changed at all, at
// least once a second; attacks at once when one begins, changes its state or ends. The strand only builds the messages;
// their JSON is made on a thread of this class, once for all listeners.
#ifndef BREAKWATER_COORDINATOR_API_LIVE_H_
#define BREAKWATER_COORDINATOR_API_LIVE_H_

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "breakwater/v1/admin.pb.h"
#include "common/http/event_hub.h"

namespace breakwater::api {

// The views as they are now; called on the strand.
class LiveSource {
 public:
  virtual ~LiveSource() = default;
  virtual v1::OverviewView Overview() = 0;
  virtual v1::TrafficView Traffic(const v1::TrafficRequest& request) = 0;
  virtual v1::EdgesView Edges(const v1::ListEdgesRequest& request) = 0;
  virtual v1::AttacksView Attacks(const v1::ListAttacksRequest& request) = 0;
  virtual v1::RulesView Rules(const v1::ListRulesRequest& request) = 0;
};

class Live {
 public:
  static constexpr absl::Duration kFullEvery = absl::Seconds(1);
  static constexpr absl::Duration kApart = absl::Milliseconds(250);

  static std::vector<std::string> Topics();  // "overview", "traffic", "edges", "attacks", "rules"

  explicit Live(std::shared_ptr<http::EventHub> hub);
  ~Live();

  // now: monotonic.
  void Tick(LiveSource& source, absl::Duration now);
  // Until what was handed over is published; for tests.
  void Flush();

 private:
  static constexpr size_t kTopics = 5;
  struct Topic {
    absl::Duration looked = -absl::InfiniteDuration();
    absl::Duration published = -absl::InfiniteDuration();
    absl::Duration changed = -absl::InfiniteDuration();  // when its fingerprint was last another one
    uint64_t fingerprint = 0;
  };
  struct Work {
    std::unique_ptr<google::protobuf::Message> view;
    bool even_if_same = false;
  };

  template <typename View>
  void Look(size_t index, View view, bool fresh, absl::Duration now);
  void Hand(size_t topic, std::unique_ptr<google::protobuf::Message> view, bool even_if_same);
  void Run();

  const std::shared_ptr<http::EventHub> hub_;
  std::array<Topic, kTopics> topics_;  // the strand's

  std::mutex mutex_;
  std::condition_variable wake_, idle_;
  std::array<std::optional<Work>, kTopics> work_;
  bool busy_ = false;
  bool stop_ = false;
  std::array<std::string, kTopics> last_;  // the thread's
  std::thread thread_;
};

}  // namespace breakwater::api

#endif  // BREAKWATER_COORDINATOR_API_LIVE_H_
