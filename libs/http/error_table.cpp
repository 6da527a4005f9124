#include "libs/http/error_table.hpp"

#include <algorithm>
#include <array>

namespace agora::http {
namespace {

constexpr ErrorRow kRows[] = {
#include "error_rows.inc"
};

std::string page_of(const ErrorRow& row) {
  std::string page = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>";
  page += row.title;
  page += "</title><body style=\"font:16px/1.5 sans-serif;max-width:40em;margin:3em auto;padding:0 1em\"><h1>";
  page += row.title;
  page += "</h1><p><code>" + std::string(row.code) + "</code>, HTTP " + std::to_string(row.status) + "</p><p>";
  page += row.meaning;
  return page + "</p></body></html>\n";
}

Task<Result<Response>> get_error(Ctx, Request request) {
  const auto* row = find_error(request.path_parameter("code"));
  if (row == nullptr) co_return Error{Errc::not_found, "not_found", "There is no such error code."};
  co_return Response{.body = page_of(*row), .content_type = "text/html; charset=utf-8"};
}

}  // namespace

std::span<const ErrorRow> error_table() {
  return kRows;
}

const ErrorRow* find_error(std::string_view code) {
  const auto* found = std::lower_bound(std::begin(kRows), std::end(kRows), code,
                                       [](const ErrorRow& r, std::string_view c) { return r.code < c; });
  return found != std::end(kRows) && found->code == code ? found : nullptr;
}

int status_of(Errc errc) {
  switch (errc) {
    case Errc::invalid_argument:
      return 422;
    case Errc::unauthenticated:
      return 401;
    case Errc::forbidden:
      return 403;
    case Errc::not_found:
      return 404;
    case Errc::already_exists:
      return 409;
    case Errc::conflict:
      return 409;
    case Errc::precondition_failed:
      return 412;
    case Errc::failed_precondition:
      return 409;
    case Errc::rate_limited:
      return 429;
    case Errc::unavailable:
      return 503;
    case Errc::deadline_exceeded:
      return 503;
  }
  return 500;
}

std::vector<Route> error_routes() {
  return {{Method::get, "/errors/{code}", "getError", Auth::anonymous, Ownership::none, get_error, DemoGuests::no,
           Admission::normal, "text/html", Query::ignored}};
}

}  // namespace agora::http
