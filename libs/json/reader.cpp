#include "libs/json/reader.hpp"

#include <algorithm>

namespace agora::json {
namespace {

/// A member name of the caller's, as far as it is quoted in a pointer.
constexpr std::size_t kPointerNameMax = 64;

/// The start of a UTF-8 text, cut between characters: half a one would make the answer that quotes it no JSON.
std::string_view start_of(std::string_view text) {
  if (text.size() <= kPointerNameMax) return text;
  auto size = kPointerNameMax;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size);
}

}  // namespace

bool is_malformed(const Error& error) {
  return error.code == "malformed_json" || error.code == "too_deep" || error.code == "too_many_values" ||
         error.code == "duplicate_key";
}

Error validation_failed(std::vector<FieldError> fields) {
  return Error{Errc::invalid_argument, "validation_failed", "The request has fields that are not right.",
               std::move(fields)};
}

std::string child_pointer(const std::string& pointer, std::string_view name) {
  std::string child = pointer + "/";
  for (const char c : start_of(name)) {
    if (c == '~') {
      child += "~0";
    } else if (c == '/') {
      child += "~1";
    } else {
      child += c;
    }
  }
  return child;
}

void Binding::add(const std::string& pointer, Problem problem) {
  if (errors_.size() < kFieldErrorsMax) {
    errors_.push_back({pointer, std::move(problem.code), std::move(problem.message)});
  }
}

bool Binding::complained_of(const std::string& pointer) const {
  return std::any_of(errors_.begin(), errors_.end(), [&](const FieldError& e) { return e.pointer == pointer; });
}

std::optional<Problem> read_string(const Node& node, std::string& value) {
  if (node.kind() != Kind::string) return Problem{"wrong_type", "must be a string"};
  if (node.has_null_character()) return Problem{"null_character", "must not contain U+0000"};
  value = node.text();
  return std::nullopt;
}

std::size_t count_characters(std::string_view text) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

std::optional<Problem> read_integer(const Node& node, std::int64_t min, std::int64_t max, std::int64_t& value) {
  if (node.kind() != Kind::number) return Problem{"wrong_type", "must be an integer"};
  const auto text = node.text();
  if (text.find_first_of(".eE") != std::string_view::npos || text == "-0") {
    return Problem{"not_an_integer", "must be an integer without point or exponent"};
  }
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value < min || value > max) {
    value = min;
    return Problem{"out_of_range", "must be from " + std::to_string(min) + " to " + std::to_string(max)};
  }
  return std::nullopt;
}

std::optional<Problem> Bind<bool>::read(const Node& node, bool& value) {
  if (node.kind() != Kind::boolean) return Problem{"wrong_type", "must be true or false"};
  value = node.boolean();
  return std::nullopt;
}

std::optional<Problem> Bind<Decimal>::read(const Node& node, Decimal& value) {
  if (node.kind() != Kind::number) return Problem{"wrong_type", "must be a number"};
  auto parsed = Decimal::parse(node.text());
  if (!parsed) return Problem{parsed.error().code, parsed.error().message};
  value = *parsed;
  return std::nullopt;
}

std::optional<Problem> Bind<CurrencyCode>::read(const Node& node, CurrencyCode& value) {
  std::string code;
  if (auto problem = read_string(node, code)) return problem;
  value.currency = Currency::from_code(code);
  if (!value.currency) return Problem{"invalid_currency", "must be an ISO 4217 code of a currency in use"};
  return std::nullopt;
}

std::optional<Problem> Bind<Timestamp>::read(const Node& node, Timestamp& value) {
  std::string text;
  if (auto problem = read_string(node, text)) return problem;
  const auto parsed = parse_rfc3339(text);
  if (!parsed) return Problem{"invalid_time", "must be a time by RFC 3339"};
  value = *parsed;
  return std::nullopt;
}

}  // namespace agora::json
