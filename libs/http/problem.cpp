#include "libs/http/error_table.hpp"
#include "libs/http/response.hpp"
#include "libs/json/writer.hpp"

namespace agora::http {

int status_of(const Error& error) {
  const auto* row = find_error(error.code);
  return row != nullptr ? row->status : status_of(error.errc);
}

Response problem(const Error& error, std::string_view trace_id) {
  const auto* row = find_error(error.code);
  Response response{.status = status_of(error), .content_type = "application/problem+json"};
  json::Writer json(response.body);
  json.begin_object()
      .member("type", "/errors/" + error.code)
      .member("title", row != nullptr ? row->title : to_string(error.errc))
      .member("status", response.status)
      .member("detail", error.message)
      .member("code", error.code);
  for (const auto& detail : error.details) {
    json.key(detail.name);
    std::visit([&](const auto& value) { json.value(value); }, detail.value);
  }
  json.key("errors").begin_array();
  for (const auto& field : error.fields) {
    json.begin_object()
        .member("pointer", field.pointer)
        .member("code", field.code)
        .member("message", field.message)
        .end_object();
  }
  json.end_array().member("trace_id", trace_id).end_object();
  if (response.status == 503 || response.status == 429) response.headers.emplace_back("Retry-After", "1");
  if (response.status == 401) {
    // RFC 6750 §3: what was wrong is said to who sent a token, not to who sent none.
    const bool none_sent = error.code == "missing_token";
    response.headers.emplace_back("WWW-Authenticate", none_sent ? "Bearer" : R"(Bearer error="invalid_token")");
  }
  return response;
}

}  // namespace agora::http
