#pragma once
#include <array>
#include <chrono>
#include <list>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "libs/http/dispatch.hpp"
#include "libs/http/event_stream.hpp"

namespace agora::http {

class Connection;

/// What the connections of a server share. Lives as long as any of them.
struct ServerState {
  ServerState(const ServerOptions& o, Router router, const Authenticator& authenticator, telemetry::Registry& metrics)
      : options(o),
        dispatcher(o.name, std::move(router), o.limits, authenticator, metrics, o.traces),
        open(metrics.gauge("http_server_open_connections", "Connections.", {{"server", o.name}})) {}

  ServerOptions options;
  Dispatcher dispatcher;
  telemetry::Gauge& open;
  std::list<Connection*> connections{};
  bool draining = false;
  Deadline stream_warning_at{};  ///< when the next stream that fails is worth a line
  /// `Date: …\r\n` of the current second, written by the server's sweep.
  std::string date_line{};
};

/// One connection: a coroutine that reads requests and answers them in order. Stays on its io_context. Ends itself; the
/// server's sweep closes the socket of one whose deadline has passed.
class Connection {
 public:
  using Socket = asio::ip::tcp::socket;

  /// Serves until the peer, a deadline or a drain ends it.
  static Task<void> serve(std::shared_ptr<ServerState> state, Socket socket);

  /// Closes the socket when its time is over.
  void sweep(Deadline now);
  /// Closes it now if no request has begun to arrive; else after the answer. Ends its stream.
  void drain();
  /// Closes it now.
  void abort();

 private:
  /// What the connection waits for, which decides how long it may.
  enum class Phase { idle, header, body, answering, writing, streaming };

  Connection(std::shared_ptr<ServerState> state, Socket socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// No byte of a request, read or not.
  bool nothing_came() const;

  enum class Keep { no, yes };
  Task<Keep> serve_one();
  /// Puts the response into output_ and begins to send it; send_rest() ends it.
  void write(const Response& response, Method method, Keep keep, bool http_1_0);
  void refuse(std::string_view code, std::string_view detail);
  /// Appends to input_; 0 when the peer or a deadline ended the connection.
  Task<std::size_t> read_some();
  /// Sends what the kernel takes at once: nearly always all of it, without a turn through the scheduler.
  void send(std::string_view bytes);
  bool all_sent() const { return unsent_.empty() && !send_error_; }
  /// Awaits the rest; all_sent() is false after it only when the connection ended.
  Task<void> send_rest();
  /// Sends what a stream has until it, or the client, ends (streaming.cpp).
  Task<void> send_stream();
  /// What is to be sent next, a heartbeat where nothing else is; null: nothing now.
  Task<std::shared_ptr<const std::string>> next_text();
  /// Waits until the socket is ready, the stream has something, or the time has come.
  Task<void> wait_for(Socket::wait_type ready, Deadline until);
  /// Small buffers of the kernel's own, and a peer that vanished is noticed.
  void bound_socket();
  /// Reads what nobody asked for, and throws it away; whether the client closed.
  bool client_is_gone();
  /// Reads on for a moment after a refusal: closing on unread bytes would reset the connection and take the answer with
  /// it.
  Task<void> linger();
  /// Acknowledges the head before the body is there: a client that sends both apart waits for that (Nagle), and the
  /// kernel would give it after 40 ms.
  void acknowledge_now();
  void enter(Phase phase, std::chrono::milliseconds allowed);

  std::shared_ptr<ServerState> state_;
  Socket socket_;
  std::list<Connection*>::iterator self_;
  std::array<char, 8 << 10> buffer_;  ///< what a read fills; not cleared before, that would cost more than the read
  std::string input_;                 ///< read, not yet consumed
  std::string output_;                ///< the response being written; reused
  std::string_view unsent_;           ///< of output_ or a literal
  boost::system::error_code send_error_;
  Phase phase_ = Phase::idle;
  bool refused_ = false;
  std::shared_ptr<EventStream> stream_{};  ///< that the last answer began
  Deadline heartbeat_at_{};
  Deadline deadline_ = Deadline::max();
};

}  // namespace agora::http
