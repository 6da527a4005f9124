#pragma once
#include <string_view>

namespace agora::rpc {

/// Whether a call may be sent again when nobody knows whether the first one was served.
enum class Retry { never, safe };

/// A method of contracts/grpc: its name (`agora.order.v1.OrderService/GetContact`) and the messages it takes and gives.
/// Whoever serves or calls it checks all three against the contract that is compiled in.
template <class RequestMessage, class ResponseMessage>
struct Method {
  using Request = RequestMessage;
  using Response = ResponseMessage;

  std::string_view name;
  Retry retry = Retry::never;
};

/// Throws std::logic_error unless the contract has such a method with these messages (full names), neither of them
/// streamed.
void check_contract(std::string_view method, std::string_view request, std::string_view response);

template <class Request, class Response>
void check_contract(const Method<Request, Response>& method) {
  check_contract(method.name, Request::descriptor()->full_name(), Response::descriptor()->full_name());
}

}  // namespace agora::rpc
