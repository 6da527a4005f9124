#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "libs/http/request.hpp"

namespace agora::http {

/// Turns the bytes of a connection into one request: header gate first, then Beast's parser, both within limits. Does
/// no I/O, so the result does not depend on how the bytes were cut on their way. One per request; not thread-safe.
class RequestReader {
 public:
  RequestReader(std::int64_t header_bytes_max, std::int64_t body_bytes_max);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  /// What is missing, or that nothing is.
  enum class Progress { head, body, complete, refused };
  /// Takes what it can from the front of `input`; when complete, what is left there belongs to the next request.
  Progress read(std::string& input);

  /// Why a request was refused: a code of the error table (400, 413, 431) and a sentence. Nothing that follows on the
  /// connection can be trusted: where the next request would begin is not known.
  struct Refusal {
    std::string_view code;
    std::string_view detail;
  };
  const Refusal& refusal() const { return refusal_; }

  /// Whether the client waits for `100 Continue` before it sends the body. Known once the head is read, as are the
  /// following.
  bool expects_continue() const;
  bool keep_alive() const;
  bool is_http_1_0() const;
  /// None when it is not one that is served.
  std::optional<Method> method() const;
  /// The request, once, when it is complete and has a method.
  RequestData take();

 private:
  struct Parser;

  Progress read_head(std::string& input);
  Progress read_body(std::string& input);
  Progress refuse(std::string_view code, std::string_view detail);

  std::size_t header_bytes_max_;
  std::uint64_t body_bytes_max_;
  std::size_t searched_ = 0;  ///< of the head: bytes in which its end was not found
  std::unique_ptr<Parser> parser_;
  RequestData request_;
  Refusal refusal_{};
};

}  // namespace agora::http
