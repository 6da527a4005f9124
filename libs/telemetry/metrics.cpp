#include "libs/telemetry/metrics.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <unistd.h>
#include <variant>

#include <fmt/format.h>

#include "libs/log/log.hpp"
#include "libs/telemetry/tracer.hpp"

namespace agora::telemetry {
namespace {

enum class Type { counter, gauge, histogram };

struct Series {
  Labels labels;
  std::variant<std::monostate, std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>,
               std::function<std::int64_t()>>
      metric;
};

struct Family {
  Type type;
  std::string help;
  std::vector<std::unique_ptr<Series>> series;
};

std::string escape(std::string_view text, bool quotes) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string label_text(const Labels& labels, std::string_view extra_name = {}, std::string_view extra_value = {}) {
  std::string out;
  const auto add = [&](std::string_view name, std::string_view value) {
    out += out.empty() ? "{" : ",";
    out += fmt::format("{}=\"{}\"", name, escape(value, true));
  };
  for (const auto& [name, value] : labels) add(name, value);
  if (!extra_name.empty()) add(extra_name, extra_value);
  if (!out.empty()) out += '}';
  return out;
}

std::string_view type_name(Type type) {
  switch (type) {
    case Type::counter:
      return "counter";
    case Type::gauge:
      return "gauge";
    case Type::histogram:
      return "histogram";
  }
  return "untyped";
}

void expose_histogram(std::string& out, const std::string& name, const Series& series, const Histogram& histogram) {
  const auto snapshot = histogram.snapshot();
  for (std::size_t i = 0; i < snapshot.cumulative.size(); ++i) {
    const auto le = i < snapshot.bounds.size() ? fmt::format("{}", snapshot.bounds[i]) : std::string("+Inf");
    out += fmt::format("{}_bucket{} {}\n", name, label_text(series.labels, "le", le), snapshot.cumulative[i]);
  }
  out += fmt::format("{}_sum{} {}\n", name, label_text(series.labels), snapshot.sum);
  out += fmt::format("{}_count{} {}\n", name, label_text(series.labels), snapshot.cumulative.back());
}

/// What every process says of itself, from /proc.
struct ProcessStats {
  std::int64_t resident_bytes = 0;
  std::int64_t open_fds = 0;
  double cpu_seconds = 0;
  double start_seconds = 0;
};

ProcessStats read_process_stats() {
  ProcessStats stats;
  std::int64_t pages = 0;
  std::int64_t ignored = 0;
  std::ifstream("/proc/self/statm") >> ignored >> pages;
  stats.resident_bytes = pages * ::sysconf(_SC_PAGESIZE);
  std::error_code ec;
  for (std::filesystem::directory_iterator at("/proc/self/fd", ec), end; !ec && at != end; at.increment(ec)) {
    ++stats.open_fds;
  }
  // One of them is the directory being read.
  if (stats.open_fds > 0) --stats.open_fds;
  std::string line;
  std::ifstream stat("/proc/self/stat");
  std::getline(stat, line);
  // The second field is the name in parentheses and may hold blanks; what follows starts with field 3.
  const auto name_end = line.rfind(')');
  if (name_end == std::string::npos) return stats;
  std::vector<std::string> fields;
  std::string field;
  for (const char c : line.substr(name_end + 2) + ' ') {
    if (c != ' ') {
      field += c;
      continue;
    }
    fields.push_back(std::move(field));
    field.clear();
  }
  if (fields.size() < 20) return stats;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  stats.cpu_seconds = (std::stod(fields[11]) + std::stod(fields[12])) / ticks;
  std::string key;
  std::ifstream boot("/proc/stat");
  while (boot >> key) {
    if (key == "btime") {
      boot >> stats.start_seconds;
      break;
    }
    std::getline(boot, line);
  }
  stats.start_seconds += std::stod(fields[19]) / ticks;
  return stats;
}

void expose_traces(std::string& out, const Tracer::Counters& spans) {
  out += fmt::format(
      "# HELP agora_trace_spans_dropped_total Spans of traces that nobody will see.\n"
      "# TYPE agora_trace_spans_dropped_total counter\n"
      "agora_trace_spans_dropped_total{{reason=\"queue_full\"}} {}\n"
      "agora_trace_spans_dropped_total{{reason=\"refused\"}} {}\n"
      "# HELP agora_trace_spans_exported_total Spans of traces that the collector took.\n"
      "# TYPE agora_trace_spans_exported_total counter\nagora_trace_spans_exported_total {}\n",
      spans.queue_full.value(), spans.refused.value(), spans.exported.value());
}

void expose_process(std::string& out) {
  const auto stats = read_process_stats();
  out += fmt::format(
      "# HELP agora_log_dropped_lines_total Log lines dropped because the queue was full.\n"
      "# TYPE agora_log_dropped_lines_total counter\nagora_log_dropped_lines_total {}\n"
      "# HELP process_cpu_seconds_total User and system CPU time.\n# TYPE process_cpu_seconds_total counter\n"
      "process_cpu_seconds_total {}\n"
      "# HELP process_open_fds Open file descriptors.\n# TYPE process_open_fds gauge\nprocess_open_fds {}\n"
      "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n"
      "process_resident_memory_bytes {}\n"
      "# HELP process_start_time_seconds Start time since 1970.\n# TYPE process_start_time_seconds gauge\n"
      "process_start_time_seconds {}\n",
      log::dropped(), stats.cpu_seconds, stats.open_fds, stats.resident_bytes, stats.start_seconds);
}

}  // namespace

const std::vector<double> kDurationBuckets{.005, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10};

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::observe(double value) {
  const auto bucket =
      static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  if (value > 0) sum_nanos_.fetch_add(static_cast<std::uint64_t>(value * 1e9), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot snapshot{bounds_, {}, 0};
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    total += counts_[i].load(std::memory_order_relaxed);
    snapshot.cumulative.push_back(total);
  }
  snapshot.sum = static_cast<double>(sum_nanos_.load(std::memory_order_relaxed)) / 1e9;
  return snapshot;
}

struct Registry::Impl {
  mutable std::mutex mutex;
  std::map<std::string, Family, std::less<>> families;

  /// The series of a name and labels; a new one has no metric yet.
  Series& series(std::string_view name, std::string_view help, Type type, Labels labels) {
    auto found = families.find(name);
    if (found == families.end()) {
      found = families.emplace(std::string(name), Family{type, std::string(help), {}}).first;
    }
    auto& family = found->second;
    if (family.type != type) throw std::logic_error("metric of another type: " + std::string(name));
    for (auto& series : family.series) {
      // In any order: two orders of the same labels would be one series told twice.
      if (std::is_permutation(series->labels.begin(), series->labels.end(), labels.begin(), labels.end())) {
        return *series;
      }
    }
    family.series.push_back(std::make_unique<Series>(Series{std::move(labels), {}}));
    return *family.series.back();
  }

  template <class Metric, class... Args>
  Metric& get(std::string_view name, std::string_view help, Type type, Labels labels, const Args&... args) {
    const std::lock_guard lock(mutex);
    auto& entry = series(name, help, type, std::move(labels));
    if (std::holds_alternative<std::monostate>(entry.metric)) entry.metric = std::make_unique<Metric>(args...);
    auto* metric = std::get_if<std::unique_ptr<Metric>>(&entry.metric);
    if (metric == nullptr) throw std::logic_error("metric with a callback: " + std::string(name));
    return **metric;
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()), tracer_(std::make_unique<Tracer>()) {}
Registry::~Registry() = default;

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
  return impl_->get<Counter>(name, help, Type::counter, std::move(labels));
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
  return impl_->get<Gauge>(name, help, Type::gauge, std::move(labels));
}

void Registry::gauge_callback(std::string_view name, std::string_view help, Labels labels,
                              std::function<std::int64_t()> read) {
  const std::lock_guard lock(impl_->mutex);
  auto& metric = impl_->series(name, help, Type::gauge, std::move(labels)).metric;
  // Somebody holds the gauge that this would replace.
  if (std::holds_alternative<std::unique_ptr<Gauge>>(metric)) {
    throw std::logic_error("metric without a callback: " + std::string(name));
  }
  metric = std::move(read);
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, const std::vector<double>& bounds,
                               Labels labels) {
  return impl_->get<Histogram>(name, help, Type::histogram, std::move(labels), bounds);
}

std::string Registry::expose() const {
  std::string out;
  const std::lock_guard lock(impl_->mutex);
  for (const auto& [name, family] : impl_->families) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escape(family.help, false), name, type_name(family.type));
    for (const auto& series : family.series) {
      if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&series->metric)) {
        out += fmt::format("{}{} {}\n", name, label_text(series->labels), (*counter)->value());
      } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&series->metric)) {
        out += fmt::format("{}{} {}\n", name, label_text(series->labels), (*gauge)->value());
      } else if (const auto* histogram = std::get_if<std::unique_ptr<Histogram>>(&series->metric)) {
        expose_histogram(out, name, *series, **histogram);
      } else {
        const auto& read = std::get<std::function<std::int64_t()>>(series->metric);
        out += fmt::format("{}{} {}\n", name, label_text(series->labels), read());
      }
    }
  }
  expose_process(out);
  expose_traces(out, tracer_->counters());
  return out;
}

}  // namespace agora::telemetry
