#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/secret.hpp"

namespace agora::config {

/// Reads a program's settings once: flags over environment over defaults. All mistakes are printed together; then exit
/// code 2.
///
///     config::Parser parser("order-service", "Takes orders.", "AGORA_ORDER_");
///     parser.option("port", settings.port, "Public HTTP port", {.min = 1, .max = 65535});
///     if (auto exit_code = parser.parse(argc, argv)) return *exit_code;
///
/// The variable's value before parse() is the default. Every option is a flag (`--port`) and an environment variable:
/// prefix + NAME in upper case with `_` for `-` and `.` (`AGORA_ORDER_PORT`), unless `env` names another (`AGORA_ENV`).
/// For a Secret also `<VARIABLE>_FILE`, the path of a file that holds it; newlines at its end do not count. A flag
/// given twice, an unknown flag, or an unknown variable that starts with the prefix, is a mistake, the latter two
/// answered with the nearest known name. Built in: --help, --version (version and commit), --print-config (every
/// option, its value and where it came from; secrets masked). Not thread-safe; what the options refer to must outlive
/// it.
class Parser {
 public:
  Parser(std::string program, std::string description, std::string env_prefix);
  ~Parser();

  /// Smallest and largest value, and a variable other than prefix + NAME.
  struct Range {
    std::int64_t min;
    std::int64_t max;
    std::string env{};
  };
  struct Names {
    std::string env;
  };

  void option(std::string name, std::string& value, std::string help, Names names = Names());
  void option(std::string name, std::vector<std::string>& value, std::string help,
              Names names = Names());  ///< comma separated
  void option(std::string name, std::int64_t& value, std::string help, Range range);
  void option(std::string name, std::uint16_t& value, std::string help, Range range);
  /// `250ms`, `5s`, `15min`, `24h`, `7d`; a bare number is a mistake. The range is in milliseconds.
  void option(std::string name, std::chrono::milliseconds& value, std::string help, Range range);
  /// The same, and whether it was given at all (its default depends on others).
  void option(std::string name, std::optional<std::chrono::milliseconds>& value, std::string help, Range range);
  void option(std::string name, Secret<std::string>& value, std::string help, Names names = Names());
  /// A switch: `--standalone`, `--standalone=false`, `AGORA_ORDER_STANDALONE=1|true|0|false`.
  void flag(std::string name, bool& value, std::string help, Names names = Names());

  /// A rule over several settings, checked after all were read; return a sentence when it does not hold.
  void rule(std::function<std::optional<std::string>()> check);

  /// None: go on. Otherwise main returns the code: 0 after --help, --version, --print-config; 2 after mistakes (printed
  /// to stderr).
  std::optional<int> parse(int argc, const char* const* argv);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agora::config
