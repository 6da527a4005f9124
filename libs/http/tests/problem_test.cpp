#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "libs/http/error_table.hpp"
#include "libs/http/response.hpp"

namespace agora::http {
namespace {

std::string header(const Response& response, std::string_view name) {
  for (const auto& [field, value] : response.headers) {
    if (field == name) return value;
  }
  return {};
}

TEST(Problem, SaysEverythingThatIsKnown) {
  const auto usd = Currency::from_code("USD");
  ASSERT_TRUE(usd);
  const Error error{
      Errc::conflict,
      "price_changed",
      "A price is not what the buyer saw.",
      {{"/items/0/price", "price_changed", "is another now"}},
      {{"current_price", Money{100'000, *usd}}, {"attempts", std::int64_t{3}}, {"hint", std::string("say \"yes\"")}}};
  const auto response = problem(error, "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(
      response.body,
      R"({"type":"/errors/price_changed","title":"Price changed","status":409,"detail":"A price is not what the buyer saw.",)"
      R"("code":"price_changed","current_price":1000.00,"attempts":3,"hint":"say \"yes\"",)"
      R"("errors":[{"pointer":"/items/0/price","code":"price_changed","message":"is another now"}],)"
      R"("trace_id":"0af7651916cd43dd8448eb211c80319c"})");
}

TEST(Problem, HasAStatusForEveryErrc) {
  const std::vector<int> expected = {422, 401, 403, 404, 409, 409, 412, 409, 429, 503, 503};
  ASSERT_EQ(expected.size(), static_cast<std::size_t>(kErrcCount));
  for (int i = 0; i < kErrcCount; ++i) {
    const auto errc = static_cast<Errc>(i);
    EXPECT_EQ(status_of(errc), expected[static_cast<std::size_t>(i)]) << to_string(errc);
    const Error error{errc, "a_code_that_the_table_does_not_have", "A sentence."};
    EXPECT_EQ(status_of(error), status_of(errc));
    const auto body = problem(error, "").body;
    EXPECT_NE(body.find("\"title\":\"" + std::string(to_string(errc)) + "\""), std::string::npos) << body;
  }
}

TEST(Problem, TakesTheStatusOfItsCodeFirst) {
  EXPECT_EQ(status_of(Error{Errc::invalid_argument, "malformed_json", ""}), 400);
  EXPECT_EQ(status_of(Error{Errc::invalid_argument, "validation_failed", ""}), 422);
  EXPECT_EQ(status_of(Error{Errc::unavailable, "internal_error", ""}), 500);
}

TEST(Problem, SaysWhenToComeBackAndHowToBeKnown) {
  EXPECT_EQ(header(problem(Error{Errc::unavailable, "overloaded", ""}, ""), "Retry-After"), "1");
  EXPECT_EQ(header(problem(Error{Errc::rate_limited, "rate_limited", ""}, ""), "Retry-After"), "1");
  EXPECT_EQ(header(problem(Error{Errc::not_found, "not_found", ""}, ""), "Retry-After"), "");
  EXPECT_EQ(header(problem(Error{Errc::unauthenticated, "missing_token", ""}, ""), "WWW-Authenticate"), "Bearer");
  EXPECT_EQ(header(problem(Error{Errc::unauthenticated, "invalid_token", ""}, ""), "WWW-Authenticate"),
            R"(Bearer error="invalid_token")");
  EXPECT_EQ(header(problem(Error{Errc::forbidden, "forbidden", ""}, ""), "WWW-Authenticate"), "");
}

TEST(ErrorTable, IsSortedAndEachRowIsFound) {
  const auto rows = error_table();
  ASSERT_GT(rows.size(), 40U);
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.code < b.code; }));
  for (const auto& row : rows) EXPECT_EQ(find_error(row.code), &row);
  EXPECT_EQ(find_error(""), nullptr);
  EXPECT_EQ(find_error("no_such_code"), nullptr);
}

TEST(ErrorTable, HoldsBareCodesWithStatusesThatAreRefusals) {
  const std::set<int> known = {400, 401, 403, 404, 405, 406, 409, 410, 412, 413, 415, 422, 428, 429, 431, 500, 503};
  for (const auto& row : error_table()) {
    EXPECT_EQ(row.code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789"), std::string_view::npos) << row.code;
    EXPECT_TRUE(known.contains(row.status)) << row.code;
    EXPECT_FALSE(row.title.empty()) << row.code;
    EXPECT_TRUE(row.meaning.ends_with('.')) << row.code;
  }
}

TEST(ErrorTable, HasEveryCodeThatThisLibraryAnswers) {
  for (const auto* code : {"bad_request",
                           "header_too_large",
                           "body_too_large",
                           "not_found",
                           "method_not_allowed",
                           "not_acceptable",
                           "overloaded",
                           "missing_token",
                           "invalid_token",
                           "forbidden",
                           "temporarily_unavailable",
                           "internal_error",
                           "token_verification_unavailable",
                           "invalid_cursor",
                           "malformed_query",
                           "unsupported_media_type",
                           "invalid_idempotency_key",
                           "unknown_field",
                           "validation_failed",
                           "out_of_range",
                           "conflicting_fields",
                           "malformed_json",
                           "too_deep",
                           "too_many_values",
                           "duplicate_key",
                           "required",
                           "wrong_type"}) {
    EXPECT_NE(find_error(code), nullptr) << code;
  }
}

TEST(Problem, EveryRowOfTheTableIsAnsweredAsItSays) {
  for (const auto& row : error_table()) {
    for (int i = 0; i < kErrcCount; ++i) {
      const Error error{static_cast<Errc>(i), std::string(row.code), "A sentence."};
      EXPECT_EQ(status_of(error), row.status) << row.code << ": the code decides, not the Errc";
    }
    const auto response = problem(Error{Errc::unavailable, std::string(row.code), "A sentence."}, "t");
    EXPECT_EQ(response.status, row.status) << row.code;
    EXPECT_TRUE(response.body.starts_with(R"({"type":"/errors/)" + std::string(row.code) + R"(","title":")" +
                                          std::string(row.title) + R"(","status":)" + std::to_string(row.status) + ","))
        << response.body;
    EXPECT_EQ(!header(response, "Retry-After").empty(), row.status == 503 || row.status == 429) << row.code;
    EXPECT_EQ(!header(response, "WWW-Authenticate").empty(), row.status == 401) << row.code;
  }
}

TEST(ErrorTable, AgreesWithTheErrcThatACodeIsUsedWith) {
  const std::vector<std::pair<Errc, std::vector<const char*>>> used = {
      {Errc::unauthenticated, {"missing_token", "invalid_token"}},
      {Errc::forbidden, {"forbidden"}},
      {Errc::not_found, {"not_found", "unknown_product", "unknown_offer"}},
      {Errc::conflict,
       {"out_of_stock", "price_changed", "offer_unavailable", "mixed_currencies", "already_canceled", "not_cancelable",
        "request_in_flight"}},
      {Errc::precondition_failed, {"precondition_failed"}},
      {Errc::rate_limited, {"rate_limited"}},
      {Errc::unavailable, {"overloaded", "temporarily_unavailable", "token_verification_unavailable"}},
      {Errc::invalid_argument, {"validation_failed", "several_sellers", "idempotency_key_reused"}}};
  for (const auto& [errc, codes] : used) {
    for (const auto* code : codes) {
      ASSERT_NE(find_error(code), nullptr) << code;
      EXPECT_EQ(find_error(code)->status, status_of(errc)) << code;
    }
  }
}

TEST(ErrorTable, SaysOurOwnTroublesWithFiveHundredsAlone) {
  const std::set<std::string_view> ours = {"internal_error", "overloaded", "temporarily_unavailable",
                                           "token_verification_unavailable"};
  for (const auto& row : error_table()) EXPECT_EQ(row.status >= 500, ours.contains(row.code)) << row.code;
}

}  // namespace
}  // namespace agora::http
