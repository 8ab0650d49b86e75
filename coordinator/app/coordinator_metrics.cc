#include "coordinator/app/coordinator_metrics.h"

#include <string_view>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/service/version.h"

namespace breakwater::coordinator {
namespace {

using metrics::Registry;

const std::vector<double> kWorkBuckets = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5};

void RaiseTo(const metrics::Counter& counter, uint64_t total) {
  if (const double more = static_cast<double>(total) - counter.Value(); more > 0) counter.Add(more);
}

metrics::Counter Count(Registry& r, std::string_view name, std::string_view help) {
  return r.AddCounter(absl::StrCat("breakwater_coordinator_", std::string(name), "_total"), help);
}

metrics::Gauge Gauge(Registry& r, std::string_view name, std::string_view help) {
  return r.AddGauge(absl::StrCat("breakwater_coordinator_", std::string(name)), help);
}

double Decimal(const std::string& text) {
  double value = 0;
  return absl::SimpleAtod(text, &value) ? value : 0;
}

}  // namespace

CoordinatorMetrics::CoordinatorMetrics(Registry& r)
    : step_seconds(r.AddHistogram("breakwater_coordinator_step_seconds",
                                  "Time of one step of control and of what it led to", kWorkBuckets)),
      commit_seconds(r.AddHistogram("breakwater_coordinator_commit_seconds",
                                    "Time from a batch being ready until it is on disk", kWorkBuckets)),
      ready(Gauge(r, "ready", "1 while /readyz says ready")),
      start_time(Gauge(r, "start_timestamp_seconds", "When the coordinator started")),
      control_{{&Counters::sessions, Count(r, "sessions", "Sessions that edges began")},
               {&Counters::sessions_refused, Count(r, "sessions_refused", "Sessions that control refused")},
               {&Counters::sessions_replaced,
                Count(r, "sessions_replaced", "Sessions ended since their edge began another")},
               {&Counters::messages, Count(r, "messages", "Messages of edges' sessions")},
               {&Counters::messages_refused, Count(r, "messages_refused", "Messages of edges that control refused")},
               {&Counters::windows, Count(r, "windows", "Windows taken")},
               {&Counters::windows_duplicate, Count(r, "windows_duplicate", "Windows that were there already")},
               {&Counters::windows_late, Count(r, "windows_late", "Windows that came after their time was judged")},
               {&Counters::windows_refused,
                Count(r, "windows_refused", "Windows that were malformed, in the future or too old")},
               {&Counters::windows_over_credit,
                Count(r, "windows_over_credit", "Messages of windows from edges that had no credit left for them")},
               {&Counters::pushes, Count(r, "pushes", "Sets of rules sent to an edge")},
               {&Counters::push_bytes, Count(r, "push_bytes", "Bytes of them")},
               {&Counters::snapshots, Count(r, "snapshots", "Sets sent whole")},
               {&Counters::deltas, Count(r, "deltas", "Sets sent as changes")},
               {&Counters::rules_spread, Count(r, "rules_spread", "Rules of one edge's detector brought to all")},
               {&Counters::rules_proposed, Count(r, "rules_proposed", "Rules made from the merged view")},
               {&Counters::rules_confirmed,
                Count(r, "rules_confirmed", "Rules of the merged view that exact counts confirmed")},
               {&Counters::rules_expired, Count(r, "rules_expired", "Rules removed because their lease or time ended")},
               {&Counters::rules_refused, Count(r, "rules_refused", "Rules that validation or a guard refused")},
               {&Counters::commits, Count(r, "commits", "Batches given to the store")},
               {&Counters::commit_failures, Count(r, "commit_failures", "Batches that the store didn't take")},
               {&Counters::attacks, Count(r, "attacks", "Attacks, each counted once however many edges see it")}},
      ingest_{{&ingest::Ingest::Stats::unauthenticated,
               Count(r, "ingest_unauthenticated", "Streams refused for their certificate")},
              {&ingest::Ingest::Stats::over_limit,
               Count(r, "ingest_over_limit", "Streams refused since there were too many")},
              {&ingest::Ingest::Stats::bad_messages,
               Count(r, "ingest_bad_messages",
                     "Messages of edges that couldn't be decoded or broke a bound; each ended its stream")},
              {&ingest::Ingest::Stats::slow_peers,
               Count(r, "ingest_slow_peers", "Streams ended since the edge didn't read what was sent to it")},
              {&ingest::Ingest::Stats::messages_in, Count(r, "ingest_messages", "Messages received from edges")},
              {&ingest::Ingest::Stats::bytes_in, Count(r, "ingest_bytes", "Bytes of them")},
              {&ingest::Ingest::Stats::messages_out, Count(r, "ingest_sent_messages", "Messages sent to edges")},
              {&ingest::Ingest::Stats::bytes_out, Count(r, "ingest_sent_bytes", "Bytes of them")}},
      events_{{&http::EventHub::Stats::events, Count(r, "stream_events", "Events published to open pages")},
              {&http::EventHub::Stats::refused, Count(r, "stream_refused", "Pages refused since there were too many")},
              {&http::EventHub::Stats::skipped,
               Count(r, "stream_skipped_events", "Events that a page was too slow for; it got the next")},
              {&http::EventHub::Stats::cut_off, Count(r, "stream_cut_off", "Pages cut off since they read nothing")}},
      http_{{&http::Server::Stats::requests, Count(r, "http_requests", "HTTP requests answered")},
            {&http::Server::Stats::bad_requests,
             Count(r, "http_bad_requests", "HTTP requests that were malformed, too large or too slow")},
            {&http::Server::Stats::refused_connections,
             Count(r, "http_refused_connections", "HTTP connections over the limit")}},
      api_{{&api::Service::Stats::calls, Count(r, "api_calls", "Calls of the API, by gRPC and by JSON")},
           {&api::Service::Stats::refused, Count(r, "api_refused", "Calls of the API that ended in an error")}},
      api_unauthenticated_(Count(r, "api_unauthenticated", "gRPC calls refused for their certificate")),
      store_writes_(Count(r, "store_writes", "Group commits; fewer than batches when they were grouped")),
      log_lines_dropped_(Count(r, "log_lines_dropped", "Log lines dropped because their reader stalled")),
      edges_(Gauge(r, "edges", "Edges that are known")),
      edges_connected_(Gauge(r, "edges_connected", "Edges with a session")),
      edges_behind_(Gauge(r, "edges_behind", "Edges with a session that aren't at the desired revision")),
      attacks_active_(Gauge(r, "attacks_active", "Attacks that haven't ended")),
      rules_(Gauge(r, "rules", "Rules that are to be in force somewhere")),
      panic_(Gauge(r, "panic", "1 while enforcing is stopped everywhere")),
      epoch_(Gauge(r, "desired_epoch", "Epoch of the desired sets")),
      revision_(Gauge(r, "desired_revision", "Newest revision of the desired sets")),
      pps_(Gauge(r, "packets_per_second", "Packets of all edges over the last second")),
      dropped_pps_(Gauge(r, "dropped_packets_per_second", "Dropped packets of all edges over the last second")),
      sessions_(Gauge(r, "sessions_open", "Sessions of edges")),
      telemetry_streams_(Gauge(r, "telemetry_streams_open", "Telemetry streams of edges")),
      listeners_(Gauge(r, "stream_listeners", "Open pages that listen to events")) {
  r.AddGauge("breakwater_coordinator_build_info", "1, with the version as labels",
             {{"version", std::string(service::Version())}, {"revision", std::string(service::Revision())}})
      .Set(1);
}

template <typename Stats>
void CoordinatorMetrics::Bring(const std::vector<Mirror<Stats>>& mirrors, const Stats& stats) {
  for (const Mirror<Stats>& mirror : mirrors) RaiseTo(mirror.counter, stats.*mirror.number);
}

void CoordinatorMetrics::Set(const Counters& counters) { Bring(control_, counters); }

void CoordinatorMetrics::Set(const v1::OverviewView& overview) {
  edges_.Set(overview.edges());
  edges_connected_.Set(overview.edges_connected());
  edges_behind_.Set(overview.edges_behind());
  attacks_active_.Set(overview.active_attacks());
  rules_.Set(overview.rules());
  panic_.Set(overview.panic() ? 1 : 0);
  epoch_.Set(Decimal(overview.desired().epoch()));
  revision_.Set(Decimal(overview.desired().revision()));
  pps_.Set(overview.total().pps());
  dropped_pps_.Set(overview.total().dropped_pps());
}

void CoordinatorMetrics::Set(const ingest::Ingest::Stats& stats) {
  Bring(ingest_, stats);
  sessions_.Set(static_cast<double>(stats.sessions));
  telemetry_streams_.Set(static_cast<double>(stats.telemetry_streams));
}

void CoordinatorMetrics::Set(const http::EventHub::Stats& stats, size_t listeners) {
  Bring(events_, stats);
  listeners_.Set(static_cast<double>(listeners));
}

void CoordinatorMetrics::Set(const http::Server::Stats& stats) { Bring(http_, stats); }

void CoordinatorMetrics::Set(const api::Service::Stats& stats, uint64_t unauthenticated) {
  Bring(api_, stats);
  RaiseTo(api_unauthenticated_, unauthenticated);
}

void CoordinatorMetrics::SetWrites(uint64_t writes) { RaiseTo(store_writes_, writes); }
void CoordinatorMetrics::SetLogLinesDropped(uint64_t lines) { RaiseTo(log_lines_dropped_, lines); }

}  // namespace breakwater::coordinator
