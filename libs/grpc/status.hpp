#pragma once
#include <grpcpp/support/status.h>
#include <grpcpp/support/string_ref.h>
#include <map>
#include <optional>
#include <string>

#include "libs/base/result.hpp"

// The one place where our errors become gRPC's statuses and come back. For this library alone: it includes gRPC's
// headers.

namespace agora::rpc {

/// Trailers of an answer that is a "no". A status without them was not made by a service of ours but on the way to it.
inline constexpr std::string_view kErrcTrailer = "agora-errc";
inline constexpr std::string_view kCodeTrailer = "agora-code";

/// By the meanings of https://grpc.github.io/grpc/core/md_doc_statuscodes.html. Two of ours share one; the trailers
/// keep them apart.
::grpc::StatusCode status_code(Errc errc);
/// `OK`, `NOT_FOUND`, …: what metrics are labelled with.
std::string_view to_string(::grpc::StatusCode code);
inline constexpr int kStatusCount = 17;

/// The error as the other side made it; none without its trailers, or when they name an Errc that we do not know.
std::optional<Error> error_of(const ::grpc::Status& status,
                              const std::multimap<::grpc::string_ref, ::grpc::string_ref>& trailers);
/// What a status that was made on the way means to a caller: `deadline_exceeded`, or `unavailable`. None of them is an
/// answer to what was asked, whoever refused.
Error failure_of(const ::grpc::Status& status);

}  // namespace agora::rpc
