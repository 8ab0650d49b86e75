// The control strand: the one thread that control, and everything it decides from, belongs to.
//
//   Strand strand(settings, key, {clock, store, health, metrics});
//   strand.Connect(&transport);
//   strand.Begin(random);
//   every 100 ms: strand.OnTick();   when strand.fd() is readable: strand.RunWaiting();
//
// Post and Ask are for any thread; all else is for the strand's own.
#ifndef BREAKWATER_COORDINATOR_APP_STRAND_H_
#define BREAKWATER_COORDINATOR_APP_STRAND_H_

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/log/log.h"
#include "common/service/health.h"
#include "common/service/mailbox.h"
#include "coordinator/api/backend.h"
#include "coordinator/api/live.h"
#include "coordinator/app/coordinator_metrics.h"
#include "coordinator/control/control.h"
#include "coordinator/ingest/event_sink.h"
#include "coordinator/store/commit_queue.h"

namespace breakwater::coordinator {

// How messages reach edges. Never waits.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void ToEdge(const Send& action) = 0;
  virtual void ToEdge(const SendTelemetry& action) = 0;
  virtual void ToEdge(const Close& action) = 0;
};

class Strand : public ingest::EventSink, public api::Backend, public api::LiveSource {
 public:
  static constexpr size_t kMaxQuestions = 256;                        // that wait for an answer
  static constexpr absl::Duration kAnswerWithin = absl::Seconds(10);  // of a command, which waits for the disk

  struct Parts {
    clock::Clock& clock;
    store::Store& store;
    service::Health& health;
    CoordinatorMetrics& metrics;
  };
  Strand(Settings settings, fleet::SigningKey key, Parts parts);
  ~Strand() override;

  // Before Begin and after; nullptr: what is for edges is dropped.
  void Connect(Transport* transport) { transport_ = transport; }
  void Begin(uint64_t random);
  void OnTick();
  int fd() const { return mailbox_.fd(); }
  void RunWaiting() { mailbox_.RunAll(); }
  // Answers all questions with Unavailable, those that come later too.
  void Stop();

  // Any thread.
  void Post(Event event, std::function<void()> done) override;
  void Ask(api::Request request, std::string actor, api::Done done) override;

  // Of api::LiveSource.
  v1::OverviewView Overview() override { return control_.Overview(parts_.clock.Now()); }
  v1::TrafficView Traffic(const v1::TrafficRequest& request) override;
  v1::EdgesView Edges(const v1::ListEdgesRequest& request) override;
  v1::AttacksView Attacks(const v1::ListAttacksRequest& request) override;
  v1::RulesView Rules(const v1::ListRulesRequest& request) override;

  const Counters& counters() const { return control_.counters(); }
  uint64_t writes() const { return commits_.writes(); }

 private:
  struct Question {
    api::Done done;
    absl::Duration until;  // monotonic
  };

  void Feed(Event event);
  template <typename Message>
  void Perform(const Message& message) {
    if (transport_ != nullptr) transport_->ToEdge(message);
  }
  void Perform(Commit action);
  void Perform(Reply action);
  void Perform(Report action);
  void OnCommitted(uint64_t ticket, const absl::Status& status);
  void AnswerLate();
  // On the strand.
  void Look(api::Request request, std::string actor, api::Done done);
  api::Answer Read(const api::Request& request) const;

  Parts parts_;
  const log::Logger log_{"control"};
  Control control_;
  Transport* transport_ = nullptr;
  std::deque<Event> events_;
  bool feeding_ = false;
  std::map<uint64_t, Question> questions_;  // commands on their way
  uint64_t next_question_ = 1;
  std::map<uint64_t, absl::Duration> committing_;  // since when
  bool store_ok_ = true;
  std::mutex stop_mutex_;  // of what Ask and Stop agree on
  std::atomic<bool> stopped_{false};
  std::atomic<size_t> asked_{0};
  service::Mailbox mailbox_;
  store::CommitQueue commits_;  // its thread posts to the mailbox
};

}  // namespace breakwater::coordinator

#endif  // BREAKWATER_COORDINATOR_APP_STRAND_H_
