#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/base/task.hpp"

namespace agora::http {

class EventStream;

/// What a handler answers. Content-Length, Date, Connection are the server's business.
struct Response {
  int status = 200;
  std::string body{};
  std::string_view content_type = "application/json";  ///< literal
  std::vector<std::pair<std::string_view, std::string>>
      headers{};                          ///< names are literals in canonical case (`Location`)
  std::shared_ptr<EventStream> stream{};  ///< goes on after the head, in place of a body; of Admission::stream rows
};

/// `application/problem+json` (RFC 9457) of an error. Status and title come from the table of codes in
/// contracts/http/errors.yaml, for a code that is not there from the Errc.
Response problem(const Error& error, std::string_view trace_id);

/// HTTP status of an error: of its code if the table has it, else of its Errc (invalid_argument 422, unavailable 503
/// …).
int status_of(const Error& error);

}  // namespace agora::http
