#pragma once
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "libs/base/secret.hpp"
#include "libs/json/document.hpp"
#include "libs/transfer/http.hpp"

namespace agora::cli {

/// What a service answered.
struct Answer {
  long status = 0;
  std::string body{};
  bool is_replay = false;  ///< Idempotency-Replayed: it had been answered before

  /// The body as JSON; throws std::runtime_error when it is none.
  json::Document document() const;
  /// For messages: the `detail` of a problem, else the status.
  std::string why() const;
};

/// Asks services by HTTP, one request after the other; blocks. Not thread-safe.
class HttpCalls {
 public:
  /// `token`: sent as bearer token with each request.
  explicit HttpCalls(std::optional<Secret<std::string>> token = std::nullopt) : token_(std::move(token)) {}

  struct Request {
    std::string method{};
    std::string url{};
    std::string body{};                   ///< JSON; empty: none
    std::string idempotency_key{};        ///< empty: none
    Deadline deadline = Deadline::max();  ///< for the whole of it
  };
  /// Throws std::runtime_error when no answer came.
  Answer ask(const Request& request);

 private:
  std::optional<Secret<std::string>> token_;
  boost::asio::io_context io_{1};
  transfer::Transfers transfers_{};
};

/// The deadline of a request that is answered at once.
Deadline soon();

/// A member of an object as text: a string's characters, the JSON of anything else; empty when it is null or absent.
std::string text_member(const json::Node& node, std::string_view name);

}  // namespace agora::cli
