#include "libs/http/probe.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

namespace agora::http {

namespace asio = boost::asio;

bool probe(const std::string& address, std::uint16_t port, const std::string& path, std::chrono::milliseconds within) {
  boost::system::error_code ec;
  // An address that everything is bound to is not one to connect to.
  const auto target = asio::ip::make_address(address == "0.0.0.0" ? "127.0.0.1"
                                             : address == "::"    ? "::1"
                                                                  : address,
                                             ec);
  if (ec) return false;
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  socket.open(target.is_v6() ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), ec);
  if (ec) return false;
  timeval limit{};
  limit.tv_sec = within.count() / 1'000;
  limit.tv_usec = static_cast<suseconds_t>(within.count() % 1'000 * 1'000);
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  socket.connect({target, port}, ec);
  if (ec) return false;
  const std::string request = "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  asio::write(socket, asio::buffer(request), ec);
  std::string answer(12, '\0');
  // recv(2) itself: asio's blocking read polls past SO_RCVTIMEO.
  std::size_t size = 0;
  while (size < answer.size()) {
    const auto got = ::recv(socket.native_handle(), answer.data() + size, answer.size() - size, 0);
    if (got <= 0) return false;
    size += static_cast<std::size_t>(got);
  }
  return answer == "HTTP/1.1 200";
}

}  // namespace agora::http
