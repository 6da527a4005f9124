#pragma once
#include <chrono>
#include <cstdint>
#include <string>

namespace agora::http {

/// Asks `GET path` of a server on this machine and tells whether it answered 200 within the time. Blocks; for
/// `--check`, which containers run.
bool probe(const std::string& address, std::uint16_t port, const std::string& path, std::chrono::milliseconds within);

}  // namespace agora::http
