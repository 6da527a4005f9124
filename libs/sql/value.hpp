#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "libs/base/clock.hpp"
#include "libs/base/id.hpp"

namespace agora::sql {

/// One SQL text per statement; where the engines differ, both forms stand side by side. Parameters are named `$1`,
/// `$2`, … on both. Declare as `static constexpr` with literals: prepared statements are cached by the literal's
/// address, once per connection.
struct Sql {
  const char* sqlite;
  const char* postgresql;

  constexpr Sql(const char* both) : sqlite(both), postgresql(both) {}
  constexpr Sql(const char* for_sqlite, const char* for_postgresql) : sqlite(for_sqlite), postgresql(for_postgresql) {}
};

using Bytes = std::span<const std::byte>;

/// A parameter: null, 64-bit integer, text or bytes. Text and bytes are borrowed until the statement ran.
class Value {
 public:
  using Variant = std::variant<std::monostate, std::int64_t, std::string_view, Bytes>;

  Value(std::nullptr_t) {}
  Value(std::int64_t v) : v_(v) {}
  Value(int v) : v_(std::int64_t{v}) {}
  Value(bool v) : v_(std::int64_t{v ? 1 : 0}) {}
  Value(std::string_view v) : v_(v) {}
  Value(const std::string& v) : v_(std::string_view(v)) {}
  Value(const char* v) : v_(std::string_view(v)) {}
  Value(Bytes v) : v_(v) {}
  Value(Timestamp v) : v_(std::int64_t{v.time_since_epoch().count()}) {}
  template <class Tag>
  Value(const Id<Tag>& v) : v_(std::string_view(v.str())) {}
  template <class T>
  Value(const std::optional<T>& v) {
    if (v) v_ = Value(*v).v_;
  }

  const Variant& get() const { return v_; }

 private:
  Variant v_;
};

}  // namespace agora::sql
