#include "libs/http/connection.hpp"

#include <charconv>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "libs/http/gate.hpp"

namespace agora::http {
namespace {

namespace beast = boost::beast;
using Parser = beast::http::request_parser<beast::http::string_body>;
using boost::system::error_code;

constexpr std::size_t kReadSize = 8 << 10;
constexpr std::chrono::milliseconds kLingerMax{1'000};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::string_view reason_phrase(int status) {
  return beast::http::obsolete_reason(static_cast<beast::http::status>(status));
}

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

RequestData take_request(Parser& parser, Method method) {
  auto& message = parser.get();
  RequestData request;
  request.method = method;
  std::string_view target(message.target().data(), message.target().size());
  // Absolute form: the gate saw that its authority is Host's.
  if (const auto scheme = target.find("://"); !target.starts_with('/') && scheme != std::string_view::npos) {
    const auto path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
  }
  const auto query = target.find('?');
  request.path = target.substr(0, query);
  if (query != std::string_view::npos) request.query = target.substr(query + 1);
  for (const auto& field : message) {
    auto& [name, value] = request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
    for (auto& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
  }
  request.body = std::move(message.body());
  return request;
}

void append_number(std::string& out, std::size_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

}  // namespace

Connection::Connection(std::shared_ptr<ServerState> state, Socket socket)
    : state_(std::move(state)), socket_(std::move(socket)) {
  self_ = state_->connections.insert(state_->connections.end(), this);
  state_->open.add(1);
}

Connection::~Connection() {
  state_->connections.erase(self_);
  state_->open.add(-1);
}

Task<void> Connection::serve(std::shared_ptr<ServerState> state, Socket socket) {
  Connection connection(std::move(state), std::move(socket));
  error_code ignored;
  connection.socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  connection.socket_.non_blocking(true, ignored);
  auto keep = Keep::yes;
  while (keep == Keep::yes) keep = co_await connection.serve_one();
  connection.socket_.shutdown(Socket::shutdown_send, ignored);
  if (connection.refused_) co_await connection.linger();
}

Task<void> Connection::linger() {
  enter(Phase::writing, kLingerMax);
  std::size_t read = 1;
  while (read > 0) {
    input_.clear();
    read = co_await read_some();
  }
}

void Connection::sweep(Deadline now) {
  if (deadline_ <= now) abort();
}

void Connection::drain() {
  if (phase_ == Phase::idle && input_.empty()) abort();
}

void Connection::abort() {
  error_code ignored;
  socket_.close(ignored);
}

void Connection::enter(Phase phase, std::chrono::milliseconds allowed) {
  phase_ = phase;
  deadline_ = std::chrono::steady_clock::now() + allowed;
}

Task<std::size_t> Connection::read_some() {
  const auto before = input_.size();
  input_.resize(before + kReadSize);
  error_code ec;
  const auto read = co_await socket_.async_read_some(asio::buffer(input_.data() + before, kReadSize),
                                                     asio::redirect_error(asio::use_awaitable, ec));
  input_.resize(before + (ec ? 0 : read));
  co_return ec ? 0 : read;
}

Task<std::size_t> Connection::read_head() {
  const auto& limits = state_->options.limits;
  enter(Phase::idle, limits.idle_deadline);
  std::size_t searched = 0;
  bool begun = false;
  while (true) {
    if (!begun && !input_.empty()) {
      begun = true;
      enter(Phase::header, limits.header_deadline);
    }
    const auto end = input_.find("\r\n\r\n", searched);
    const auto head = end == std::string::npos ? input_.size() : end + 4;
    if (head > static_cast<std::size_t>(limits.header_bytes_max)) {
      co_await refuse("header_too_large", "The header is longer than the limit.");
      co_return 0;
    }
    if (end != std::string::npos) co_return head;
    searched = input_.size() < 3 ? 0 : input_.size() - 3;
    const auto read = co_await read_some();
    if (read == 0) co_return 0;
  }
}

Task<Connection::Keep> Connection::serve_one() {
  const auto& limits = state_->options.limits;
  const auto head = co_await read_head();
  if (head == 0) co_return Keep::no;
  if (const char* reason = refuse_head(std::string_view(input_).substr(0, head))) {
    co_return co_await refuse("bad_request", reason);
  }

  Parser parser;
  parser.eager(true);
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
  parser.body_limit(static_cast<std::uint64_t>(limits.body_bytes_max));
  error_code ec;
  std::size_t consumed = parser.put(asio::buffer(input_), ec);
  input_.erase(0, consumed);

  const auto body_started = std::chrono::steady_clock::now();
  std::int64_t body_read = 0;
  const bool expects_continue = parser.is_header_done() && !parser.is_done() && !ec &&
                                beast::iequals(parser.get()[beast::http::field::expect], "100-continue");
  if (expects_continue) {
    co_await asio::async_write(socket_, asio::buffer(kContinue), asio::redirect_error(asio::use_awaitable, ec));
  }
  while (!parser.is_done()) {
    if (ec == beast::http::error::body_limit)
      co_return co_await refuse("body_too_large", "The body is longer than the limit.");
    if (ec && ec != beast::http::error::need_more)
      co_return co_await refuse("bad_request", "The body is not framed as HTTP.");
    phase_ = Phase::body;
    // Each byte buys time; one that drips them does not get far.
    deadline_ = body_started + limits.header_deadline +
                std::chrono::milliseconds(body_read * 1'000 / limits.body_bytes_per_second_min);
    const auto read = co_await read_some();
    if (read == 0) co_return Keep::no;
    body_read += static_cast<std::int64_t>(read);
    ec = {};
    consumed = parser.put(asio::buffer(input_), ec);
    input_.erase(0, consumed);
  }
  if (ec && ec != beast::http::error::need_more)
    co_return co_await refuse("bad_request", "The request is not valid HTTP.");

  const bool http_1_0 = parser.get().version() == 10;
  const bool wants_more = parser.keep_alive();
  const auto method = to_method(parser.get().method());
  phase_ = Phase::answering;
  deadline_ = Deadline::max();
  if (!method) {
    auto response = state_->dispatcher.refuse("method_not_allowed", "The method is not one that is served.");
    response.headers.emplace_back("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    co_return co_await write(std::move(response), Method::get, Keep::no, http_1_0);
  }
  auto request = take_request(parser, *method);
  auto response = co_await state_->dispatcher.answer(request);
  const auto keep = wants_more && !state_->draining ? Keep::yes : Keep::no;
  co_return co_await write(std::move(response), *method, keep, http_1_0);
}

Task<Connection::Keep> Connection::refuse(std::string_view code, std::string_view detail) {
  // Where one request ends and the next begins is not certain any more: nothing that follows is read.
  input_.clear();
  refused_ = true;
  auto response = state_->dispatcher.refuse(code, detail);
  co_return co_await write(std::move(response), Method::get, Keep::no, false);
}

Task<Connection::Keep> Connection::write(Response response, Method method, Keep keep, bool http_1_0) {
  output_.clear();
  output_ += http_1_0 ? "HTTP/1.0 " : "HTTP/1.1 ";
  append_number(output_, static_cast<std::size_t>(response.status));
  output_ += ' ';
  output_ += reason_phrase(response.status);
  output_ += "\r\n";
  output_ += state_->date_line;
  if (response.status != 204) {
    output_ += "Content-Type: ";
    output_ += response.content_type;
    output_ += "\r\nContent-Length: ";
    append_number(output_, response.body.size());
    output_ += "\r\n";
  }
  if (keep == Keep::no) {
    output_ += "Connection: close\r\n";
  } else if (http_1_0) {
    output_ += "Connection: keep-alive\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    output_ += name;
    output_ += ": ";
    output_ += value;
    output_ += "\r\n";
  }
  output_ += "\r\n";
  if (method != Method::head) output_ += response.body;

  enter(Phase::writing, state_->options.limits.idle_deadline);
  // Nearly always the kernel takes it all at once, without a turn through the scheduler.
  error_code ec;
  std::size_t written = socket_.write_some(asio::buffer(output_), ec);
  if (ec == asio::error::would_block) ec = {};
  if (!ec && written < output_.size()) {
    co_await asio::async_write(socket_, asio::buffer(output_.data() + written, output_.size() - written),
                               asio::redirect_error(asio::use_awaitable, ec));
  }
  co_return ec ? Keep::no : keep;
}

}  // namespace agora::http
