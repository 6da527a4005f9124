#include "libs/http/connection.hpp"

#include <charconv>
#include <netinet/tcp.h>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/status.hpp>

#include "libs/http/request_reader.hpp"

namespace agora::http {
namespace {

using boost::system::error_code;

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
/// How long is read of what a refused client still sends, so that it gets to read why.
constexpr std::chrono::milliseconds kLingerMax{1'000};

std::string_view reason_phrase(int status) {
  return boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
}

void append_number(std::string& out, std::size_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

/// A value never ends its line, whatever a handler put there.
void append_value(std::string& out, std::string_view value) {
  for (const char c : value) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
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
  // A drain may begin while an answer is written; what came meanwhile is still a request that began.
  while (keep == Keep::yes && !(connection.state_->draining && connection.nothing_came())) {
    keep = co_await connection.serve_one();
  }
  // Here, where the request and its reader are gone: a stream lasts.
  if (connection.stream_) co_await connection.send_stream();
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

bool Connection::nothing_came() const {
  error_code ignored;
  return input_.empty() && socket_.available(ignored) == 0;
}

void Connection::drain() {
  error_code ignored;
  // What was read already, though its turn has not come, is a request that began.
  if (phase_ == Phase::idle && nothing_came()) socket_.cancel(ignored);
  if (stream_) stream_->end(StreamEnd::drained);
}

void Connection::abort() {
  error_code ignored;
  socket_.close(ignored);
}

void Connection::enter(Phase phase, std::chrono::milliseconds allowed) {
  phase_ = phase;
  deadline_ = std::chrono::steady_clock::now() + allowed;
}

void Connection::acknowledge_now() {
#ifdef TCP_QUICKACK
  const int yes = 1;
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof yes);
#endif
}

Task<std::size_t> Connection::read_some() {
  error_code ec;
  const auto read =
      co_await socket_.async_read_some(asio::buffer(buffer_), asio::redirect_error(asio::use_awaitable, ec));
  // Closed before its turn came: nobody could be answered, so nothing is begun.
  if (ec || !socket_.is_open()) co_return 0;
  input_.append(buffer_.data(), read);
  co_return read;
}

Task<Connection::Keep> Connection::serve_one() {
  using Progress = RequestReader::Progress;
  const auto& limits = state_->options.limits;
  RequestReader reader(limits.header_bytes_max, limits.body_bytes_max);
  enter(Phase::idle, limits.idle_deadline);
  auto body_started = Deadline::max();
  std::int64_t body_read = 0;
  while (true) {
    const auto progress = reader.read(input_);
    if (progress == Progress::complete) break;
    if (progress == Progress::refused) {
      refuse(reader.refusal().code, reader.refusal().detail);
      if (!all_sent()) co_await send_rest();
      co_return Keep::no;
    }
    if (progress == Progress::head && phase_ == Phase::idle && !input_.empty())
      enter(Phase::header, limits.header_deadline);
    if (progress == Progress::body && phase_ != Phase::body) {
      phase_ = Phase::body;
      body_started = std::chrono::steady_clock::now();
      acknowledge_now();
      if (input_.empty() && reader.expects_continue()) {
        send(kContinue);
        if (!all_sent()) co_await send_rest();
        if (!all_sent()) co_return Keep::no;
      }
    }
    if (phase_ == Phase::body) {
      // Each byte buys time; one that drips them does not get far.
      deadline_ = body_started + limits.header_deadline +
                  std::chrono::milliseconds(body_read * 1'000 / limits.body_bytes_per_second_min);
    }
    const auto read = co_await read_some();
    if (read == 0) co_return Keep::no;
    if (phase_ == Phase::body) body_read += static_cast<std::int64_t>(read);
  }

  // What was begun is finished, whether or not somebody still waits for it.
  phase_ = Phase::answering;
  deadline_ = Deadline::max();
  const auto method = reader.method();
  if (!method) {
    auto response = state_->dispatcher.refuse("method_not_allowed", "The method is not one that is served.");
    response.headers.emplace_back("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    write(response, Method::get, Keep::no, reader.is_http_1_0());
    if (!all_sent()) co_await send_rest();
    co_return Keep::no;
  }
  auto request = reader.take();
  auto response = co_await state_->dispatcher.answer(request);
  const bool streams = response.stream && *method != Method::head;
  const auto keep = reader.keep_alive() && !state_->draining && !response.stream ? Keep::yes : Keep::no;
  write(response, *method, keep, reader.is_http_1_0());
  if (!all_sent()) co_await send_rest();
  if (streams && all_sent()) stream_ = std::move(response.stream);
  co_return all_sent() ? keep : Keep::no;
}

void Connection::refuse(std::string_view code, std::string_view detail) {
  // Where one request ends and the next begins is not certain any more: nothing that follows is read as one.
  refused_ = true;
  write(state_->dispatcher.refuse(code, detail), Method::get, Keep::no, false);
}

void Connection::write(const Response& response, Method method, Keep keep, bool http_1_0) {
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
    output_ += "\r\n";
    if (response.stream) {
      // It ends with its connection: an event that is cut off there is no event, and ids say where to go on.
      output_ += "Cache-Control: no-store\r\n";
    } else {
      output_ += "Content-Length: ";
      append_number(output_, response.body.size());
      output_ += "\r\n";
    }
  }
  if (keep == Keep::no) {
    output_ += "Connection: close\r\n";
  } else if (http_1_0) {
    output_ += "Connection: keep-alive\r\n";
  }
  for (const auto& [name, value] : response.headers) {
    output_ += name;
    output_ += ": ";
    append_value(output_, value);
    output_ += "\r\n";
  }
  output_ += "\r\n";
  if (method != Method::head && response.status != 204) output_ += response.body;

  enter(Phase::writing, state_->options.limits.idle_deadline);
  send(output_);
}

void Connection::send(std::string_view bytes) {
  const auto sent = socket_.write_some(asio::buffer(bytes), send_error_);
  if (send_error_ == asio::error::would_block) send_error_ = {};
  unsent_ = bytes.substr(sent);
}

Task<void> Connection::send_rest() {
  if (send_error_) co_return;
  const auto sent = co_await asio::async_write(socket_, asio::buffer(unsent_),
                                               asio::redirect_error(asio::use_awaitable, send_error_));
  unsent_.remove_prefix(sent);
}

}  // namespace agora::http
