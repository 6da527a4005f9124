#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libs/base/result.hpp"
#include "libs/transfer/transfers.hpp"

namespace agora::transfer {

struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers{};  ///< as lines: `Content-Type: application/json`
  std::string_view body{};             ///< must live until the answer is there
  std::size_t answer_bytes_max = 0;    ///< a longer body is no answer
};

struct HttpAnswer {
  long status = 0;
  std::string body{};
  std::vector<std::pair<std::string, std::string>> headers{};

  /// The first header of this name, in any case.
  std::optional<std::string_view> header(std::string_view name) const;
};

/// Asks a server that the settings name: no proxy of the environment stands between, no answer leads elsewhere, and
/// only http and https are spoken. An answer of any status is one; without one the error is `unavailable`, its code
/// `no_answer`. Connections are kept by `transfers`.
Task<Result<HttpAnswer>> ask(Transfers& transfers, Ctx ctx, HttpRequest request);

}  // namespace agora::transfer
