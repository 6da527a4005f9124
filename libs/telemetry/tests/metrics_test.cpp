#include "libs/telemetry/metrics.hpp"

#include <chrono>
#include <filesystem>
#include <iterator>
#include <stdexcept>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "libs/base/clock.hpp"

namespace agora::telemetry {
namespace {

/// The exposition without what every process adds.
std::string exposed(const Registry& registry) {
  const auto text = registry.expose();
  return text.substr(0, text.find("# HELP agora_log_dropped_lines_total"));
}

TEST(Registry, ExposesFamiliesInOrderEachTypedOnce) {
  Registry registry;
  registry.counter("b_total", "B.", {{"x", "1"}}).add(3);
  registry.counter("b_total", "B.", {{"x", "2"}}).add();
  registry.gauge("a", "A.").set(-5);
  registry.gauge_callback("c", "C.", {}, [] { return std::int64_t{7}; });
  EXPECT_EQ(exposed(registry),
            "# HELP a A.\n# TYPE a gauge\na -5\n"
            "# HELP b_total B.\n# TYPE b_total counter\nb_total{x=\"1\"} 3\nb_total{x=\"2\"} 1\n"
            "# HELP c C.\n# TYPE c gauge\nc 7\n");
}

TEST(Registry, ExposesHistogramsCumulatively) {
  Registry registry;
  auto& histogram = registry.histogram("h_seconds", "H.", {.5, 1}, {{"k", "v"}});
  for (const double value : {.1, .5, .7, 5.0}) histogram.observe(value);
  EXPECT_EQ(exposed(registry),
            "# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
            "h_seconds_bucket{k=\"v\",le=\"0.5\"} 2\nh_seconds_bucket{k=\"v\",le=\"1\"} "
            "3\nh_seconds_bucket{k=\"v\",le=\"+Inf\"} 4\n"
            "h_seconds_sum{k=\"v\"} 6.3\nh_seconds_count{k=\"v\"} 4\n");
}

TEST(Registry, EscapesLabelValuesAndHelp) {
  Registry registry;
  registry.counter("a_total", "line\nbreak \\", {{"x", "q\"b\\n\n"}}).add();
  EXPECT_EQ(exposed(registry),
            "# HELP a_total line\\nbreak \\\\\n# TYPE a_total counter\na_total{x=\"q\\\"b\\\\n\\n\"} 1\n");
}

TEST(Registry, GivesTheSameMetricForTheSameName) {
  Registry registry;
  EXPECT_EQ(&registry.counter("a_total", ""), &registry.counter("a_total", ""));
  EXPECT_NE(&registry.counter("a_total", ""), &registry.counter("a_total", "", {{"x", "y"}}));
  EXPECT_THROW(registry.gauge("a_total", ""), std::logic_error);
}

TEST(Registry, TakesLabelsInAnyOrderForTheSameMetric) {
  Registry registry;
  EXPECT_EQ(&registry.counter("a_total", "", {{"x", "1"}, {"y", "2"}}),
            &registry.counter("a_total", "", {{"y", "2"}, {"x", "1"}}));
  EXPECT_NE(&registry.counter("a_total", "", {{"x", "1"}, {"y", "2"}}),
            &registry.counter("a_total", "", {{"x", "2"}, {"y", "1"}}));
}

TEST(Registry, KeepsAGaugeThatSomebodyHolds) {
  Registry registry;
  const auto read = [] { return std::int64_t{1}; };
  registry.gauge("held", "").set(5);
  EXPECT_THROW(registry.gauge_callback("held", "", {}, read), std::logic_error);
  registry.gauge_callback("asked", "", {}, read);
  EXPECT_THROW(registry.gauge("asked", ""), std::logic_error);
  EXPECT_NE(exposed(registry).find("\nheld 5\n"), std::string::npos);
}

TEST(Registry, CountsFromManyThreads) {
  Registry registry;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&registry] {
      auto& counter = registry.counter("a_total", "");
      auto& histogram = registry.histogram("h", "", {1});
      for (int n = 0; n < 10'000; ++n) {
        counter.add();
        histogram.observe(2);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(registry.counter("a_total", "").value(), 40'000U);
  const auto snapshot = registry.histogram("h", "", {1}).snapshot();
  EXPECT_EQ(snapshot.cumulative, (std::vector<std::uint64_t>{0, 40'000}));
  EXPECT_EQ(snapshot.sum, 80'000);
}

/// The value of a metric without labels in what a fresh registry tells.
double told(const std::string& name) {
  const auto text = Registry().expose();
  const auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

TEST(Registry, TellsOfTheProcess) {
  EXPECT_GE(told("process_cpu_seconds_total"), 0);
  EXPECT_GT(told("process_resident_memory_bytes"), 1 << 20);
  const auto now = std::chrono::duration<double>(SystemClock().now().time_since_epoch()).count();
  EXPECT_NEAR(told("process_start_time_seconds"), now, 300);
  const auto before = told("process_open_fds");
  const int another = ::dup(STDOUT_FILENO);
  EXPECT_EQ(told("process_open_fds"), before + 1);
  ::close(another);
  const auto listed = std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  EXPECT_EQ(told("process_open_fds"), listed - 1);  // without the listing's own
  EXPECT_EQ(told("agora_log_dropped_lines_total"), 0);
}

}  // namespace
}  // namespace agora::telemetry
