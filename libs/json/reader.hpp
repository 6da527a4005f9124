#pragma once
#include <cstdint>
#include <string_view>

#include "libs/base/result.hpp"
#include "libs/json/bind.hpp"
#include "libs/json/document.hpp"

namespace agora::json {

/// The error that carries field errors: Errc::invalid_argument, code `validation_failed`.
Error validation_failed(std::vector<FieldError> fields);

/// Reads one value of a document that is parsed already; pointers start at it.
template <class T>
Result<T> read(const Node& node, UnknownFields unknown) {
  T value{};
  Binding binding(unknown);
  binding.read(node, "", value);
  auto errors = std::move(binding).take_errors();
  if (!errors.empty()) return validation_failed(std::move(errors));
  return value;
}

/// Reads a JSON text into a Boost.Describe'd struct, reporting every field error at once with RFC 6901 pointers.
///
/// Two kinds of "no", both Errc::invalid_argument:
/// - the text is not JSON that we take: code `malformed_json`, `too_deep`, `too_many_values`, `duplicate_key` (HTTP
/// answers 400; see is_malformed());
/// - the text is JSON with wrong content: code `validation_failed`, `fields` has all of `required`, `unknown_field`,
/// `wrong_type`,
///   `out_of_range`, `null_character`, … (HTTP answers 422).
///
/// Member types understood: bool, std::int64_t, std::string, Decimal, Timestamp, Id<Tag>, Integer<min, max>, Text<max
/// characters>, described structs, std::vector, std::optional (absent or null), Change (absent, null or a value), and
/// whatever has a Bind<T>.
///
/// A rule between members is the struct's own `void check(const std::string& pointer, std::vector<FieldError>& errors)
/// const`: it is asked after the members were read, so that its complaints come with theirs. A member that is there
/// but wrong counts as there. Thread-safe: no state.
template <class T>
Result<T> read(std::string_view text, UnknownFields unknown = UnknownFields::refuse) {
  AGORA_TRY(const Document document, Document::parse(text));
  return read<T>(document.root(), unknown);
}

/// Whether a read() error says "not JSON" rather than "wrong content".
bool is_malformed(const Error& error);

}  // namespace agora::json
