#include "services/order/api/keyed_response.hpp"

namespace agora::order {

http::Response to_response(Answered answered) {
  http::Response response{.status = answered.answer.status, .body = std::move(answered.answer.body)};
  if (!answered.answer.location.empty()) response.headers.emplace_back("Location", std::move(answered.answer.location));
  if (answered.replayed) response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

}  // namespace agora::order
