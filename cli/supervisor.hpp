#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/processes.hpp"
#include "cli/services.hpp"

namespace agora::cli {

/// Named limits of the supervisor; every number is a setting.
struct SupervisorLimits {
  std::chrono::milliseconds restart_first{100};     ///< pause before what died is started again
  std::chrono::milliseconds restart_max{10'000};    ///< the pause doubles up to it
  std::chrono::milliseconds restart_reset{30'000};  ///< after so long a life it begins with the first again
  std::chrono::milliseconds stop_deadline{30'000};  ///< for all to drain; then they are killed
};

/// A service to keep running, and where it answers.
struct Supervised {
  const Service& service;
  Program program;
  std::vector<std::string> urls;  ///< public, one for each address
  std::string internal_url;
  std::string address;  ///< where it is asked whether it is ready
  std::uint16_t internal_port;
};

/// Something to tell of a service.
struct Change {
  enum class Kind { started, ready, slow, died, refused, killed, stopped };
  Kind kind;
  const Supervised& service;
  pid_t pid = 0;
  Ended ended{};                              ///< died, refused, stopped
  std::chrono::milliseconds restart_after{};  ///< died
};

/// Starts services as children, restarts what dies, stops them all. Uses the process's signals (take_signals() was
/// called) and must be the only one to have children. Not thread-safe.
///
/// A child that was never ready and exits with code 2 is told something that only its caller can change (settings, a
/// busy port): it is not restarted, and all stop. One that was ready once is always started again.
class Supervisor {
 public:
  /// `tell` hears of every change; `all_ready` once, when all are.
  Supervisor(std::vector<Supervised> services, SupervisorLimits limits, std::function<void(const Change&)> tell,
             std::function<void()> all_ready);

  /// Runs until a signal says stop (exit code 0) or a child refuses (2); then none is left.
  int run();

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Child {
    Supervised service;
    pid_t pid = 0;  ///< 0: not running
    bool ready = false;
    bool was_ready = false;  ///< ever
    bool told_slow = false;
    Time started{};
    std::optional<Time> start_at{};     ///< when it is not running
    std::chrono::milliseconds pause{};  ///< before the next restart
  };

  void start_due();
  void start_one(Child& child);
  void start_again_later(Child& child);
  void ask_unready();
  void reap_all();
  void on_end(Child& child, const Ended& ended);
  void stop();
  bool any_running() const;
  std::chrono::milliseconds until_next() const;

  std::vector<Child> children_;
  SupervisorLimits limits_;
  std::function<void(const Change&)> tell_;
  std::function<void()> all_ready_;
  bool was_all_ready_ = false;
  bool refused_ = false;
  bool stopping_ = false;
};

}  // namespace agora::cli
