#include "common/metrics/metrics.h"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <set>

#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

namespace breakwater::metrics {
namespace {

[[noreturn]] void Die(std::string_view name, std::string_view why) {
  std::fprintf(stderr, "metric %.*s: %.*s\n", static_cast<int>(name.size()), name.data(), static_cast<int>(why.size()),
               why.data());
  std::abort();
}

struct Family {
  std::string type;
  std::string help;
  std::set<std::string> labels;
};

}  // namespace

void Counter::Add(double n) const { impl_->Increment(n); }
double Counter::Value() const { return impl_->Value(); }
void Gauge::Set(double value) const { impl_->Set(value); }
double Gauge::Value() const { return impl_->Value(); }
void Histogram::Observe(double value) const { impl_->Observe(value); }

class Registry::Impl {
 public:
  // Builder is what prometheus::BuildCounter() and its siblings return.
  template <typename Builder, typename... Args>
  auto* Add(Builder builder, std::string_view type, std::string_view name, std::string_view help, const Labels& labels,
            const Args&... args) {
    {
      std::lock_guard lock(mutex_);
      const auto [family, added] =
          families_.try_emplace(std::string(name), Family{std::string(type), std::string(help), {}});
      if (family->second.type != type) Die(name, "is registered with another type");
      if (family->second.help != help) Die(name, "is registered with another help text");
      for (const auto& [label, value] : labels) family->second.labels.insert(label);
    }
    try {
      return &builder.Name(std::string(name)).Help(std::string(help)).Register(registry_).Add(labels, args...);
    } catch (const std::exception& error) {
      Die(name, error.what());
    }
  }

  std::string Text() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

  std::vector<Description> Describe() const {
    std::lock_guard lock(mutex_);
    std::vector<Description> out;
    for (const auto& [name, family] : families_) {
      out.push_back({name, family.type, family.help, {family.labels.begin(), family.labels.end()}});
    }
    return out;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Family> families_;
  prometheus::Registry registry_;
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Counter Registry::AddCounter(std::string_view name, std::string_view help, const Labels& labels) {
  return Counter(impl_->Add(prometheus::BuildCounter(), "counter", name, help, labels));
}

Gauge Registry::AddGauge(std::string_view name, std::string_view help, const Labels& labels) {
  return Gauge(impl_->Add(prometheus::BuildGauge(), "gauge", name, help, labels));
}

Histogram Registry::AddHistogram(std::string_view name, std::string_view help, std::vector<double> buckets,
                                 const Labels& labels) {
  return Histogram(impl_->Add(prometheus::BuildHistogram(), "histogram", name, help, labels, buckets));
}

std::string Registry::Text() const { return impl_->Text(); }
std::vector<Description> Registry::Describe() const { return impl_->Describe(); }

}  // namespace breakwater::metrics
