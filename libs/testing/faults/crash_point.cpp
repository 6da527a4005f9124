#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unistd.h>

#include "libs/sql/faults.hpp"

namespace agora::faults {
namespace {

/// The point that AGORA_CRASH_POINT names, and the how-manieth passing fires: `order.place.written:3`. Passings count
/// once the file that AGORA_CRASH_FILE names is there, so that starting up does not; without that variable, at once.
/// With AGORA_CRASH_SIGNAL=STOP the process falls asleep there instead, until somebody sends SIGCONT.
struct Armed {
  std::string name{};
  long nth = 1;
  const char* file = nullptr;
  int signal = SIGKILL;
};

Armed read_armed() {
  const char* value = std::getenv("AGORA_CRASH_POINT");
  if (value == nullptr) return {};
  Armed armed{value, 1, std::getenv("AGORA_CRASH_FILE")};
  if (const auto colon = armed.name.find(':'); colon != std::string::npos) {
    armed.nth = std::strtol(armed.name.c_str() + colon + 1, nullptr, 10);
    armed.name.resize(colon);
  }
  const char* signal = std::getenv("AGORA_CRASH_SIGNAL");
  if (signal != nullptr && std::strcmp(signal, "STOP") == 0) armed.signal = SIGSTOP;
  return armed;
}

}  // namespace

void crash_point(const char* name) noexcept {
  static const Armed armed = read_armed();
  static std::atomic<long> passed{0};
  if (armed.name != name || (armed.file != nullptr && ::access(armed.file, F_OK) != 0)) return;
  // To this very thread: of a whole process that falls asleep it could still take a few steps.
  if (++passed == armed.nth) ::raise(armed.signal);
}

}  // namespace agora::faults
