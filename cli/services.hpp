#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace agora::cli {

/// A service as this command knows it. The one place where a service is added.
struct Service {
  std::string_view name;      ///< `order`
  std::string_view program;   ///< `order-service`
  std::string_view database;  ///< its SQLite file in the data folder
  std::uint16_t port;         ///< default of --<name>-port
  std::uint16_t internal_port;
  std::uint16_t grpc_port;                       ///< 0: it serves no gRPC
  std::span<const std::string_view> demo_flags;  ///< of its program, under `up`
  std::span<const std::string_view> feeds;       ///< services whose logs it consumes, under `up`
  std::span<const std::string_view> asks;        ///< services that it asks by gRPC, under `up`
};

/// All services, in the order they are started; each consumes what those before it publish.
std::span<const Service> services();
/// The service of a name; null when there is none.
const Service* find_service(std::string_view name);
/// The names of all, for messages: `order, notification`.
std::string service_names();

/// The service's program, beside ours or where the build tree has it; none when it is in neither place.
std::optional<std::filesystem::path> find_program(const Service& service);
/// Where find_program() looks, for messages.
std::string program_places(const Service& service);

/// Variable of a service's setting: (`order`, `PORT`) is AGORA_ORDER_PORT.
std::string variable(const Service& service, std::string_view setting);

}  // namespace agora::cli
