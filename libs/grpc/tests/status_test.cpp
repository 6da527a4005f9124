#include "libs/grpc/status.hpp"

#include <set>

#include <gtest/gtest.h>

namespace agora::rpc {
namespace {

using Trailers = std::multimap<::grpc::string_ref, ::grpc::string_ref>;

TEST(Status, EveryErrcHasOneAndComesBackWhole) {
  for (int i = 0; i < kErrcCount; ++i) {
    const auto errc = static_cast<Errc>(i);
    const auto code = status_code(errc);
    EXPECT_NE(code, ::grpc::StatusCode::OK);
    EXPECT_NE(code, ::grpc::StatusCode::UNKNOWN) << agora::to_string(errc);
    const std::string name(agora::to_string(errc));
    const Trailers trailers{{"agora-errc", name}, {"agora-code", "a_code"}};
    const auto error = error_of(::grpc::Status(code, "Why not."), trailers);
    ASSERT_TRUE(error);
    EXPECT_EQ(error->errc, errc);
    EXPECT_EQ(error->code, "a_code");
    EXPECT_EQ(error->message, "Why not.");
  }
}

TEST(Status, WithoutOurTrailersIsNoAnswer) {
  const ::grpc::Status not_found(::grpc::StatusCode::NOT_FOUND, "no such path");
  EXPECT_FALSE(error_of(not_found, {}));
  EXPECT_FALSE(error_of(not_found, Trailers{{"agora-errc", "not_found"}}));
  EXPECT_FALSE(error_of(not_found, Trailers{{"agora-errc", "of_another_version"}, {"agora-code", "x"}}));
}

TEST(Status, MadeOnTheWayIsUnavailableOrTooLate) {
  for (int i = 1; i < kStatusCount; ++i) {
    const auto code = static_cast<::grpc::StatusCode>(i);
    const auto error = failure_of(::grpc::Status(code, "secret of the way"));
    const bool too_late = code == ::grpc::StatusCode::DEADLINE_EXCEEDED;
    EXPECT_EQ(error.errc, too_late ? Errc::deadline_exceeded : Errc::unavailable);
    EXPECT_EQ(error.message.find("secret"), std::string::npos);
  }
}

TEST(Status, EachHasAName) {
  std::set<std::string_view> names;
  for (int i = 0; i < kStatusCount; ++i) names.insert(to_string(static_cast<::grpc::StatusCode>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kStatusCount));
  EXPECT_EQ(to_string(::grpc::StatusCode::UNAUTHENTICATED), "UNAUTHENTICATED");
}

}  // namespace
}  // namespace agora::rpc
