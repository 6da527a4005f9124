// Any bytes as a command line and an environment: read, refused with exit code 2, or answered (--help) with 0; what was
// read is within its range, and a mistake is told without the secret that was given.

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "libs/config/parser.hpp"

namespace {

constexpr const char* kSecret = "hush-this-is-not-for-logs";

struct Settings {
  std::string data = "data";
  std::vector<std::string> bind{"127.0.0.1"};
  std::int64_t count = 20;
  std::uint16_t port = 8000;
  std::chrono::milliseconds deadline{5'000};
  std::optional<std::chrono::milliseconds> window{};
  agora::Secret<std::string> password{};
  bool json = false;

  std::optional<int> parse(int argc, const char* const* argv) {
    agora::config::Parser parser("fuzz", "Reads anything.", "FUZZ_");
    parser.option("data", data, "Text");
    parser.option("bind", bind, "List");
    parser.option("count", count, "Number", {.min = -3, .max = 9'999});
    parser.option("port", port, "Port", {.min = 1, .max = 65'535, .env = "FUZZ_PORT_NUMBER"});
    parser.option("http.deadline", deadline, "Time", {.min = 1, .max = 86'400'000});
    parser.option("window", window, "Time that has no default", {.min = 0, .max = 604'800'000});
    parser.option("password", password, "Secret");
    parser.flag("json", json, "Switch");
    parser.rule([this]() -> std::optional<std::string> {
      if (!window || *window >= deadline) return std::nullopt;
      return "--window must not be shorter than --http.deadline";
    });
    return parser.parse(argc, argv);
  }

  bool within_ranges() const {
    using std::chrono::milliseconds;
    return count >= -3 && count <= 9'999 && port >= 1 && deadline >= milliseconds(1) &&
           deadline <= milliseconds(86'400'000) && (!window || (*window >= deadline && window->count() <= 604'800'000));
  }
};

/// Lines: `NAME=value` with a name of the prefix goes into the environment, all else is an argument.
struct Input {
  std::vector<std::string> names{};
  std::vector<std::string> arguments{"fuzz"};

  explicit Input(const std::string& text) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line) && arguments.size() < 64;) {
      line = line.substr(0, line.find('\0'));
      const auto equals = line.find('=');
      // A _FILE names a file to read: of the machine's own there is nothing to learn.
      const bool is_variable = line.starts_with("FUZZ_") && equals != std::string::npos &&
                               line.substr(0, equals).find("_FILE") == std::string::npos;
      if (is_variable) {
        names.push_back(line.substr(0, equals));
        ::setenv(names.back().c_str(), line.c_str() + equals + 1, 1);
      } else {
        arguments.push_back(line);
      }
    }
  }
  ~Input() {
    for (const auto& name : names) ::unsetenv(name.c_str());
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  // Said elsewhere, it is no secret: libFuzzer finds it in our comparison below.
  if (text.find(kSecret) != std::string::npos) return 0;
  Input input(text);
  ::setenv("FUZZ_PASSWORD", kSecret, 1);
  std::vector<const char*> argv;
  for (const auto& argument : input.arguments) argv.push_back(argument.c_str());

  std::ostringstream told;
  auto* const out = std::cout.rdbuf(told.rdbuf());
  auto* const err = std::cerr.rdbuf(told.rdbuf());
  Settings settings;
  const auto code = settings.parse(static_cast<int>(argv.size()), argv.data());
  std::cout.rdbuf(out);
  std::cerr.rdbuf(err);

  if (code && *code != 0 && *code != 2) std::abort();
  if (code && told.str().empty()) std::abort();
  if (!code && !settings.within_ranges()) std::abort();
  if (told.str().find(kSecret) != std::string::npos) std::abort();
  return 0;
}
