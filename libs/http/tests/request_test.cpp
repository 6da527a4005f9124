#include "libs/http/request.hpp"

#include <gtest/gtest.h>

#include "libs/http/text.hpp"

namespace agora::http {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

TEST(Request, FindsHeadersByTheirLowerCaseName) {
  const RequestData data{.headers = {{"a", "1"}, {"b", ""}, {"a", "2"}}};
  const Request request(data);
  EXPECT_EQ(request.header("a"), "1");
  EXPECT_EQ(request.header("b"), "");
  EXPECT_EQ(request.header("c"), std::nullopt);
  EXPECT_EQ(request.header_count("a"), 2);
  EXPECT_EQ(request.header_count("c"), 0);
}

TEST(Query, IsReadInOrderAndDecoded) {
  const RequestData data{.query = "a=1&b=%C3%A9+x&&c&d=&a=e=f"};
  const auto query = Request(data).query();
  ASSERT_TRUE(query);
  EXPECT_EQ(*query, (Headers{{"a", "1"}, {"b", "\xc3\xa9 x"}, {"c", ""}, {"d", ""}, {"a", "e=f"}}));
}

TEST(Query, IsRefusedUnlessItIsEncodedUtf8) {
  for (const std::string text :
       {"a=%", "a=%2", "a=%zz", "a=%ff", "%ff=a", "a=%00", "a=%c0%ae", "a=%ed%a0%80", "a=\xff"}) {
    const RequestData data{.query = text};
    const auto query = Request(data).query();
    ASSERT_FALSE(query) << text;
    EXPECT_EQ(query.error().code, "malformed_query");
  }
}

bool is_json(const Headers& headers) {
  const RequestData data{.headers = headers};
  const auto required = require_json(Request(data));
  return required || required.error().code != "unsupported_media_type";
}

TEST(RequireJson, TakesJsonInUtf8) {
  EXPECT_TRUE(is_json({{"content-type", "application/json"}}));
  EXPECT_TRUE(is_json({{"content-type", "Application/JSON; Charset=UTF-8"}}));
  EXPECT_TRUE(is_json({{"content-type", "application/json ; charset=\"utf-8\""}}));
}

TEST(RequireJson, RefusesOtherTypesCharsetsAndEncodings) {
  EXPECT_FALSE(is_json({}));
  EXPECT_FALSE(is_json({{"content-type", ""}}));
  EXPECT_FALSE(is_json({{"content-type", "text/plain"}}));
  EXPECT_FALSE(is_json({{"content-type", "application/jsonx"}}));
  EXPECT_FALSE(is_json({{"content-type", "application/json; charset=latin-1"}}));
  EXPECT_FALSE(is_json({{"content-type", "application/json"}, {"content-encoding", "gzip"}}));
}

std::string key_of(const Headers& headers) {
  const RequestData data{.headers = headers};
  const auto key = idempotency_key(Request(data));
  return key ? key->value_or("none") : key.error().code;
}

TEST(IdempotencyKey, IsVisibleAsciiGivenOnce) {
  EXPECT_EQ(key_of({}), "none");
  EXPECT_EQ(key_of({{"idempotency-key", "!a~"}}), "!a~");
  EXPECT_EQ(key_of({{"idempotency-key", std::string(255, 'k')}}), std::string(255, 'k'));
  for (const auto& key :
       {std::string(), std::string(256, 'k'), std::string("a b"), std::string("\xc3\xa9"), std::string("a\tb")}) {
    EXPECT_EQ(key_of({{"idempotency-key", key}}), "invalid_idempotency_key") << key;
  }
  EXPECT_EQ(key_of({{"idempotency-key", "k"}, {"idempotency-key", "k"}}), "invalid_idempotency_key");
}

TEST(IdempotencyKey, IsMissedWhereItMustBeThere) {
  const RequestData without{};
  EXPECT_EQ(required_idempotency_key(Request(without)).error().code, "idempotency_key_required");
  const RequestData with{.headers = {{"idempotency-key", "k"}}};
  EXPECT_EQ(required_idempotency_key(Request(with)).value(), "k");
}

TEST(IfMatch, NamesVersions) {
  using Versions = std::optional<std::vector<std::int64_t>>;
  const auto versions_of = [](const Headers& headers) {
    const RequestData data{.headers = headers};
    return if_match(Request(data));
  };
  EXPECT_EQ(versions_of({}), Versions{});
  EXPECT_EQ(versions_of({{"if-match", "*"}}), Versions{});
  EXPECT_EQ(versions_of({{"if-match", etag_of(7)}}), Versions(std::vector<std::int64_t>{7}));
  EXPECT_EQ(versions_of({{"if-match", " \"1\" ,\"22\""}, {"if-match", "\"3\""}}),
            Versions(std::vector<std::int64_t>{1, 22, 3}));
  for (const auto* none :
       {"", "1", "W/\"1\"", "\"\"", "\"x\"", "\"01\"", "\"-1\"", "\"1", "\"99999999999999999999\""}) {
    EXPECT_EQ(versions_of({{"if-match", none}}), Versions(std::vector<std::int64_t>{})) << none;
  }
}

TEST(Utf8, IsTakenWholeAndInItsShortestForm) {
  for (const std::string text :
       {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x9b\x92", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"}) {
    EXPECT_TRUE(is_utf8(text)) << text;
  }
  for (const std::string text : {"\x80", "\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
                                 "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

TEST(PercentDecode, TakesPlusAsABlankOnlyInQueries) {
  EXPECT_EQ(percent_decode("a+b%2B%2f", Plus::literal), "a+b+/");
  EXPECT_EQ(percent_decode("a+b%2B%2f", Plus::blank), "a b+/");
  EXPECT_EQ(percent_decode("%41", Plus::literal), "A");
  EXPECT_EQ(percent_decode("%4", Plus::literal), std::nullopt);
  EXPECT_EQ(percent_decode("%", Plus::literal), std::nullopt);
  EXPECT_EQ(percent_decode("%00", Plus::literal), std::nullopt);
}

}  // namespace
}  // namespace agora::http
