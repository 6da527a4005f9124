#pragma once
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace agora::cli {

/// A program to start: environment variables are set over ours, those of ours that begin with `without` left out.
struct Program {
  std::filesystem::path path;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment{};
  std::string without{};           ///< empty: none
  std::filesystem::path output{};  ///< file that all it writes is added to; empty: our stderr
};

/// Starts it as the leader of a process group of its own: a terminal's Ctrl-C reaches us alone. The kernel kills it
/// when the calling thread ends, however that happens. It reads nothing, and writes nothing to our stdout: that is for
/// data. No signal is blocked or ignored in it. Throws std::system_error when the program cannot be executed.
pid_t start(const Program& program);

/// A child that has ended; by an exit code or by a signal.
struct Ended {
  pid_t pid = 0;
  int exit_code = 0;
  int signal = 0;  ///< 0: it exited
};
/// Takes up one child that has ended, which leaves no zombie, and kills what it had started; none when there is none.
std::optional<Ended> reap();

/// Sends a signal to a child and all that it started.
void signal_group(pid_t leader, int signal);

/// Has the signals that end us, and SIGCHLD, wait for next_signal(). For the whole process, while it has one thread.
void take_signals();
/// The next of them, or none after `within`. SIGHUP, SIGINT and SIGTERM mean: stop.
std::optional<int> next_signal(std::chrono::milliseconds within);

}  // namespace agora::cli
