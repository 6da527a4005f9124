#pragma once
#include <iostream>
#include <string>
#include <string_view>

namespace agora::cli {

/// Exit codes of every command; cli/README.md documents them.
inline constexpr int kDone = 0;
/// It ran, and what it found is bad: violations, a copy that is damaged.
inline constexpr int kBad = 1;
/// It could not run: flags, files, a busy port. Whoever called must change something.
inline constexpr int kCannot = 2;

/// The commands, one file each. `argc` and `argv` begin at the command's own name. Each gives the exit code; what
/// keeps it from answering is thrown, and main says so.
int up(int argc, const char* const* argv);
int backup(int argc, const char* const* argv);
int restore(int argc, const char* const* argv);
int audit(int argc, const char* const* argv);
int migrate(int argc, const char* const* argv);
int migrate_copy(int argc, const char* const* argv);
int seed(int argc, const char* const* argv);
int events(int argc, const char* const* argv);
int keys(int argc, const char* const* argv);
int tokens(int argc, const char* const* argv);
int demo(int argc, const char* const* argv);

/// A line for people: to stderr, as stdout is for data.
inline void say(std::string_view text) {
  std::cerr << "agora: " << text << std::endl;
}

/// A line of JSON for programs, at once: they may wait for it.
inline void print_json(const std::string& json) {
  std::cout << json << std::endl;
}

}  // namespace agora::cli
