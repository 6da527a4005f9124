#include "libs/http/request.hpp"

#include <algorithm>
#include <charconv>

#include "libs/http/text.hpp"

namespace agora::http {
namespace {

constexpr std::size_t kIdempotencyKeyMax = 255;
constexpr std::int64_t kAnyVersion = -1;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The version of a tag as etag_of() writes it.
std::optional<std::int64_t> version_of(std::string_view tag) {
  if (tag.size() < 3 || tag.front() != '"' || tag.back() != '"') return std::nullopt;
  const auto digits = tag.substr(1, tag.size() - 2);
  std::int64_t version = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (error != std::errc{} || end != digits.data() + digits.size() || version < 1 || etag_of(version) != tag) {
    return std::nullopt;
  }
  return version;
}

}  // namespace

std::string_view Request::path_parameter(std::string_view name) const {
  for (const auto& [parameter, value] : data_->path_parameters) {
    if (parameter == name) return value;
  }
  return {};
}

std::optional<std::string_view> Request::header(std::string_view name) const {
  for (const auto& [field, value] : data_->headers) {
    if (field == name) return value;
  }
  return std::nullopt;
}

int Request::header_count(std::string_view name) const {
  return static_cast<int>(std::count_if(data_->headers.begin(), data_->headers.end(),
                                        [&](const auto& field) { return field.first == name; }));
}

Result<std::vector<std::pair<std::string, std::string>>> Request::query() const {
  std::vector<std::pair<std::string, std::string>> parameters;
  std::string_view rest = data_->query;
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), Plus::blank);
    auto value =
        percent_decode(equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1), Plus::blank);
    if (!name || !value) {
      return Error{Errc::invalid_argument, "malformed_query", "The query string is not percent-encoded UTF-8."};
    }
    parameters.emplace_back(*std::move(name), *std::move(value));
  }
  return parameters;
}

Result<void> require_json(Request request, std::string_view also) {
  const auto type = request.header("content-type");
  const auto text = type ? lower(*type) : std::string{};
  auto essence = std::string_view(text).substr(0, text.find(';'));
  const auto parameters = text.size() > essence.size() ? text.substr(essence.size() + 1) : std::string{};
  const bool utf8 = parameters.find("charset=") == std::string::npos || parameters.find("utf-8") != std::string::npos;
  if (essence.ends_with(' ')) essence.remove_suffix(1);
  const bool json = essence == "application/json" || (!also.empty() && essence == also);
  if (json && utf8 && !request.header("content-encoding")) return {};
  return Error{Errc::invalid_argument, "unsupported_media_type",
               "The body must be application/json in UTF-8, without Content-Encoding."};
}

Result<std::optional<std::string>> idempotency_key(Request request) {
  const auto count = request.header_count("idempotency-key");
  if (count == 0) return std::optional<std::string>{};
  const auto key = *request.header("idempotency-key");
  const bool visible = std::all_of(key.begin(), key.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (count > 1 || key.empty() || key.size() > kIdempotencyKeyMax || !visible) {
    return Error{Errc::invalid_argument, "invalid_idempotency_key",
                 "Idempotency-Key must be given once, as 1 to 255 visible ASCII characters."};
  }
  return std::optional<std::string>(key);
}

Result<std::string> required_idempotency_key(Request request) {
  AGORA_TRY(auto key, idempotency_key(request));
  if (key) return *std::move(key);
  return Error{Errc::invalid_argument, "idempotency_key_required", "This operation must be given an Idempotency-Key."};
}

std::optional<std::vector<std::int64_t>> if_match(Request request) {
  std::optional<std::vector<std::int64_t>> versions;
  request.each_header("if-match", [&](std::string_view value) {
    auto& named = versions ? *versions : versions.emplace();
    while (!value.empty()) {
      const auto comma = value.find(',');
      const auto tag = trim(value.substr(0, comma));
      value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
      if (tag == "*") named.push_back(kAnyVersion);
      if (const auto version = version_of(tag)) named.push_back(*version);
    }
  });
  const bool any = versions && std::find(versions->begin(), versions->end(), kAnyVersion) != versions->end();
  return any ? std::nullopt : versions;
}

std::string etag_of(std::int64_t version) {
  return '"' + std::to_string(version) + '"';
}

}  // namespace agora::http
