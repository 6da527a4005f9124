#pragma once
#include <cstdint>
#include <string>

namespace agora {

/// Who listens on a TCP port of this machine, as far as /proc lets us see: `process 4711 (order-service)`, else
/// `another process`.
std::string holder_of_port(std::uint16_t port);

}  // namespace agora
