#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "libs/base/clock.hpp"

namespace agora {

/// Roles a principal may hold; a set of them is a bit mask.
enum class Role : std::uint8_t { guest = 1, user = 2, support = 4, admin = 8, service = 16 };

/// Who asks.
struct Principal {
  /// How we know them. A demo guest has no subject: demo mode trusts the user that the request names.
  enum class Kind : std::uint8_t { anonymous, demo_guest, user };

  Kind kind = Kind::anonymous;
  std::uint8_t roles = 0;                ///< of Role
  std::string subject{};                 ///< user id; empty for anonymous and demo guests
  Timestamp expires = Timestamp::max();  ///< when its token is refused: what lasts longer than a request ends then

  bool has(Role role) const { return (roles & static_cast<std::uint8_t>(role)) != 0; }
};

/// W3C trace context (https://www.w3.org/TR/trace-context/): which trace this work belongs to. All zero: none.
struct TraceContext {
  std::array<std::uint8_t, 16> trace_id{};
  std::array<std::uint8_t, 8> span_id{};
  std::uint8_t flags = 0;

  bool valid() const { return trace_id != std::array<std::uint8_t, 16>{}; }
  /// 32 lower-case hex digits.
  std::string trace_id_hex() const;
  /// `00-<trace id>-<span id>-<flags>`, 55 characters.
  std::string traceparent() const;
};

/// First parameter of everything that can wait: on whose behalf, until when, and under which trace. A value; cheap to
/// move.
struct Ctx {
  Deadline deadline = Deadline::max();
  TraceContext trace{};
  Principal principal{};

  bool expired() const { return std::chrono::steady_clock::now() >= deadline; }
};

}  // namespace agora
