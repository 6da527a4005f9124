#pragma once
#include <optional>
#include <string>
#include <vector>

#include "libs/http/router.hpp"

namespace agora::http {

struct Router::Impl {
  std::vector<Route> routes;
  std::vector<std::vector<std::string>> patterns;  ///< segments of each route's path
};

/// Where a request goes.
struct Match {
  std::optional<std::size_t> row{};  ///< index into Router::routes()
  std::vector<Method> allowed{};     ///< without a row: methods of the rows with this path
  bool malformed = false;            ///< the path is not percent-encoded UTF-8
};

/// Finds the row for a request and sets its path parameters. HEAD goes where GET goes.
Match match(const Router& router, RequestData& request);

}  // namespace agora::http
