#include "edge/link/link_machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/fleet/session_wire.h"
#include "common/window/window_wire.h"
#include "edge/link/backoff.h"
#include "edge/link/clock_offset.h"
#include "edge/link/outbox.h"
#include "edge/link/window_queue.h"

namespace breakwater::link {
namespace {

// From the attempt to the coordinator's Welcome.
constexpr absl::Duration kWelcomeWithin = absl::Seconds(10);
// A session that lasted so long was a good one: the next attempt comes soon.
constexpr absl::Duration kLasting = absl::Seconds(10);
// The clock is probed in quick succession at first, and then at this pace; each probe is answered, so a coordinator that
// says nothing for kSilent is gone.
constexpr int kQuickProbes = 4;
constexpr absl::Duration kQuickProbe = absl::Milliseconds(250);
constexpr absl::Duration kProbe = absl::Seconds(5);
constexpr absl::Duration kSilent = absl::Seconds(16);
// Refused messages of one session before it is closed.
constexpr uint64_t kMaxRefused = 64;
// Snapshots asked for without getting a set that fits, before the session is closed; and the pause between them, doubled each time.
constexpr int kMaxResyncs = 8;
constexpr absl::Duration kFirstResyncPause = absl::Milliseconds(500);
// A set is handed on at most this often: the datapath has better things to do than to swap for every one of many.
constexpr absl::Duration kSetPause = absl::Milliseconds(50);

absl::Duration Earlier(absl::Duration a, absl::Duration b) { return std::min(a, b); }

}  // namespace

std::string_view LinkStateName(LinkState state) {
  switch (state) {
    case LinkState::kWaiting:
      return "waiting";
    case LinkState::kConnecting:
      return "connecting";
    case LinkState::kConnected:
      return "connected";
  }
  return "unknown";
}

class LinkMachine::Impl {
 public:
  Impl(LinkSettings settings, DesiredSet restored)
      : settings_(std::move(settings)),
        set_(std::move(restored)),
        queue_({.bytes = settings_.queue_bytes}, settings_.boot_id),
        backoff_(settings_.reconnect_max),
        telemetry_backoff_(settings_.reconnect_max) {
    next_address_ = static_cast<size_t>(settings_.random() * static_cast<double>(settings_.coordinators.size()));
  }

  std::vector<LinkAction> Step(LinkEvent event, LinkTime now) {
    now_ = now;
    if (view_.since == absl::Time()) view_.since = now.wall;
    actions_.clear();
    std::visit([this](auto& e) { On(e); }, event);
    Drive();
    return std::move(actions_);
  }

  absl::Duration NextAt() const {
    absl::Duration at = absl::InfiniteDuration();
    if (set_waits_) at = Earlier(at, next_set_at_);
    if (view_.state == LinkState::kWaiting) return Earlier(at, retry_at_);
    at = Earlier(at, silent_at_);
    if (view_.state == LinkState::kConnecting) return at;
    if (!session_writing_) {
      at = Earlier(at, Earlier(next_probe_at_, next_heartbeat_at_));
      if (resync_wanted_) at = Earlier(at, next_resync_at_);
      at = Earlier(at, outbox_.NextAt(now_.monotonic));
    }
    if (!telemetry_) return Earlier(at, telemetry_retry_at_);
    return telemetry_writing_ ? at : Earlier(at, queue_.NextAt());
  }

  LinkView View() const {
    LinkView view = view_;
    view.received = set_.version();
    view.clock_offset = clock_.offset();
    view.round_trip = clock_.round_trip();
    view.telemetry_open = telemetry_.has_value();
    const WindowQueue::Stats stats = queue_.stats();
    view.windows_sent = stats.sent;
    view.windows_acknowledged = stats.acknowledged;
    view.windows_merged = stats.merged;
    view.windows_lost = stats.lost;
    view.queued_windows = stats.windows;
    view.queued_bytes = stats.bytes;
    return view;
  }

 private:
  bool connected() const { return view_.state == LinkState::kConnected; }

  // ── The strand ──
  void On(Wake&) {}
  void On(window::Window& w) {
    if (absl::Status s = queue_.Push(w); !s.ok()) Say(LinkReport::Level::kWarning, "window_lost", s);
  }
  void On(v1::AttackReport& report) { outbox_.Put(std::move(report), now_.monotonic); }
  void On(v1::LocalRule& rule) { outbox_.Put(std::move(rule), now_.monotonic); }
  void On(v1::Heartbeat& heartbeat) { heartbeat_ = std::move(heartbeat); }
  void On(FleetState& state) {
    outbox_.PutExceptions(state.exceptions);
    if (!fleet::SameVersion(applied_, state.applied)) next_heartbeat_at_ = now_.monotonic;
    applied_ = std::move(state.applied);
  }

  // ── The session ──
  void On(SessionWritten& e) {
    if (e.generation == session_) session_writing_ = false;
  }
  void On(SessionClosed& e) {
    if (e.generation != session_) return;
    session_ = 0;
    if (absl::IsOutOfRange(e.status)) ++view_.refused_messages;  // too large for the transport to hand on
    Down(e.status);
  }
  void On(SessionRead& e) {
    if (e.generation != session_) return;
    ++view_.messages_received;
    silent_at_ = now_.monotonic + kSilent;
    if (absl::Status s = fleet::CheckCoordinatorMessage(e.message); !s.ok()) {
      Refuse(s);
    } else {
      OnMessage(e.message);
    }
    if (session_ != 0) actions_.push_back(ReadSession{session_});
  }

  void OnMessage(const v1::CoordinatorMessage& m) {
    if (m.has_welcome() == connected()) {
      Abandon(absl::InvalidArgumentError(connected() ? "the coordinator said welcome twice"
                                                     : "the coordinator didn't begin with a welcome"));
      return;
    }
    switch (m.message_case()) {
      case v1::CoordinatorMessage::kWelcome:
        OnWelcome(m.welcome());
        break;
      case v1::CoordinatorMessage::kManifest:
        OnSet(set_.Take(m.manifest()));
        break;
      case v1::CoordinatorMessage::kSnapshot:
        OnSet(set_.Take(m.snapshot()));
        break;
      case v1::CoordinatorMessage::kDelta:
        OnSet(set_.Take(m.delta()));
        break;
      case v1::CoordinatorMessage::kStopEnforcing:
        OnStop(m.stop_enforcing());
        break;
      case v1::CoordinatorMessage::kClockReply:
        if (absl::Status s = clock_.Take(m.clock_reply(), now_.wall); !s.ok()) Refuse(s);
        break;
      case v1::CoordinatorMessage::kCertificate:
        Refuse(absl::InvalidArgumentError("a certificate that this edge didn't ask for"));
        break;
      case v1::CoordinatorMessage::kGoAway:
        OnGoAway(m.go_away());
        break;
      case v1::CoordinatorMessage::MESSAGE_NOT_SET:
        break;
    }
  }

  void OnWelcome(const v1::Welcome& welcome) {
    Become(LinkState::kConnected);
    ++view_.sessions;
    heartbeat_every_ = absl::Milliseconds(welcome.heartbeat_ms());
    next_heartbeat_at_ = next_probe_at_ = now_.monotonic;
    probes_ = 0;
    view_.sketch_seed = welcome.sketch_seed();
    telemetry_retry_at_ = now_.monotonic;
    telemetry_backoff_.Reset();
    resyncs_in_a_row_ = 0;
    resync_wanted_ = false;
    outbox_.SessionBegins(now_.monotonic);
    actions_.push_back(LinkReport{LinkReport::Level::kInfo,
                                  "link_up",
                                  "the coordinator has welcomed this edge",
                                  {{"coordinator", view_.coordinator},
                                   {"desired", fleet::VersionText(welcome.desired())},
                                   {"here", fleet::VersionText(set_.version())}}});
  }

  void OnSet(DesiredSet::Outcome outcome) {
    if (!outcome.status.ok()) Refuse(outcome.status);
    if (outcome.resync) resync_wanted_ = true;
    if (!outcome.changed) return;
    ++view_.sets;
    resyncs_in_a_row_ = 0;
    resync_wanted_ = false;
    next_heartbeat_at_ = now_.monotonic;
    set_waits_ = true;
  }

  void OnStop(const v1::StopEnforcing& message) {
    absl::StatusOr<std::optional<control::StopEnforcing>> order = set_.Take(message);
    if (!order.ok()) {
      Refuse(order.status());
    } else if (order->has_value()) {
      actions_.push_back(LinkReport{
          LinkReport::Level::kWarning,
          "stop_order",
          (*order)->on ? "the coordinator orders to stop enforcing" : "the coordinator orders to go on enforcing",
          {{"reason", (*order)->reason}}});
      actions_.push_back(Deliver{**std::move(order)});
    }
  }

  void OnGoAway(const v1::GoAway& m) {
    alternatives_.assign(m.coordinators().begin(), m.coordinators().end());
    const absl::Duration wait = absl::Milliseconds(m.jitter_ms()) * settings_.random();
    Abandon(absl::UnavailableError(absl::StrCat("the coordinator asks to go away: ", m.reason())));
    retry_at_ = std::max(retry_at_, now_.monotonic + wait);
  }

  void Refuse(const absl::Status& why) {
    ++view_.refused_messages;
    ++refused_here_;
    Say(LinkReport::Level::kWarning, "link_refused", why);
    if (refused_here_ >= kMaxRefused && session_ != 0) {
      Abandon(absl::FailedPreconditionError(absl::StrCat(
          "closed after ", refused_here_, " refused messages; the last one: ", std::string(why.message()))));
    }
  }

  // ── Telemetry ──
  void On(TelemetryWritten& e) {
    if (e.generation == telemetry_) telemetry_writing_ = false;
  }
  void On(TelemetryClosed& e) {
    if (e.generation != telemetry_) return;
    telemetry_.reset();
    TelemetryDownNow(e.status);
  }
  void On(TelemetryRead& e) {
    if (e.generation != telemetry_) return;
    ++view_.messages_received;
    absl::Status s = fleet::CheckTelemetryDown(e.message);
    if (s.ok()) s = queue_.Take(e.message);
    if (s.ok()) {
      telemetry_backoff_.Reset();
      TakeGrants(e.message);
    } else {
      Refuse(s);
    }
    if (telemetry_) actions_.push_back(ReadTelemetry{*telemetry_});
  }

  void TakeGrants(const v1::TelemetryDown& message) {
    DetailGrants grants;
    for (const v1::DetailGrant& grant : message.grants()) {
      const absl::StatusOr<window::Target> target = window::TargetFromProto(grant.target());
      if (!target.ok()) continue;
      const absl::Time until =
          std::min(absl::FromUnixMillis(grant.until_unix_ms()) - clock_.offset().value_or(absl::ZeroDuration()),
                   now_.wall + absl::Minutes(10));
      grants.grants.push_back({{*target, static_cast<window::Vector>(grant.vector())}, until});
    }
    if (!grants.grants.empty()) actions_.push_back(Deliver{std::move(grants)});
  }

  void TelemetryDownNow(const absl::Status& why) {
    queue_.StreamEnded();
    telemetry_writing_ = false;
    telemetry_retry_at_ = now_.monotonic + telemetry_backoff_.Next(settings_.random());
    if (connected()) Say(LinkReport::Level::kInfo, "telemetry_down", why);
  }

  void CloseTelemetryNow() {
    if (!telemetry_) return;
    actions_.push_back(CloseTelemetry{*telemetry_});
    telemetry_.reset();
    queue_.StreamEnded();
    telemetry_writing_ = false;
  }

  // ── Up and down ──
  void Become(LinkState state) {
    view_.state = state;
    view_.since = now_.wall;
    since_ = now_.monotonic;
  }

  void Abandon(const absl::Status& why) {
    if (session_ != 0) actions_.push_back(CloseSession{session_});
    session_ = 0;
    Down(why);
  }

  void Down(const absl::Status& why) {
    const bool was_connected = connected();
    if (was_connected && now_.monotonic - since_ >= kLasting) backoff_.Reset();
    if (!was_connected) ++view_.failed_sessions;
    CloseTelemetryNow();
    set_.SessionEnded();
    clock_.Restart();
    session_writing_ = false;
    refused_here_ = 0;
    view_.last_error = std::string(why.message());
    // The first failure and every lost session are news; the attempts that follow aren't.
    const bool news = was_connected || failures_++ == 0;
    if (was_connected) failures_ = 0;
    retry_at_ = now_.monotonic + backoff_.Next(settings_.random());
    Become(LinkState::kWaiting);
    actions_.push_back(LinkReport{news ? LinkReport::Level::kWarning : LinkReport::Level::kDebug,
                                  "link_down",
                                  "no session with the coordinator; this edge goes on by itself",
                                  {{"coordinator", view_.coordinator},
                                   {"why", view_.last_error},
                                   {"retry_in", absl::FormatDuration(retry_at_ - now_.monotonic)}}});
  }

  std::string NextAddress() {
    if (!alternatives_.empty()) {
      std::string address = std::move(alternatives_.front());
      alternatives_.erase(alternatives_.begin());
      return address;
    }
    return settings_.coordinators[next_address_++ % settings_.coordinators.size()];
  }

  void Connect() {
    session_ = ++generations_;
    view_.coordinator = NextAddress();
    Become(LinkState::kConnecting);
    silent_at_ = now_.monotonic + kWelcomeWithin;
    actions_.push_back(OpenSession{session_, view_.coordinator});
    v1::EdgeMessage message;
    v1::Hello& hello = *message.mutable_hello();
    hello.set_boot_id(settings_.boot_id);
    hello.set_software_version(settings_.software_version);
    hello.set_protocol_version(fleet::kProtocolVersion);
    hello.set_edge_class(settings_.edge_class);
    for (const std::string& name : settings_.capabilities) hello.add_capabilities(name);
    for (const std::string& prefix : settings_.prefixes) hello.add_prefixes(prefix);
    *hello.mutable_applied() = applied_;
    for (const auto& [id, status] : outbox_.Exceptions()) {
      if (status.state() == v1::RULE_STATE_REJECTED && hello.exceptions_size() < fleet::SessionBounds::kStatuses)
        *hello.add_exceptions() = status;
    }
    Write(std::move(message));
  }

  void Write(v1::EdgeMessage message) {
    // What this side would send over a bound is a mistake here; it mustn't cost the session.
    if (absl::Status s = fleet::CheckEdgeMessage(message); !s.ok()) {
      Say(LinkReport::Level::kWarning, "link_not_sent", s);
      return;
    }
    ++view_.messages_sent;
    session_writing_ = true;
    actions_.push_back(WriteSession{session_, std::move(message)});
  }

  void SayHeartbeat() {
    next_heartbeat_at_ = now_.monotonic + heartbeat_every_;
    v1::EdgeMessage message;
    v1::Heartbeat& heartbeat = *message.mutable_heartbeat();
    heartbeat = heartbeat_;
    *heartbeat.mutable_applied() = applied_;
    *heartbeat.mutable_received() = set_.version();
    heartbeat.set_refused_messages(view_.refused_messages);
    heartbeat.set_lost_windows(queue_.stats().lost);
    Write(std::move(message));
  }

  void Probe() {
    next_probe_at_ = now_.monotonic + (++probes_ < kQuickProbes ? kQuickProbe : kProbe);
    v1::EdgeMessage message;
    *message.mutable_clock_probe() = clock_.Probe(now_.wall);
    Write(std::move(message));
  }

  void Resync() {
    resync_wanted_ = false;
    if (++resyncs_in_a_row_ > kMaxResyncs) {
      Abandon(absl::DataLossError(absl::StrCat(kMaxResyncs, " snapshots were asked for, and none of them fitted")));
      return;
    }
    ++view_.resyncs;
    next_resync_at_ = now_.monotonic + kFirstResyncPause * (1 << resyncs_in_a_row_);
    v1::EdgeMessage message;
    message.mutable_resync_request()->set_reason(
        absl::StrCat("this edge has ", fleet::VersionText(set_.version()), ", and what came doesn't fit"));
    Write(std::move(message));
  }

  // Whatever time or the last event has made due.
  void Drive() {
    const absl::Duration now = now_.monotonic;
    if (set_waits_ && now >= next_set_at_) {
      set_waits_ = false;
      next_set_at_ = now + kSetPause;
      actions_.push_back(Deliver{set_.Rules()});
    }
    if (view_.state == LinkState::kWaiting && now >= retry_at_) Connect();
    if (view_.state != LinkState::kWaiting && now >= silent_at_) {
      Abandon(absl::DeadlineExceededError(connected() ? "the coordinator has fallen silent"
                                                      : "no welcome from the coordinator in time"));
    }
    if (!connected()) return;
    DriveTelemetry();
    // One write at a time; what comes first here matters most.
    if (!session_writing_ && resync_wanted_ && now >= next_resync_at_) Resync();
    if (!connected()) return;
    if (!session_writing_ && now >= next_probe_at_) Probe();
    while (!session_writing_) {
      std::optional<v1::EdgeMessage> message;
      if (now >= next_heartbeat_at_) {
        SayHeartbeat();
        continue;
      }
      if (!(message = outbox_.Next(now))) break;
      Write(*std::move(message));
    }
  }

  void DriveTelemetry() {
    if (!telemetry_ && now_.monotonic >= telemetry_retry_at_) {
      telemetry_ = ++generations_;
      actions_.push_back(OpenTelemetry{*telemetry_, view_.coordinator});
    }
    if (!telemetry_ || telemetry_writing_) return;
    std::optional<v1::TelemetryUp> message = queue_.Next(now_.monotonic, view_.sketch_seed.value_or(0));
    if (!message) return;
    telemetry_writing_ = true;
    ++view_.messages_sent;
    actions_.push_back(WriteTelemetry{*telemetry_, *std::move(message)});
  }

  void Say(LinkReport::Level level, std::string_view event, const absl::Status& s) {
    actions_.push_back(LinkReport{level, std::string(event), std::string(s.message()), {}});
  }

  LinkSettings settings_;
  DesiredSet set_;
  WindowQueue queue_;
  Outbox outbox_;
  ClockOffset clock_;
  Backoff backoff_;
  Backoff telemetry_backoff_;
  LinkTime now_;
  LinkView view_;
  std::vector<LinkAction> actions_;

  uint64_t generations_ = 0;
  uint64_t session_ = 0;  // 0 = none
  std::optional<uint64_t> telemetry_;
  bool session_writing_ = false;
  bool telemetry_writing_ = false;
  size_t next_address_ = 0;
  std::vector<std::string> alternatives_;
  uint64_t failures_ = 0;
  absl::Duration since_;
  absl::Duration retry_at_;
  absl::Duration silent_at_;
  absl::Duration telemetry_retry_at_;
  absl::Duration heartbeat_every_ = absl::Seconds(1);
  absl::Duration next_heartbeat_at_;
  absl::Duration next_probe_at_;
  int probes_ = 0;
  uint64_t refused_here_ = 0;
  bool resync_wanted_ = false;
  int resyncs_in_a_row_ = 0;
  absl::Duration next_resync_at_;
  bool set_waits_ = false;
  absl::Duration next_set_at_;
  v1::SetVersion applied_;
  v1::Heartbeat heartbeat_;
};

LinkMachine::LinkMachine(LinkSettings settings, DesiredSet restored)
    : impl_(std::make_unique<Impl>(std::move(settings), std::move(restored))) {}
LinkMachine::~LinkMachine() = default;
std::vector<LinkAction> LinkMachine::Step(LinkEvent event, LinkTime now) { return impl_->Step(std::move(event), now); }
absl::Duration LinkMachine::NextAt() const { return impl_->NextAt(); }
LinkView LinkMachine::View() const { return impl_->View(); }

}  // namespace breakwater::link
