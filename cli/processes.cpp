#include "cli/processes.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace agora::cli {
namespace {

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

std::vector<std::string> merged_environment(const Program& program) {
  std::map<std::string, std::string> values;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string entry(*at);
    const auto equals = entry.find('=');
    if (equals == std::string::npos) continue;
    if (!program.without.empty() && entry.starts_with(program.without)) continue;
    values[entry.substr(0, equals)] = entry.substr(equals + 1);
  }
  for (const auto& [name, value] : program.environment) values[name] = value;
  std::vector<std::string> entries;
  entries.reserve(values.size());
  for (const auto& [name, value] : values) entries.push_back(name + "=" + value);
  return entries;
}

/// As execve(2) takes them; refers to `texts`.
std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  all.reserve(texts.size() + 1);
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

sigset_t taken_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGCHLD, SIGHUP, SIGINT, SIGTERM}) sigaddset(&set, signal);
  return set;
}

/// Between fork and exec: system calls alone, no allocation. Gives errno when the program could not be executed.
int become(const char* path, const char* output, char* const* arguments, char* const* environment, pid_t parent) {
  ::setpgid(0, 0);
  // KILL, not TERM: it must go even if it is stopped or stuck, and the services survive it.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have gone before that took effect.
  if (::getppid() != parent) ::_exit(1);
  for (const int signal : {SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGQUIT}) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
  if (*output != '\0') {
    const int file = ::open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (file < 0) return errno;
    ::dup2(file, STDERR_FILENO);
  }
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  ::execve(path, arguments, environment);
  return errno;
}

}  // namespace

pid_t start(const Program& program) {
  const auto path = program.path.string();
  const auto output = program.output.string();
  std::vector<std::string> arguments{path};
  arguments.insert(arguments.end(), program.arguments.begin(), program.arguments.end());
  auto environment = merged_environment(program);
  const auto argument_pointers = pointers(arguments);
  const auto environment_pointers = pointers(environment);
  // Closed by a successful exec; otherwise it brings the error.
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) fail(errno, "cannot make a pipe");
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) {
    const int error =
        become(path.c_str(), output.c_str(), argument_pointers.data(), environment_pointers.data(), parent);
    [[maybe_unused]] const auto told = ::write(pipe[1], &error, sizeof error);
    ::_exit(127);
  }
  const int fork_error = errno;
  ::close(pipe[1]);
  int error = 0;
  const bool failed = child < 0 || ::read(pipe[0], &error, sizeof error) == static_cast<ssize_t>(sizeof error);
  ::close(pipe[0]);
  if (child < 0) fail(fork_error, "cannot start " + path);
  if (failed) {
    ::waitpid(child, nullptr, 0);
    fail(error, "cannot start " + path);
  }
  return child;
}

std::optional<Ended> reap() {
  siginfo_t info{};
  if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return std::nullopt;
  const pid_t pid = info.si_pid;
  // While it is a zombie, its id can be nobody else's.
  signal_group(pid, SIGKILL);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (WIFSIGNALED(status)) return Ended{pid, 0, WTERMSIG(status)};
  return Ended{pid, WEXITSTATUS(status), 0};
}

void signal_group(pid_t leader, int signal) {
  ::kill(-leader, signal);
}

void take_signals() {
  // Where it is ignored, as some parents leave it, children end without a status.
  ::signal(SIGCHLD, SIG_DFL);
  const auto set = taken_signals();
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
}

std::optional<int> next_signal(std::chrono::milliseconds within) {
  const auto set = taken_signals();
  timespec time{};
  time.tv_sec = within.count() / 1'000;
  time.tv_nsec = within.count() % 1'000 * 1'000'000;
  const int signal = ::sigtimedwait(&set, nullptr, &time);
  if (signal < 0) return std::nullopt;
  return signal;
}

}  // namespace agora::cli
