#include "libs/grpc/method.hpp"

#include <algorithm>
#include <google/protobuf/descriptor.h>
#include <stdexcept>
#include <string>

namespace agora::rpc {

void check_contract(std::string_view method, std::string_view request, std::string_view response) {
  std::string name(method);
  std::replace(name.begin(), name.end(), '/', '.');
  const auto* found = google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  if (found == nullptr) throw std::logic_error("contracts/grpc has no method " + name);
  if (found->input_type()->full_name() != request || found->output_type()->full_name() != response) {
    throw std::logic_error("contracts/grpc has other messages for " + name);
  }
  if (found->client_streaming() || found->server_streaming()) throw std::logic_error(name + " is a stream");
}

}  // namespace agora::rpc
