#include "libs/http/tests/client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "libs/http/text.hpp"

namespace agora::http {
namespace {

constexpr int kReadSeconds = 10;

int open_connection(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval limit{.tv_sec = kReadSeconds, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return socket;
  ::close(socket);
  return -1;
}

}  // namespace

Client::Client(std::uint16_t port) : socket_(open_connection(port)) {
  if (socket_ < 0) throw std::runtime_error("cannot connect");
}

Client::~Client() {
  ::close(socket_);
}

bool Client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool Client::fill() {
  char bytes[16 << 10];
  const auto got = ::recv(socket_, bytes, sizeof bytes, 0);
  if (got <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(got));
  return true;
}

Answer Client::receive(bool of_head) {
  Answer answer;
  while (buffer_.find("\r\n\r\n") == std::string::npos) {
    if (!fill()) return answer;
  }
  answer.head = buffer_.substr(0, buffer_.find("\r\n\r\n") + 2);
  buffer_.erase(0, answer.head.size() + 2);
  answer.status = std::stoi(answer.head.substr(9, 3));
  for (auto at = answer.head.find("\r\n") + 2; at < answer.head.size();) {
    const auto colon = answer.head.find(": ", at);
    const auto end = answer.head.find("\r\n", at);
    answer.headers[lower(answer.head.substr(at, colon - at))] = answer.head.substr(colon + 2, end - colon - 2);
    at = end + 2;
  }
  const auto length = answer.headers.find("content-length");
  const std::size_t size = of_head || length == answer.headers.end() ? 0 : std::stoul(length->second);
  while (buffer_.size() < size && fill()) {
  }
  answer.body = buffer_.substr(0, size);
  buffer_.erase(0, answer.body.size());
  return answer;
}

std::size_t Client::skip_some() {
  if (buffer_.empty()) fill();
  const auto got = buffer_.size();
  buffer_.clear();
  return got;
}

std::string Client::receive_until(std::string_view end) {
  while (buffer_.find(end) == std::string::npos && fill()) {
  }
  const auto at = buffer_.find(end);
  const auto received = buffer_.substr(0, at == std::string::npos ? at : at + end.size());
  buffer_.erase(0, received.size());
  return received;
}

std::string Client::receive_all() {
  while (fill()) {
  }
  return std::move(buffer_);
}

bool Client::is_closed() {
  char byte = 0;
  return buffer_.empty() && ::recv(socket_, &byte, 1, 0) == 0;
}

bool accepts_connections(std::uint16_t port) {
  const int socket = open_connection(port);
  if (socket >= 0) ::close(socket);
  return socket >= 0;
}

}  // namespace agora::http
