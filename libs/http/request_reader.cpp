#include "libs/http/request_reader.hpp"

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "libs/http/gate.hpp"
#include "libs/http/text.hpp"

namespace agora::http {
namespace {

namespace beast = boost::beast;
using boost::system::error_code;

/// `0 CRLF CRLF`, the least that is still to come while a chunked body is not complete.
constexpr std::size_t kLastChunkSize = 5;

std::optional<Method> to_method(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get:
      return Method::get;
    case beast::http::verb::head:
      return Method::head;
    case beast::http::verb::post:
      return Method::post;
    case beast::http::verb::put:
      return Method::put;
    case beast::http::verb::patch:
      return Method::patch;
    case beast::http::verb::delete_:
      return Method::delete_;
    case beast::http::verb::options:
      return Method::options;
    default:
      return std::nullopt;
  }
}

/// Path and query of a target in origin form or absolute form; of the latter the gate saw that its authority is Host's.
void set_target(RequestData& request, std::string_view target) {
  if (const auto scheme = target.find("://"); !target.starts_with('/') && scheme != std::string_view::npos) {
    const auto path = target.find_first_of("/?", scheme + 3);
    target = path == std::string_view::npos ? std::string_view{} : target.substr(path);
    if (!target.starts_with('/')) request.path = "/";
  }
  const auto query = target.find('?');
  request.path += target.substr(0, query);
  if (query != std::string_view::npos) request.query = target.substr(query + 1);
}

bool has_bare_line_feed(std::string_view text, std::size_t from) {
  for (auto at = text.find('\n', from); at != std::string_view::npos; at = text.find('\n', at + 1)) {
    if (at == 0 || text[at - 1] != '\r') return true;
  }
  return false;
}

}  // namespace

struct RequestReader::Parser : beast::http::request_parser<beast::http::string_body> {};

RequestReader::RequestReader(std::int64_t header_bytes_max, std::int64_t body_bytes_max)
    : header_bytes_max_(static_cast<std::size_t>(header_bytes_max)),
      body_bytes_max_(static_cast<std::uint64_t>(body_bytes_max)) {}

RequestReader::~RequestReader() = default;

RequestReader::Progress RequestReader::read(std::string& input) {
  const auto progress = parser_ ? Progress::body : read_head(input);
  return progress == Progress::body ? read_body(input) : progress;
}

RequestReader::Progress RequestReader::read_head(std::string& input) {
  const auto blank_line = input.find("\r\n\r\n", searched_);
  const bool whole = blank_line != std::string::npos;
  const auto size = whole ? blank_line + 4 : input.size();
  if (size > header_bytes_max_) return refuse("header_too_large", "The header is longer than the limit.");
  if (!whole) {
    // Lines that end in LF alone never end a head as we read it: said now, not by the deadline.
    if (has_bare_line_feed(input, searched_)) return refuse("bad_request", "a line ends in a bare line feed");
    searched_ = input.size() < 3 ? 0 : input.size() - 3;
    return Progress::head;
  }
  if (const char* reason = refuse_head(std::string_view(input).substr(0, size))) return refuse("bad_request", reason);

  parser_ = std::make_unique<Parser>();
  parser_->eager(true);
  parser_->header_limit(static_cast<std::uint32_t>(header_bytes_max_));
  parser_->body_limit(body_bytes_max_);
  error_code ec;
  // The head alone: fields that come later are trailers, which passed no gate and must not act as headers (RFC 9110
  // §6.5.1).
  parser_->put(boost::asio::buffer(input.data(), size), ec);
  input.erase(0, size);
  if (ec == beast::http::error::body_limit) return refuse("body_too_large", "The body is longer than the limit.");
  if (ec || !parser_->is_header_done()) return refuse("bad_request", "The request is not valid HTTP.");
  const auto& message = parser_->get();
  set_target(request_, {message.target().data(), message.target().size()});
  for (const auto& field : message)
    request_.headers.emplace_back(lower(field.name_string()), std::string(field.value()));
  return Progress::body;
}

RequestReader::Progress RequestReader::read_body(std::string& input) {
  // Beast 1.81 asserts that a last chunk which came in pieces has at least this much when it goes on.
  const std::size_t least = parser_->chunked() ? kLastChunkSize : 1;
  error_code ec;
  if (!parser_->is_done() && input.size() >= least) {
    const auto consumed = parser_->put(boost::asio::buffer(input), ec);
    input.erase(0, consumed);
  }
  if (ec == beast::http::error::body_limit) return refuse("body_too_large", "The body is longer than the limit.");
  if (ec && ec != beast::http::error::need_more) return refuse("bad_request", "The body is not framed as HTTP.");
  if (parser_->is_done()) return Progress::complete;
  // What is left is a chunk's size with its extensions, or trailers: nobody else limits them.
  if (input.size() > header_bytes_max_)
    return refuse("bad_request", "A chunk's extensions or the trailers are too long.");
  return Progress::body;
}

RequestReader::Progress RequestReader::refuse(std::string_view code, std::string_view detail) {
  refusal_ = {code, detail};
  return Progress::refused;
}

bool RequestReader::expects_continue() const {
  return !is_http_1_0() && beast::iequals(parser_->get()[beast::http::field::expect], "100-continue");
}

bool RequestReader::keep_alive() const {
  return parser_->keep_alive();
}
bool RequestReader::is_http_1_0() const {
  return parser_->get().version() == 10;
}
std::optional<Method> RequestReader::method() const {
  return to_method(parser_->get().method());
}

RequestData RequestReader::take() {
  request_.method = method().value();
  request_.body = std::move(parser_->get().body());
  return std::move(request_);
}

}  // namespace agora::http
