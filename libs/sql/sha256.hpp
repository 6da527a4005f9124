#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace agora::sql {

using Sha256 = std::array<std::byte, 32>;

/// SHA-256 (FIPS 180-4) of some bytes. Thread-safe.
Sha256 sha256(std::string_view bytes);

/// 64 lower-case hex digits.
std::string hex(const Sha256& hash);

}  // namespace agora::sql
