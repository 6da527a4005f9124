#include "libs/grpc/status.hpp"

#include <array>

namespace agora::rpc {

::grpc::StatusCode status_code(Errc errc) {
  switch (errc) {
    case Errc::invalid_argument:
      return ::grpc::StatusCode::INVALID_ARGUMENT;
    case Errc::unauthenticated:
      return ::grpc::StatusCode::UNAUTHENTICATED;
    case Errc::forbidden:
      return ::grpc::StatusCode::PERMISSION_DENIED;
    case Errc::not_found:
      return ::grpc::StatusCode::NOT_FOUND;
    case Errc::already_exists:
      return ::grpc::StatusCode::ALREADY_EXISTS;
    case Errc::conflict:
      return ::grpc::StatusCode::FAILED_PRECONDITION;
    case Errc::precondition_failed:
      return ::grpc::StatusCode::ABORTED;
    case Errc::failed_precondition:
      return ::grpc::StatusCode::FAILED_PRECONDITION;
    case Errc::rate_limited:
      return ::grpc::StatusCode::RESOURCE_EXHAUSTED;
    case Errc::unavailable:
      return ::grpc::StatusCode::UNAVAILABLE;
    case Errc::deadline_exceeded:
      return ::grpc::StatusCode::DEADLINE_EXCEEDED;
  }
  return ::grpc::StatusCode::UNKNOWN;
}

std::string_view to_string(::grpc::StatusCode code) {
  static constexpr std::array<std::string_view, kStatusCount> kNames{
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  const auto at = static_cast<std::size_t>(code);
  return at < kNames.size() ? kNames[at] : "UNKNOWN";
}

std::optional<Error> error_of(const ::grpc::Status& status,
                              const std::multimap<::grpc::string_ref, ::grpc::string_ref>& trailers) {
  const auto value = [&](std::string_view name) -> std::string_view {
    const auto found = trailers.find(::grpc::string_ref(name.data(), name.size()));
    if (found == trailers.end()) return {};
    return {found->second.data(), found->second.size()};
  };
  const auto named = value(kErrcTrailer);
  const auto code = value(kCodeTrailer);
  for (int i = 0; i < kErrcCount; ++i) {
    const auto errc = static_cast<Errc>(i);
    if (agora::to_string(errc) != named || code.empty()) continue;
    return Error{errc, std::string(code), status.error_message()};
  }
  return std::nullopt;
}

Error failure_of(const ::grpc::Status& status) {
  if (status.error_code() == ::grpc::StatusCode::DEADLINE_EXCEEDED) {
    return {Errc::deadline_exceeded, "temporarily_unavailable", "Another service did not answer in time."};
  }
  return {Errc::unavailable, "temporarily_unavailable",
          "Another service cannot be asked now: " + std::string(to_string(status.error_code())) + "."};
}

}  // namespace agora::rpc
