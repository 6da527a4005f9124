#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace agora::telemetry {

class Tracer;

/// Label names and values of one time series. Values come from closed sets (route templates, statuses), never ids.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// A number that only grows. Thread-safe, one relaxed atomic add.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// A number that goes up and down. Thread-safe.
class Gauge {
 public:
  void set(std::int64_t v) { value_.store(v, std::memory_order_relaxed); }
  void add(std::int64_t n) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

/// Buckets of OpenTelemetry's HTTP semantic conventions 1.44, seconds.
extern const std::vector<double> kDurationBuckets;

/// A distribution in fixed buckets. Thread-safe; observe() is two relaxed atomic adds. Values are ≥ 0; their sum is
/// kept in billionths and wraps at 1.8 × 10^10: seconds and sizes of groups, not bytes.
class Histogram {
 public:
  /// `bounds` in rising order, in the metric's base unit; +Inf is added.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);

  struct Snapshot {
    std::vector<double> bounds;
    std::vector<std::uint64_t> cumulative;  ///< one per bound, then +Inf
    double sum = 0;
  };
  Snapshot snapshot() const;

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<std::uint64_t> sum_nanos_{0};
};

/// All metrics of a process, under OpenTelemetry names in Prometheus form (`http_server_request_duration_seconds`).
/// References returned live as long as the registry; asking twice for one name and labels gives the same metric.
/// Asking for a name with another type, or for a gauge once with a callback and once without, throws std::logic_error.
/// Thread-safe.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  /// A gauge whose value is asked for when somebody scrapes, on the scraper's thread; `read` must not use the registry.
  void gauge_callback(std::string_view name, std::string_view help, Labels labels, std::function<std::int64_t()> read);
  Histogram& histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                       Labels labels = {});

  /// Spans of traces: who can count can also tell of what it did. As thread-safe as this.
  Tracer& tracer() { return *tracer_; }

  /// Prometheus text exposition format 0.0.4; what GET /metrics answers.
  std::string expose() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::unique_ptr<Tracer> tracer_;
};

}  // namespace agora::telemetry
