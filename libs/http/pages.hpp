#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/clock.hpp"
#include "libs/base/result.hpp"

namespace agora::http {

inline constexpr int kPageLimitDefault = 20;
inline constexpr int kPageLimitMax = 100;

/// What a cursor that cannot be used is answered with (400).
Error invalid_cursor();

/// Where a page goes on: opaque to clients, bound to the filters it was made under, and recognised when damaged.
/// base64url of 8 bytes of hash, then the fields with their lengths. Not a secret and not signed: it opens nothing that
/// the query would not.
struct Cursor {
  std::vector<std::string> fields;

  /// `filters`: a text that is the same for the same filters.
  std::string encode(std::string_view filters) const;
  /// "No": `invalid_cursor` (400) when it is damaged, has another number of fields, or was made under other filters.
  static Result<Cursor> decode(std::string_view text, std::string_view filters, std::size_t field_count);

  /// A field that is a time in microseconds, or an id. Anybody can make a cursor: "no" is `invalid_cursor`.
  Result<Timestamp> time(std::size_t field) const;
  template <class Id>
  Result<Id> id(std::size_t field) const {
    auto found = Id::parse(fields.at(field));
    if (!found) return invalid_cursor();
    return *std::move(found);
  }
};

/// The items of `a,b`, as they stand: of an empty text one that is empty. Views of `list`.
std::vector<std::string_view> split_list(std::string_view list);

/// A query string's parameters, taken one by one; what is left at the end is unknown. Collects all errors.
class QueryParameters {
 public:
  explicit QueryParameters(std::vector<std::pair<std::string, std::string>> parameters)
      : parameters_(std::move(parameters)) {}

  /// The value of a parameter; a second one of the name is an error.
  std::optional<std::string> take(std::string_view name);
  /// `limit`: 20 when absent, at most 100; below 1 or not a number is an error.
  int take_limit();
  /// Reports a parameter's value as wrong.
  void complain(std::string_view name, std::string code, std::string message);
  /// "No": `validation_failed` with everything that was wrong, unknown parameters included.
  Result<void> finish();

 private:
  std::vector<std::pair<std::string, std::string>> parameters_;
  std::vector<FieldError> errors_;
};

}  // namespace agora::http
