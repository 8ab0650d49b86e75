// Prometheus metrics: counters, gauges and histograms with bounded label sets, and their text for a scraper.
//
//   metrics::Registry registry;
//   metrics::Counter dropped = registry.AddCounter("breakwater_edge_packets_total", "Packets by verdict",
//                                                  {{"verdict", "drop_rule"}});
//   dropped.Add(17);
//   std::string page = registry.Text();
//
// Names are <app>_<component>_<what>_<unit>, counters end in _total, durations are in seconds. Label values come from
// closed sets (reasons, vectors, states): never an address, a rule's text or anything a packet carries. A name that
// Prometheus refuses, or one used with two types, is a programming error and ends the process.
//
// Handles are cheap to copy and valid as long as the registry. Thread-safe.
#ifndef BREAKWATER_COMMON_METRICS_METRICS_H_
#define BREAKWATER_COMMON_METRICS_METRICS_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace breakwater::metrics {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  void Add(double n = 1) const;  // n >= 0
  double Value() const;

 private:
  friend class Registry;
  explicit Counter(prometheus::Counter* impl) : impl_(impl) {}
  prometheus::Counter* impl_;
};

class Gauge {
 public:
  void Set(double value) const;
  double Value() const;

 private:
  friend class Registry;
  explicit Gauge(prometheus::Gauge* impl) : impl_(impl) {}
  prometheus::Gauge* impl_;
};

class Histogram {
 public:
  void Observe(double value) const;

 private:
  friend class Registry;
  explicit Histogram(prometheus::Histogram* impl) : impl_(impl) {}
  prometheus::Histogram* impl_;
};

// What is exported, for the reference documentation.
struct Description {
  std::string name;
  std::string type;  // "counter", "gauge", "histogram"
  std::string help;
  std::vector<std::string> labels;  // names, sorted
};

class Registry {
 public:
  Registry();
  ~Registry();

  // The same name and labels again give the same metric.
  Counter AddCounter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge AddGauge(std::string_view name, std::string_view help, const Labels& labels = {});
  // buckets are upper bounds in ascending order, +Inf not included.
  Histogram AddHistogram(std::string_view name, std::string_view help, std::vector<double> buckets,
                         const Labels& labels = {});

  // Prometheus text format 0.0.4.
  std::string Text() const;
  // Sorted by name.
  std::vector<Description> Describe() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace breakwater::metrics

#endif  // BREAKWATER_COMMON_METRICS_METRICS_H_
