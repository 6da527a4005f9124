#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "libs/base/ctx.hpp"
#include "libs/base/task.hpp"
#include "libs/telemetry/metrics.hpp"

namespace agora::telemetry {

/// One round of a job. Returns whether there is more to do at once.
enum class MoreWork { no, yes };
using Job = std::function<Task<MoreWork>(Ctx)>;

/// Runs a job on an io_context again and again, `interval` apart (at once while there is more to do, or when it is
/// woken), until stopped. The job border: what a round throws is logged and counted here (`agora_job_failures_total`),
/// and the next round comes as if nothing had been; after several failures it lets a second pass, however short the
/// interval and whoever wakes it. Used on the io_context's thread.
class JobLoop {
 public:
  /// `deadline`: longest time of one round. `metrics` must outlive the loop.
  JobLoop(asio::io_context& io, std::string name, std::chrono::milliseconds interval,
          std::chrono::milliseconds deadline, Job job, Registry& metrics);
  ~JobLoop();

  /// There may be something to do: the next round starts now, or right after the one under way.
  void wake();
  /// No further round starts; returns when the one under way ended.
  Task<void> stop();

 private:
  struct State;
  static Task<void> run(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace agora::telemetry
