#include "libs/telemetry/job_loop.hpp"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "libs/log/log.hpp"
#include "libs/telemetry/trace.hpp"

namespace agora::telemetry {
namespace {

constexpr std::chrono::milliseconds kPauseMax{1'000};

}  // namespace

struct JobLoop::State {
  State(asio::io_context& io, std::string name_, std::chrono::milliseconds interval_,
        std::chrono::milliseconds deadline_, Job job_, Registry& metrics)
      : name(std::move(name_)),
        interval(interval_),
        deadline(deadline_),
        job(std::move(job_)),
        timer(io),
        ended(io, Deadline::max()),
        rounds(metrics.counter("agora_job_rounds_total", "Rounds of a job that ended, well or not.",
                               {{"job_name", name}})),
        failures(metrics.counter("agora_job_failures_total", "Rounds of a job that failed.", {{"job_name", name}})) {}

  std::string name;
  std::chrono::milliseconds interval;
  std::chrono::milliseconds deadline;
  Job job;
  asio::steady_timer timer;
  asio::steady_timer ended;  ///< cancelled when the loop has ended
  Counter& rounds;
  Counter& failures;
  std::chrono::milliseconds pause{0};  ///< after a failed round; twice as long after each
  bool woken = false;
  bool stopping = false;
  bool running = true;
};

JobLoop::JobLoop(asio::io_context& io, std::string name, std::chrono::milliseconds interval,
                 std::chrono::milliseconds deadline, Job job, Registry& metrics)
    : state_(std::make_shared<State>(io, std::move(name), interval, deadline, std::move(job), metrics)) {
  asio::co_spawn(io, run(state_), asio::detached);
}

JobLoop::~JobLoop() = default;

Task<void> JobLoop::run(std::shared_ptr<State> state) {
  while (!state->stopping) {
    auto more = MoreWork::no;
    bool well = true;
    state->woken = false;
    Ctx ctx;
    ctx.deadline = std::chrono::steady_clock::now() + state->deadline;
    ctx.trace = new_unsampled_trace();
    const auto failed = [&](std::string_view reason) {
      well = false;
      state->failures.add();
      log::warn(ctx, "a job's round failed", {{"job", state->name}, {"reason", reason}});
    };
    try {
      more = co_await state->job(ctx);
    } catch (const std::exception& failure) {
      failed(failure.what());
    } catch (...) {
      failed("not a standard exception");
    }
    state->rounds.add();
    state->pause =
        well ? std::chrono::milliseconds{0} : std::min(kPauseMax, std::max(state->interval, 2 * state->pause));
    if ((well && (more == MoreWork::yes || state->woken)) || state->stopping) continue;
    state->timer.expires_after(std::max(state->interval, state->pause));
    boost::system::error_code ec;
    co_await state->timer.async_wait(asio::redirect_error(asio::use_awaitable, ec));
  }
  state->running = false;
  state->ended.cancel();
}

void JobLoop::wake() {
  state_->woken = true;
  // What fails is not tried as often as somebody wishes it done.
  if (state_->pause == std::chrono::milliseconds{0}) state_->timer.cancel();
}

Task<void> JobLoop::stop() {
  const auto state = state_;
  state->stopping = true;
  state->timer.cancel();
  boost::system::error_code ec;
  if (state->running) co_await state->ended.async_wait(asio::redirect_error(asio::use_awaitable, ec));
}

}  // namespace agora::telemetry
