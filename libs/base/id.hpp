#pragma once
#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "libs/base/clock.hpp"

namespace agora {

/// Longest id taken from outside, in characters.
inline constexpr std::size_t kIdLengthMax = 64;

/// Whether text may be an id: 1–64 of `[A-Za-z0-9_-]`.
bool is_id(std::string_view text);

/// An opaque identifier of one kind of thing; the tag keeps an order's id from being passed as an offer's.
/// A lower-case UUIDv7 when we make it, any is_id() text when others do. Compares bytewise.
template <class Tag>
class Id {
 public:
  Id() = default;
  /// Unchecked: for text that a reader has checked with is_id(), or that comes from our own database.
  explicit Id(std::string text) : text_(std::move(text)) {}
  explicit Id(std::string_view text) : text_(text) {}
  explicit Id(const char* text) : text_(text) {}

  /// The id of outside text, or none when it cannot be one.
  static std::optional<Id> parse(std::string_view text) {
    if (!is_id(text)) return std::nullopt;
    return Id(text);
  }

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend auto operator<=>(const Id&, const Id&) = default;
  friend bool operator==(const Id&, const Id&) = default;

 private:
  std::string text_;
};

/// A new UUIDv7 (RFC 9562 §5.7), 36 lower-case characters: 48 bits of milliseconds, then 74 random bits from the
/// kernel. Thread-safe. Not a secret. Order by sequence or time columns, never by these: ids of one millisecond are
/// unordered.
std::string new_uuid_v7(Timestamp now);

template <class Tag>
Id<Tag> new_id(Timestamp now) {
  return Id<Tag>(new_uuid_v7(now));
}

/// A short human number: 10 Crockford base32 characters of 50 random bits. Unique only with a unique index: drawn again
/// on conflict.
std::string new_human_number();

/// `size` random bytes from the kernel (getrandom(2)), buffered per thread. Throws std::system_error when the kernel
/// has none.
void fill_random(void* out, std::size_t size);

}  // namespace agora

template <class Tag>
struct std::hash<agora::Id<Tag>> {
  std::size_t operator()(const agora::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.str()); }
};
