#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "libs/http/router.hpp"

namespace agora::service {

/// `/health` as every service answers it: `{"status":"OK","service":<title>}`.
std::vector<http::Route> health_route(std::string_view title, std::string operation_id);

/// What helps whoever opens the port in a browser; embedded texts.
struct ContractPages {
  std::string_view index;    ///< `/`, HTML
  std::string_view docs;     ///< `/docs`, HTML, made from the contract
  std::string_view openapi;  ///< `/openapi.json`
};
std::vector<http::Route> page_routes(const ContractPages& pages);

}  // namespace agora::service
