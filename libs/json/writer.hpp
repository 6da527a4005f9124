#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/id.hpp"
#include "libs/base/money.hpp"

namespace agora::json {

/// Appends JSON to a string, front to back; commas are its business, balance is the caller's. Money is written as a
/// number in major units with the currency's decimals (`999.98`), Timestamp as RFC 3339, none as null. No floating
/// point: what is not exact is not written here. Not thread-safe; the string must outlive the writer.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  Writer& begin_object();
  Writer& end_object();
  Writer& begin_array();
  Writer& end_array();
  /// A member's name, which needs no escaping: a literal of ours.
  Writer& key(std::string_view name);

  Writer& value(std::string_view text);
  Writer& value(const char* text) { return value(std::string_view(text)); }
  Writer& value(const std::string& text) { return value(std::string_view(text)); }
  Writer& value(bool flag);
  Writer& value(std::int64_t number);
  Writer& value(int number) { return value(std::int64_t{number}); }
  Writer& value(std::uint64_t number);
  Writer& value(std::nullptr_t);
  Writer& value(const Money& money);
  Writer& value(Currency currency) { return value(currency.code()); }
  Writer& value(Timestamp time);
  template <class Tag>
  Writer& value(const Id<Tag>& id) {
    return value(std::string_view(id.str()));
  }
  template <class T>
  Writer& value(const std::optional<T>& maybe) {
    return maybe ? value(*maybe) : value(nullptr);
  }
  /// Text that is JSON already.
  Writer& raw(std::string_view json);

  /// key(name).value(v)
  template <class T>
  Writer& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

 private:
  void separate();

  std::string& out_;
  bool first_ = true;
};

}  // namespace agora::json
