#include "libs/telemetry/metrics.hpp"

#include <gtest/gtest.h>

namespace agora::telemetry {
namespace {

/// The exposition without what every process adds.
std::string exposed(const Registry& registry) {
  const auto text = registry.expose();
  return text.substr(0, text.find("# HELP process_cpu_seconds_total"));
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

TEST(Registry, TellsOfTheProcess) {
  const auto text = Registry().expose();
  for (const char* name : {"process_cpu_seconds_total ", "process_open_fds ", "process_resident_memory_bytes ",
                           "process_start_time_seconds "}) {
    EXPECT_NE(text.find(std::string("\n") + name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace agora::telemetry
