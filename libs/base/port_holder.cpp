#include "libs/base/port_holder.hpp"

#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <unistd.h>

namespace agora {
namespace {

namespace fs = std::filesystem;

/// Inodes of the sockets that listen on the port: lines `sl local_address rem_address st … uid timeout inode`.
std::set<std::string> listening_inodes(std::uint16_t port) {
  static constexpr std::string_view kListen = "0A";
  std::set<std::string> inodes;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in(table);
    std::string line;
    while (std::getline(in, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, status, queues, timer, retransmits, uid, timeout, inode;
      fields >> slot >> local >> remote >> status >> queues >> timer >> retransmits >> uid >> timeout >> inode;
      const auto colon = local.rfind(':');
      if (colon == std::string::npos || status != kListen) continue;
      unsigned listening = 0;
      std::from_chars(local.data() + colon + 1, local.data() + local.size(), listening, 16);
      if (listening == port) inodes.insert("socket:[" + inode + "]");
    }
  }
  return inodes;
}

bool holds_any(const fs::path& process, const std::set<std::string>& inodes) {
  std::error_code ec;
  for (fs::directory_iterator at(process / "fd", ec), end; !ec && at != end; at.increment(ec)) {
    std::error_code unreadable;
    const auto target = fs::read_symlink(at->path(), unreadable);
    if (!unreadable && inodes.contains(target.string())) return true;
  }
  return false;
}

}  // namespace

std::string holder_of_port(std::uint16_t port) {
  const auto inodes = listening_inodes(port);
  std::error_code ec;
  for (fs::directory_iterator at("/proc", ec), end; !ec && !inodes.empty() && at != end; at.increment(ec)) {
    const auto pid = at->path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !holds_any(at->path(), inodes)) continue;
    std::string name;
    std::ifstream(at->path() / "comm") >> name;
    return "process " + pid + " (" + name + ")";
  }
  return "another process";
}

}  // namespace agora
