#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/json/reader.hpp"

namespace agora::http {

enum class Method { get, head, post, put, patch, delete_, options };
/// `GET`, …
std::string_view to_string(Method method);

/// What a connection read; handlers see it through Request.
struct RequestData {
  Method method = Method::get;
  std::string path{};   ///< as it was sent, without the query: `/api/v1/orders/o1`
  std::string query{};  ///< as it was sent, after `?`
  std::vector<std::pair<std::string, std::string>> headers{};  ///< names in lower case, in order
  std::string body{};
  std::vector<std::pair<std::string_view, std::string>> path_parameters{};  ///< by the names of the route's template
};

/// A request that passed the header gate. A view, cheap to copy, valid until the handler's coroutine ended.
class Request {
 public:
  explicit Request(const RequestData& data) : data_(&data) {}

  Method method() const { return data_->method; }
  std::string_view path() const { return data_->path; }
  std::string_view body() const { return data_->body; }
  /// The value of `{name}` in the route's path.
  std::string_view path_parameter(std::string_view name) const;
  /// The only header of that (lower-case) name; none when absent. See header_count() where doubles matter.
  std::optional<std::string_view> header(std::string_view name) const;
  int header_count(std::string_view name) const;
  /// Calls `visit(value)` for each header of that name, in order.
  template <class Visit>
  void each_header(std::string_view name, Visit visit) const {
    for (const auto& [field, value] : data_->headers) {
      if (field == name) visit(std::string_view(value));
    }
  }
  /// The query string's parameters, percent-decoded, in order; 400 `malformed_query` when they are not decodable UTF-8.
  Result<std::vector<std::pair<std::string, std::string>>> query() const;

 private:
  const RequestData* data_;
};

/// "No": `unsupported_media_type` (415) unless the body is said to be `application/json` (or `also`), in UTF-8 and not
/// encoded.
Result<void> require_json(Request request, std::string_view also = {});

/// The body as T: 415, 400 when it is not JSON, 422 with all field errors.
template <class T>
Result<T> read_json(Request request) {
  AGORA_TRY_VOID(require_json(request));
  return json::read<T>(request.body());
}

/// The body of a PATCH, RFC 7396: also `application/merge-patch+json`.
template <class T>
Result<T> read_merge_patch(Request request) {
  AGORA_TRY_VOID(require_json(request, "application/merge-patch+json"));
  return json::read<T>(request.body());
}

/// `Idempotency-Key`: none when absent; 400 `invalid_idempotency_key` unless 1–255 visible ASCII, once.
Result<std::optional<std::string>> idempotency_key(Request request);

/// The same where it must be there: 400 `idempotency_key_required`.
Result<std::string> required_idempotency_key(Request request);

/// `If-Match` (RFC 9110 §13.1.1): the versions that it names, of which the resource must have one; none when absent or
/// `*`. Tags that no resource of ours has (weak, or no version) match nothing.
std::optional<std::vector<std::int64_t>> if_match(Request request);
/// The ETag of a version: `"12"`.
std::string etag_of(std::int64_t version);

}  // namespace agora::http
