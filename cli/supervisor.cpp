#include "cli/supervisor.hpp"

#include <algorithm>

#include "cli/command.hpp"
#include "libs/base/port_holder.hpp"
#include "libs/http/probe.hpp"

namespace agora::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kProbeEvery{10};
constexpr milliseconds kProbeDeadline{500};
constexpr milliseconds kTellSlowAfter{10'000};
/// Nothing to do: a signal ends the wait sooner.
constexpr milliseconds kIdle{60'000};

/// Whether it is our child that answers there: another stack may hold the port, and then our child is about to say so.
bool is_other_process(std::uint16_t port, pid_t child) {
  const auto holder = holder_of_port(port);
  return holder.starts_with("process ") && !holder.starts_with("process " + std::to_string(child) + " ");
}

}  // namespace

Supervisor::Supervisor(std::vector<Supervised> services, SupervisorLimits limits,
                       std::function<void(const Change&)> tell, std::function<void()> all_ready)
    : limits_(limits), tell_(std::move(tell)), all_ready_(std::move(all_ready)) {
  for (auto& service : services) {
    children_.push_back(
        {.service = std::move(service), .start_at = steady_clock::now(), .pause = limits.restart_first});
  }
}

int Supervisor::run() {
  try {
    while (!refused_) {
      start_due();
      if (const auto signal = next_signal(until_next()); signal && *signal != SIGCHLD) break;
      reap_all();
      ask_unready();
    }
  } catch (const std::exception&) {
    stop();
    throw;
  }
  stop();
  return refused_ ? kCannot : kDone;
}

void Supervisor::start_due() {
  for (auto& child : children_) {
    if (!child.start_at || *child.start_at > steady_clock::now()) continue;
    try {
      start_one(child);
    } catch (const std::exception& error) {
      if (!child.was_ready) throw;
      // Out of memory or processes, or the program is just being replaced: what runs goes on.
      say(std::string(child.service.service.program) + " cannot be started now: " + error.what());
      start_again_later(child);
    }
  }
}

void Supervisor::start_one(Child& child) {
  child.pid = cli::start(child.service.program);
  child.start_at.reset();
  child.started = steady_clock::now();
  child.ready = false;
  child.told_slow = false;
  tell_({.kind = Change::Kind::started, .service = child.service, .pid = child.pid});
}

void Supervisor::ask_unready() {
  for (auto& child : children_) {
    if (child.pid == 0 || child.ready) continue;
    child.ready = http::probe(child.service.address, child.service.internal_port, "/readyz", kProbeDeadline) &&
                  !is_other_process(child.service.internal_port, child.pid);
    if (child.ready) {
      child.was_ready = true;
      tell_({.kind = Change::Kind::ready, .service = child.service, .pid = child.pid});
    } else if (!child.told_slow && steady_clock::now() - child.started > kTellSlowAfter) {
      child.told_slow = true;
      tell_({.kind = Change::Kind::slow, .service = child.service, .pid = child.pid});
    }
  }
  if (was_all_ready_ || !std::all_of(children_.begin(), children_.end(), [](const auto& c) { return c.ready; })) return;
  was_all_ready_ = true;
  all_ready_();
}

void Supervisor::reap_all() {
  while (const auto ended = reap()) {
    for (auto& child : children_) {
      if (child.pid == ended->pid) on_end(child, *ended);
    }
  }
}

void Supervisor::on_end(Child& child, const Ended& ended) {
  const auto lived = steady_clock::now() - child.started;
  Change change{.kind = Change::Kind::stopped, .service = child.service, .pid = child.pid, .ended = ended};
  child.pid = 0;
  child.ready = false;
  if (!stopping_ && !child.was_ready && ended.signal == 0 && ended.exit_code == kCannot) {
    change.kind = Change::Kind::refused;
    refused_ = true;
  } else if (!stopping_) {
    if (lived >= limits_.restart_reset) child.pause = limits_.restart_first;
    change.kind = Change::Kind::died;
    change.restart_after = child.pause;
    start_again_later(child);
  }
  tell_(change);
}

void Supervisor::start_again_later(Child& child) {
  child.start_at = steady_clock::now() + child.pause;
  child.pause = std::min(child.pause * 2, limits_.restart_max);
}

void Supervisor::stop() {
  stopping_ = true;
  reap_all();
  for (auto child = children_.rbegin(); child != children_.rend(); ++child) {
    if (child->pid != 0) signal_group(child->pid, SIGTERM);
  }
  const auto deadline = steady_clock::now() + limits_.stop_deadline;
  bool killed = false;
  while (any_running()) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
    const auto signal = next_signal(killed ? kIdle : std::max(left, milliseconds{0}));
    reap_all();
    // A second Ctrl-C means: now.
    const bool told_again = signal && *signal != SIGCHLD;
    if (killed || (!told_again && steady_clock::now() < deadline)) continue;
    killed = true;
    for (auto child = children_.rbegin(); child != children_.rend(); ++child) {
      if (child->pid == 0) continue;
      signal_group(child->pid, SIGKILL);
      tell_({.kind = Change::Kind::killed, .service = child->service, .pid = child->pid});
    }
  }
}

bool Supervisor::any_running() const {
  return std::any_of(children_.begin(), children_.end(), [](const auto& child) { return child.pid != 0; });
}

milliseconds Supervisor::until_next() const {
  auto wait = kIdle;
  for (const auto& child : children_) {
    if (child.pid != 0 && !child.ready) wait = std::min(wait, kProbeEvery);
    if (!child.start_at) continue;
    const auto left = std::chrono::ceil<milliseconds>(*child.start_at - steady_clock::now());
    wait = std::min(wait, std::max(left, milliseconds{0}));
  }
  return wait;
}

}  // namespace agora::cli
