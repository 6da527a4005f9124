#include "libs/http/pages.hpp"

#include <algorithm>
#include <charconv>

#include "libs/base/base64url.hpp"
#include "libs/json/reader.hpp"

namespace agora::http {
namespace {

constexpr std::size_t kHashBytes = 8;
constexpr std::size_t kCursorMax = 1'024;

/// FNV-1a, 64 bits: finds damage and foreign filters, keeps no secret.
std::string hash_of(std::string_view filters, std::string_view payload) {
  std::uint64_t hash = 14'695'981'039'346'656'037ULL;
  const auto mix = [&hash](std::string_view bytes) {
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1'099'511'628'211ULL;
  };
  mix(filters);
  mix(std::string_view("\0", 1));
  mix(payload);
  std::string out;
  for (std::size_t i = 0; i < kHashBytes; ++i) out += static_cast<char>(hash >> (8 * i));
  return out;
}

}  // namespace

std::string Cursor::encode(std::string_view filters) const {
  std::string payload;
  for (const auto& field : fields) {
    payload += static_cast<char>(field.size() >> 8);
    payload += static_cast<char>(field.size());
    payload += field;
  }
  return to_base64url(hash_of(filters, payload) + payload);
}

Error invalid_cursor() {
  return {Errc::invalid_argument, "invalid_cursor",
          "The cursor is damaged or belongs to other filters; start without one."};
}

Result<Timestamp> Cursor::time(std::size_t field) const {
  const auto& text = fields.at(field);
  std::int64_t micros = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), micros);
  if (ec != std::errc{} || end != text.data() + text.size()) return invalid_cursor();
  return Timestamp(std::chrono::microseconds(micros));
}

Result<Cursor> Cursor::decode(std::string_view text, std::string_view filters, std::size_t field_count) {
  if (text.size() > kCursorMax) return invalid_cursor();
  const auto bytes = from_base64url(text);
  if (!bytes || bytes->size() < kHashBytes) return invalid_cursor();
  std::string_view payload = std::string_view(*bytes).substr(kHashBytes);
  if (std::string_view(*bytes).substr(0, kHashBytes) != hash_of(filters, payload)) return invalid_cursor();
  Cursor cursor;
  while (!payload.empty()) {
    if (payload.size() < 2) return invalid_cursor();
    const auto size =
        static_cast<std::size_t>(static_cast<unsigned char>(payload[0])) << 8 | static_cast<unsigned char>(payload[1]);
    payload.remove_prefix(2);
    if (payload.size() < size) return invalid_cursor();
    cursor.fields.emplace_back(payload.substr(0, size));
    payload.remove_prefix(size);
  }
  if (cursor.fields.size() != field_count) return invalid_cursor();
  return cursor;
}

std::vector<std::string_view> split_list(std::string_view list) {
  std::vector<std::string_view> items;
  while (true) {
    const auto comma = list.find(',');
    items.push_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return items;
    list.remove_prefix(comma + 1);
  }
}

std::optional<std::string> QueryParameters::take(std::string_view name) {
  std::optional<std::string> value;
  for (auto at = parameters_.begin(); at != parameters_.end();) {
    if (at->first != name) {
      ++at;
      continue;
    }
    if (value) complain(name, "conflicting_fields", "stands twice");
    value = std::move(at->second);
    at = parameters_.erase(at);
  }
  return value;
}

int QueryParameters::take_limit() {
  const auto text = take("limit");
  if (!text) return kPageLimitDefault;
  std::int64_t limit = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), limit);
  const bool whole = end == text->data() + text->size() && !text->empty();
  if (whole && ec == std::errc::result_out_of_range && text->front() != '-') return kPageLimitMax;
  if (!whole || ec != std::errc{} || limit < 1) {
    complain("limit", "out_of_range", "must be an integer of at least 1");
    return kPageLimitDefault;
  }
  return static_cast<int>(std::min<std::int64_t>(limit, kPageLimitMax));
}

void QueryParameters::complain(std::string_view name, std::string code, std::string message) {
  // A query of a few kilobytes must not make an answer of a megabyte.
  if (errors_.size() >= json::kFieldErrorsMax) return;
  errors_.push_back({"?" + std::string(name), std::move(code), std::move(message)});
}

Result<void> QueryParameters::finish() {
  for (const auto& [name, value] : parameters_) complain(name, "unknown_field", "is not a parameter of this operation");
  if (errors_.empty()) return {};
  return json::validation_failed(std::move(errors_));
}

}  // namespace agora::http
