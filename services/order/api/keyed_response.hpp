#pragma once
#include "libs/http/response.hpp"
#include "services/order/store/keyed_answers.hpp"

namespace agora::order {

/// The stored answer of a write, and whether it is a repeat, as HTTP has them.
http::Response to_response(Answered answered);

}  // namespace agora::order
