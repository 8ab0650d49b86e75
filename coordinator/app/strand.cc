#include "coordinator/app/strand.h"

#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace breakwater::coordinator {
namespace {

// Events are bounded where they come from (streams x events a stream); this only has to be more.
constexpr size_t kMailbox = size_t{1} << 22;
constexpr std::string_view kStoreCheck = "store";

template <typename T>
constexpr bool kIsCommand =
    std::is_same_v<T, v1::CreateRuleRequest> || std::is_same_v<T, v1::DeleteRuleRequest> ||
    std::is_same_v<T, v1::BlockRequest> || std::is_same_v<T, v1::UnblockRequest> || std::is_same_v<T, v1::PanicRequest>;

template <typename View>
api::Answer ToAnswer(View view) {
  return std::make_shared<const View>(std::move(view));
}
template <typename View>
api::Answer ToAnswer(absl::StatusOr<View> view) {
  if (!view.ok()) return view.status();
  return std::make_shared<const View>(*std::move(view));
}

log::Level ToLog(Report::Level level) {
  switch (level) {
    case Report::Level::kDebug:
      return log::Level::kDebug;
    case Report::Level::kInfo:
      return log::Level::kInfo;
    case Report::Level::kWarning:
      return log::Level::kWarning;
    case Report::Level::kError:
      break;
  }
  return log::Level::kError;
}

absl::Status Stopping() { return absl::UnavailableError("the coordinator is stopping"); }

}  // namespace

Strand::Strand(Settings settings, fleet::SigningKey key, Parts parts)
    : parts_(parts),
      control_(std::move(settings), std::move(key)),
      mailbox_(kMailbox),
      commits_(parts.store, {}, [this](uint64_t ticket, const absl::Status& status) {
        (void)mailbox_.Post([this, ticket, status] { OnCommitted(ticket, status); });
      }) {
  parts_.health.Expect(kStoreCheck);
}

Strand::~Strand() { Stop(); }

void Strand::Begin(uint64_t random) {
  parts_.health.Set(kStoreCheck, true, "nothing written yet");
  parts_.health.Beat();
  Feed(Start{.store = &parts_.store, .random = random});
}

void Strand::OnTick() {
  parts_.health.Beat();
  Feed(Tick{});
  AnswerLate();
}

void Strand::Post(Event event, std::function<void()> done) {
  auto shared = std::make_shared<Event>(std::move(event));
  const absl::Status posted = mailbox_.Post([this, shared, done = std::move(done)] {
    Feed(std::move(*shared));
    if (done) done();
  });
  if (!posted.ok()) log_.Error("event_lost", "what an edge said was dropped", {{"error", posted}});
}

void Strand::Ask(api::Request request, std::string actor, api::Done done) {
  if (asked_.fetch_add(1) >= kMaxQuestions) {
    --asked_;
    return done(absl::ResourceExhaustedError(
        absl::StrCat("the coordinator is being asked ", kMaxQuestions, " things at once, its limit; try again")));
  }
  // However it ends, it makes room for another.
  auto counted = [this, done = std::move(done)](api::Answer answer) {
    --asked_;
    done(std::move(answer));
  };
  auto shared = std::make_shared<api::Request>(std::move(request));
  absl::Status posted = Stopping();
  {
    // Stop comes before this post or runs it.
    std::lock_guard lock(stop_mutex_);
    if (!stopped_) {
      posted = mailbox_.Post(
          [this, shared, actor = std::move(actor), counted] { Look(std::move(*shared), actor, counted); });
    }
  }
  if (!posted.ok()) counted(posted);
}

void Strand::Look(api::Request request, std::string actor, api::Done done) {
  if (stopped_) return done(Stopping());
  std::visit(
      [&](auto& asked) {
        using T = std::decay_t<decltype(asked)>;
        if constexpr (kIsCommand<T>) {
          const uint64_t number = next_question_++;
          questions_.emplace(number, Question{std::move(done), parts_.clock.Monotonic() + kAnswerWithin});
          Feed(Command{.number = number, .actor = std::move(actor), .request = std::move(asked)});
        } else {
          done(Read(asked));
        }
      },
      request);
}

api::Answer Strand::Read(const api::Request& request) const {
  const absl::Time now = parts_.clock.Now();
  return std::visit(
      [&](const auto& r) -> api::Answer {
        using T = std::decay_t<decltype(r)>;
        if constexpr (std::is_same_v<T, v1::OverviewRequest>) {
          return ToAnswer(control_.Overview(now));
        } else if constexpr (std::is_same_v<T, v1::TrafficRequest>) {
          return ToAnswer(control_.Traffic(r, now));
        } else if constexpr (std::is_same_v<T, v1::ListEdgesRequest>) {
          return ToAnswer(control_.Edges(r, now));
        } else if constexpr (std::is_same_v<T, v1::GetEdgeRequest>) {
          return ToAnswer(control_.Edge(r.id(), now));
        } else if constexpr (std::is_same_v<T, v1::ListAttacksRequest>) {
          return ToAnswer(control_.Attacks(r, now));
        } else if constexpr (std::is_same_v<T, v1::GetAttackRequest>) {
          return ToAnswer(control_.Attack(r.id(), now));
        } else if constexpr (std::is_same_v<T, v1::ListRulesRequest>) {
          return ToAnswer(control_.Rules(r, now));
        } else if constexpr (std::is_same_v<T, v1::GetRuleRequest>) {
          return ToAnswer(control_.Rule(r.id(), now));
        } else if constexpr (std::is_same_v<T, v1::ExplainIpRequest>) {
          return ToAnswer(control_.ExplainIp(r, now));
        } else {
          return absl::InternalError("a command isn't to be read");
        }
      },
      request);
}

void Strand::Feed(Event event) {
  events_.push_back(std::move(event));
  if (feeding_) return;
  feeding_ = true;
  const absl::Duration began = parts_.clock.Monotonic();
  while (!events_.empty()) {
    Event next = std::move(events_.front());
    events_.pop_front();
    for (Action& action : control_.Step(std::move(next), parts_.clock.Now())) {
      std::visit([this](auto& one) { Perform(std::move(one)); }, action);
    }
  }
  feeding_ = false;
  parts_.metrics.step_seconds.Observe(absl::ToDoubleSeconds(parts_.clock.Monotonic() - began));
}

void Strand::Perform(Commit action) {
  committing_.emplace(action.ticket, parts_.clock.Monotonic());
  const absl::Status added = commits_.Add(action.ticket, std::move(action.batch));
  if (!added.ok()) OnCommitted(action.ticket, added);
}

void Strand::OnCommitted(uint64_t ticket, const absl::Status& status) {
  if (const auto since = committing_.find(ticket); since != committing_.end()) {
    parts_.metrics.commit_seconds.Observe(absl::ToDoubleSeconds(parts_.clock.Monotonic() - since->second));
    committing_.erase(since);
  }
  if (status.ok() != store_ok_) {
    store_ok_ = status.ok();
    if (store_ok_) {
      log_.Info("store_writes", "the store takes writes again");
    } else {
      log_.Error("store_failed", "the store takes no writes; nothing new is pushed or acknowledged until it does",
                 {{"error", status}});
    }
  }
  parts_.health.Set(kStoreCheck, status.ok(), status.ok() ? "writes" : std::string(status.message()));
  Feed(Committed{.ticket = ticket, .status = status});
}

void Strand::Perform(Reply action) {
  const auto question = questions_.find(action.number);
  if (question == questions_.end()) return;  // its time was over
  const api::Done done = std::move(question->second.done);
  questions_.erase(question);
  if (!action.response.ok()) return done(action.response.status());
  std::visit([&](auto& response) { done(ToAnswer(std::move(response))); }, *action.response);
}

void Strand::Perform(Report action) {
  std::vector<log::Field> fields;
  fields.reserve(action.fields.size());
  for (const auto& [key, value] : action.fields) fields.emplace_back(key, value);
  log_.Write(ToLog(action.level), action.event, action.text, fields);
}

void Strand::AnswerLate() {
  const absl::Duration now = parts_.clock.Monotonic();
  for (auto question = questions_.begin(); question != questions_.end();) {
    if (now < question->second.until) {
      ++question;
      continue;
    }
    const api::Done done = std::move(question->second.done);
    question = questions_.erase(question);
    done(absl::DeadlineExceededError(
        absl::StrCat("no answer within ", absl::FormatDuration(kAnswerWithin),
                     ": the store is slow. It may still happen; look before asking again")));
  }
}

void Strand::Stop() {
  {
    std::lock_guard lock(stop_mutex_);
    stopped_ = true;
  }
  RunWaiting();  // questions that wait get their refusal
  for (auto& [number, question] : std::exchange(questions_, {})) question.done(Stopping());
}

v1::TrafficView Strand::Traffic(const v1::TrafficRequest& request) {
  absl::StatusOr<v1::TrafficView> view = control_.Traffic(request, parts_.clock.Now());
  return view.ok() ? *std::move(view) : v1::TrafficView();
}
v1::EdgesView Strand::Edges(const v1::ListEdgesRequest& request) { return control_.Edges(request, parts_.clock.Now()); }
v1::AttacksView Strand::Attacks(const v1::ListAttacksRequest& request) {
  return control_.Attacks(request, parts_.clock.Now());
}
v1::RulesView Strand::Rules(const v1::ListRulesRequest& request) { return control_.Rules(request, parts_.clock.Now()); }

}  // namespace breakwater::coordinator
