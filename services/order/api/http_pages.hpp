#pragma once
#include <vector>

#include "libs/http/router.hpp"

namespace agora::order {

/// `/health` of the contract that came first.
std::vector<http::Route> health_route();
/// What helps whoever opens the port in a browser: `/`, `/docs`, `/openapi.json`.
std::vector<http::Route> page_routes();

}  // namespace agora::order
