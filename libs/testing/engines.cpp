#include "libs/testing/engines.hpp"

#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <unistd.h>

namespace agora::testing {
namespace {

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run: " + command);
  std::string output;
  std::array<char, 512> part{};
  while (std::fgets(part.data(), part.size(), pipe) != nullptr) output += part.data();
  if (::pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
  return output;
}

}  // namespace

std::string engine_url(const std::string& name) {
  std::string variable = "AGORA_ENGINE_" + name;
  for (auto& c : variable) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (const char* given = std::getenv(variable.c_str())) return given;
  const auto pid = std::to_string(::getpid());
  const auto output = output_of("'" AGORA_SOURCE_DIR "/tools/engines' start --only " + name +
                                " --state /dev/shm/agora-engines-" + name + "-" + pid + " --for " + pid);
  const auto start = output.find(variable + "=");
  if (start == std::string::npos) throw std::runtime_error("tools/engines said: " + output);
  const auto from = start + variable.size() + 1;
  return output.substr(from, output.find('\n', from) - from);
}

}  // namespace agora::testing
