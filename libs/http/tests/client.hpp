#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace agora::http {

/// An answer as it came over the wire.
struct Answer {
  int status = 0;
  std::string head{};                            ///< status line and header lines
  std::map<std::string, std::string> headers{};  ///< names in lower case
  std::string body{};
};

/// A blocking TCP connection to a server on this machine, for tests. A read that lasts longer than ten seconds ends as
/// if the server had closed.
class Client {
 public:
  explicit Client(std::uint16_t port);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// False when the server closed before it had taken all; what it said is still to be read.
  bool send(std::string_view bytes);
  /// The next answer; status 0 when the server closed instead. `of_head`: the answer to a HEAD has no body.
  Answer receive(bool of_head = false);
  /// All bytes through the next `end`; fewer when the server closed before.
  std::string receive_until(std::string_view end);
  /// How many bytes came, 16 KiB at most, which are thrown away; 0 when the server closed.
  std::size_t skip_some();
  /// All bytes until the server closes.
  std::string receive_all();
  /// Whether the server closed without sending anything more.
  bool is_closed();

 private:
  bool fill();

  int socket_ = -1;
  std::string buffer_{};
};

/// Whether something accepts connections on the port.
bool accepts_connections(std::uint16_t port);

}  // namespace agora::http
