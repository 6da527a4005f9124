#pragma once
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>

#include "libs/base/clock.hpp"
#include "libs/base/id.hpp"
#include "libs/base/money.hpp"
#include "libs/base/result.hpp"
#include "libs/json/document.hpp"

namespace agora::json {

/// Whether members that a struct does not have are an error (requests) or passed over (events, which grow).
enum class UnknownFields { refuse, ignore };

/// Most field errors reported for one document.
inline constexpr std::size_t kFieldErrorsMax = 100;

/// An integer of a range, written without point or exponent.
template <std::int64_t min, std::int64_t max>
struct Integer {
  std::int64_t value = min;
};

/// A string of at most `characters_max` code points, as JSON Schema counts maxLength.
template <std::size_t characters_max>
struct Text {
  std::string value{};
};

/// A member of a merge patch (RFC 7396): absent, null (remove it) or a value.
template <class T>
struct Change {
  bool given = false;
  std::optional<T> value{};
};

/// The ISO 4217 code of a currency that is in use.
struct CurrencyCode {
  std::optional<Currency> currency{};  ///< set once it was read
};

/// What is wrong with a value, before its pointer is known.
struct Problem {
  std::string code;
  std::string message;
};

/// How a type reads a value; specialize for your own: `static std::optional<Problem> read(const Node&, T&)`.
template <class T>
struct Bind;

/// A reading in progress: the errors so far, and whether unknown members are among them.
class Binding {
 public:
  explicit Binding(UnknownFields unknown) : unknown_(unknown) {}

  template <class T>
  void read(const Node& node, const std::string& pointer, T& value);
  std::vector<FieldError> take_errors() && { return std::move(errors_); }

 private:
  template <class T>
  void read_struct(const Node& node, const std::string& pointer, T& value);
  void add(const std::string& pointer, Problem problem);
  bool complained_of(const std::string& pointer) const;

  UnknownFields unknown_;
  std::vector<FieldError> errors_;
};

/// RFC 6901: `pointer` + "/" + name with `~` and `/` escaped.
std::string child_pointer(const std::string& pointer, std::string_view name);

std::optional<Problem> read_string(const Node& node, std::string& value);
/// Code points of well-formed UTF-8.
std::size_t count_characters(std::string_view text);
std::optional<Problem> read_integer(const Node& node, std::int64_t min, std::int64_t max, std::int64_t& value);

template <>
struct Bind<bool> {
  static std::optional<Problem> read(const Node& node, bool& value);
};
template <>
struct Bind<std::int64_t> {
  static std::optional<Problem> read(const Node& node, std::int64_t& value) {
    return read_integer(node, INT64_MIN, INT64_MAX, value);
  }
};
template <>
struct Bind<std::string> {
  static std::optional<Problem> read(const Node& node, std::string& value) { return read_string(node, value); }
};
template <>
struct Bind<Decimal> {
  static std::optional<Problem> read(const Node& node, Decimal& value);
};
template <>
struct Bind<CurrencyCode> {
  static std::optional<Problem> read(const Node& node, CurrencyCode& value);
};
template <>
struct Bind<Timestamp> {
  static std::optional<Problem> read(const Node& node, Timestamp& value);
};
template <class Tag>
struct Bind<Id<Tag>> {
  static std::optional<Problem> read(const Node& node, Id<Tag>& value) {
    std::string text;
    if (auto problem = read_string(node, text)) return problem;
    if (!is_id(text)) return Problem{"invalid_id", "must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -"};
    value = Id<Tag>(std::move(text));
    return std::nullopt;
  }
};
template <std::int64_t min, std::int64_t max>
struct Bind<Integer<min, max>> {
  static std::optional<Problem> read(const Node& node, Integer<min, max>& value) {
    return read_integer(node, min, max, value.value);
  }
};
template <std::size_t characters_max>
struct Bind<Text<characters_max>> {
  static std::optional<Problem> read(const Node& node, Text<characters_max>& value) {
    if (auto problem = read_string(node, value.value)) return problem;
    if (count_characters(value.value) <= characters_max) return std::nullopt;
    return Problem{"too_long", "must have at most " + std::to_string(characters_max) + " characters"};
  }
};

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_change = false;
template <class T>
inline constexpr bool is_change<Change<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
using Members = boost::describe::describe_members<T, boost::describe::mod_any_access>;
}  // namespace detail

template <class T>
void Binding::read(const Node& node, const std::string& pointer, T& value) {
  if (errors_.size() >= kFieldErrorsMax) return;
  if constexpr (detail::is_optional<T>) {
    if (node.kind() == Kind::null) return value.reset();
    read(node, pointer, value.emplace());
  } else if constexpr (detail::is_change<T>) {
    value.given = true;
    read(node, pointer, value.value);
  } else if constexpr (detail::is_vector<T>) {
    if (node.kind() != Kind::array) return add(pointer, {"wrong_type", "must be an array"});
    std::size_t index = 0;
    for (auto child = node.first(); child; child = child->next()) {
      read(*child, pointer + "/" + std::to_string(index++), value.emplace_back());
    }
  } else if constexpr (boost::describe::has_describe_members<T>::value) {
    read_struct(node, pointer, value);
  } else {
    if (auto problem = Bind<T>::read(node, value)) add(pointer, *std::move(problem));
  }
}

template <class T>
void Binding::read_struct(const Node& node, const std::string& pointer, T& value) {
  using List = detail::Members<T>;
  if (node.kind() != Kind::object) return add(pointer, {"wrong_type", "must be an object"});
  std::array<bool, boost::mp11::mp_size<List>::value + 1> seen{};
  for (auto child = node.first(); child; child = child->next()) {
    std::size_t index = 0;
    bool known = false;
    boost::mp11::mp_for_each<List>([&](auto member) {
      if (!known && child->key() == member.name) {
        known = true;
        seen[index] = true;
        read(*child, child_pointer(pointer, member.name), value.*member.pointer);
      }
      ++index;
    });
    if (!known && unknown_ == UnknownFields::refuse) {
      add(child_pointer(pointer, child->key()), {"unknown_field", "is not a field of this document"});
    }
  }
  std::size_t index = 0;
  boost::mp11::mp_for_each<List>([&](auto member) {
    using Member = std::remove_reference_t<decltype(value.*member.pointer)>;
    if (!seen[index++] && !detail::is_optional<Member> && !detail::is_change<Member>) {
      add(child_pointer(pointer, member.name), {"required", "is required"});
    }
  });
  if constexpr (requires(std::vector<FieldError>& errors) { value.check(pointer, errors); }) {
    std::vector<FieldError> broken;
    value.check(pointer, broken);
    for (auto& error : broken) {
      // What could not be read is empty now; its first complaint says why.
      if (!complained_of(error.pointer)) add(error.pointer, {std::move(error.code), std::move(error.message)});
    }
  }
}

}  // namespace agora::json
