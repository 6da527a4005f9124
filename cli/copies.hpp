#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/services.hpp"

namespace agora::cli {

/// A service's file in a folder.
struct DatabaseFile {
  const Service& service;
  std::filesystem::path path;
};

/// The services' SQLite files that are in a folder. Throws when there is none: it is the wrong folder.
std::vector<DatabaseFile> databases_in(const std::filesystem::path& folder);

/// What a command did with a file, or would do.
struct Copied {
  std::string service;
  std::filesystem::path from;
  std::filesystem::path to;
  std::uintmax_t bytes = 0;
  std::optional<std::string> log_id{};          ///< restore: the new one
  std::optional<std::filesystem::path> kept{};  ///< restore: where the file before it went
  std::string note{};                           ///< what people should know
};
/// `done`: "copied", "would copy".
void print_copies(const std::vector<Copied>& copies, const std::string& done, bool json);

}  // namespace agora::cli
