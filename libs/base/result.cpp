#include "libs/base/result.hpp"

namespace agora {

std::string_view to_string(Errc errc) {
  switch (errc) {
    case Errc::invalid_argument:
      return "invalid_argument";
    case Errc::unauthenticated:
      return "unauthenticated";
    case Errc::forbidden:
      return "forbidden";
    case Errc::not_found:
      return "not_found";
    case Errc::already_exists:
      return "already_exists";
    case Errc::conflict:
      return "conflict";
    case Errc::precondition_failed:
      return "precondition_failed";
    case Errc::failed_precondition:
      return "failed_precondition";
    case Errc::rate_limited:
      return "rate_limited";
    case Errc::unavailable:
      return "unavailable";
    case Errc::deadline_exceeded:
      return "deadline_exceeded";
  }
  return "unknown";
}

}  // namespace agora
