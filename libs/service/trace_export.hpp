#pragma once
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "libs/telemetry/job_loop.hpp"
#include "libs/telemetry/otlp.hpp"
#include "libs/transfer/http.hpp"

namespace agora::service {

/// Where traces go, and named limits; every one is a setting.
struct TraceExportOptions {
  std::string endpoint{};    ///< of OTLP/HTTP: `http://HOST:4318`; empty: nothing is traced
  std::string sampled{"1"};  ///< share of all traces, 0 to 1
  std::int64_t queue_max = 4'096;
  std::int64_t batch_max = 512;
  std::chrono::milliseconds interval{1'000};
  std::chrono::milliseconds deadline{3'000};  ///< of one request
  std::chrono::milliseconds backoff_max{30'000};

  /// None when it is no number from 0 to 1.
  std::optional<double> share() const;
};

/// Brings what a process' tracer keeps to a collector, in batches of OTLP/HTTP (binary protobuf). A batch that the
/// collector did not take is sent again while the tracer's bounded queue fills behind it; nobody waits for it. One that
/// it refuses for good is dropped and counted. Used on the io thread.
class TraceExport {
 public:
  /// `tracer` must outlive it.
  TraceExport(TraceExportOptions options, telemetry::Resource resource, telemetry::Tracer& tracer);

  /// For a JobLoop. It never throws what the collector does: that is said once, and once when it is over.
  telemetry::Job job();
  /// Sends what is left, once the job has stopped; as much as the deadline lets, nothing when the collector is away.
  Task<void> flush(Ctx ctx);

 private:
  Task<telemetry::MoreWork> round(Ctx ctx);
  /// Empty: taken. Else why not; `is_final` when the same would be refused again.
  Task<std::string> send(Ctx ctx, bool& is_final);
  void say(std::string trouble);

  TraceExportOptions options_;
  telemetry::Resource resource_;
  telemetry::Tracer& tracer_;
  std::string url_{};
  std::string body_{};         ///< the batch under way
  std::uint64_t in_body_ = 0;  ///< spans in it; 0: none is
  std::string trouble_{};
  std::chrono::milliseconds backoff_{0};
  Deadline not_before_{};
  transfer::Transfers transfers_{};  ///< last: what is under way reads the batch
};

}  // namespace agora::service
