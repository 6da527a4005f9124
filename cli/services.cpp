#include "cli/services.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <unistd.h>

namespace agora::cli {
namespace {

namespace fs = std::filesystem;

// Nobody can pay within minutes yet.
constexpr std::array<std::string_view, 3> kOrderFlags{"--demo-guests", "--payment-window", "24h"};

constexpr std::array<std::string_view, 1> kNotificationFeeds{"order"};
constexpr std::array<std::string_view, 1> kNotificationAsks{"order"};

constexpr std::array<Service, 2> kServices{{
    {"order", "order-service", "order.db", 8000, 9100, 9000, kOrderFlags, {}, {}},
    {"notification",
     "notification-service",
     "notification.db",
     8005,
     9105,
     0,
     {},
     kNotificationFeeds,
     kNotificationAsks},
}};

fs::path own_folder() {
  return fs::read_symlink("/proc/self/exe").parent_path();
}

std::array<fs::path, 2> places(const Service& service) {
  const auto folder = own_folder();
  return {folder / service.program, folder.parent_path() / "services" / service.name / service.program};
}

}  // namespace

std::span<const Service> services() {
  return kServices;
}

const Service* find_service(std::string_view name) {
  const auto found = std::find_if(kServices.begin(), kServices.end(), [&](const auto& s) { return s.name == name; });
  return found == kServices.end() ? nullptr : &*found;
}

std::string service_names() {
  std::string names;
  for (const auto& service : kServices) names += (names.empty() ? "" : ", ") + std::string(service.name);
  return names;
}

std::optional<fs::path> find_program(const Service& service) {
  for (const auto& place : places(service)) {
    if (::access(place.c_str(), X_OK) == 0) return place;
  }
  return std::nullopt;
}

std::string program_places(const Service& service) {
  const auto [installed, built] = places(service);
  return installed.string() + " and " + built.string();
}

std::string variable(const Service& service, std::string_view setting) {
  std::string name = "AGORA_";
  for (const char c : service.name) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name + "_" + std::string(setting);
}

}  // namespace agora::cli
