#include "libs/http/pages.hpp"

#include <gtest/gtest.h>

#include "libs/base/id.hpp"

namespace agora::http {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view kFilters = "user=u1;status=pending";

std::string code_of(const Result<Cursor>& cursor) {
  return cursor ? "" : cursor.error().code;
}

TEST(Cursor, ComesBackAsItWas) {
  const std::vector<std::vector<std::string>> all = {
      {"a"}, {""}, {"2026-11-23T00:00:00.000Z", "o1"}, {std::string("\0\xff", 2), std::string(300, 'x'), "z"}};
  for (const auto& fields : all) {
    const auto decoded = Cursor::decode(Cursor{fields}.encode(kFilters), kFilters, fields.size());
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->fields, fields);
  }
}

TEST(Cursor, IsSafeInAQueryString) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes += static_cast<char>(byte);
  const auto text = Cursor{{bytes}}.encode(kFilters);
  EXPECT_EQ(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
}

TEST(Cursor, BelongsToItsFilters) {
  const auto text = Cursor{{"a", "b"}}.encode(kFilters);
  EXPECT_EQ(code_of(Cursor::decode(text, "user=u2;status=pending", 2)), "invalid_cursor");
  EXPECT_EQ(code_of(Cursor::decode(text, "", 2)), "invalid_cursor");
}

TEST(Cursor, HasTheFieldsThatAreAskedFor) {
  const auto text = Cursor{{"a", "b"}}.encode(kFilters);
  EXPECT_EQ(code_of(Cursor::decode(text, kFilters, 1)), "invalid_cursor");
  EXPECT_EQ(code_of(Cursor::decode(text, kFilters, 3)), "invalid_cursor");
}

TEST(Cursor, IsRefusedWhenCut) {
  const auto text = Cursor{{"abc", "defg"}}.encode(kFilters);
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_EQ(code_of(Cursor::decode(text.substr(0, size), kFilters, 2)), "invalid_cursor") << size;
  }
  EXPECT_EQ(code_of(Cursor::decode(text + "A", kFilters, 2)), "invalid_cursor");
  EXPECT_EQ(code_of(Cursor::decode(text + "=", kFilters, 2)), "invalid_cursor");
  EXPECT_EQ(code_of(Cursor::decode(std::string(5'000, 'A'), kFilters, 2)), "invalid_cursor");
}

TEST(Cursor, IsRefusedWithAnyCharacterChanged) {
  // 38 bytes: the last character has bits to spare.
  const auto text = Cursor{{"2026-11-23T00:00:00.000Z", "o1"}}.encode(kFilters);
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (const char other : std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ \xff")) {
      if (other == text[at]) continue;
      auto changed = text;
      changed[at] = other;
      ASSERT_EQ(code_of(Cursor::decode(changed, kFilters, 2)), "invalid_cursor") << changed;
    }
  }
}

TEST(PageLimit, IsTwentyUnlessSaid) {
  QueryParameters query({});
  EXPECT_EQ(query.take_limit(), 20);
  EXPECT_TRUE(query.finish());
}

TEST(PageLimit, IsCutToAHundred) {
  const std::vector<std::pair<std::string, int>> cases = {
      {"1", 1}, {"100", 100}, {"101", 100}, {"2147483648", 100}, {"99999999999999999999", 100}};
  for (const auto& [text, limit] : cases) {
    QueryParameters query(Parameters{{"limit", text}});
    EXPECT_EQ(query.take_limit(), limit) << text;
    EXPECT_TRUE(query.finish()) << text;
  }
}

TEST(PageLimit, RefusesWhatIsNoNumberFromOne) {
  for (const std::string text :
       {"0", "-1", "-99999999999999999999", "", "ten", "1.5", "1e2", "+5", " 5", "5 ", "0x5"}) {
    QueryParameters query(Parameters{{"limit", text}});
    query.take_limit();
    const auto finished = query.finish();
    ASSERT_FALSE(finished) << text;
    EXPECT_EQ(finished.error().code, "validation_failed");
    ASSERT_EQ(finished.error().fields.size(), 1U);
    EXPECT_EQ(finished.error().fields[0].pointer, "?limit");
    EXPECT_EQ(finished.error().fields[0].code, "out_of_range");
  }
}

TEST(QueryParameters, GiveEachValueOnce) {
  QueryParameters query(Parameters{{"a", "1"}, {"b", "2"}});
  EXPECT_EQ(query.take("a"), "1");
  EXPECT_EQ(query.take("a"), std::nullopt);
  EXPECT_EQ(query.take("c"), std::nullopt);
  EXPECT_EQ(query.take("b"), "2");
  EXPECT_TRUE(query.finish());
}

TEST(QueryParameters, AreRefusedAllAtOnce) {
  QueryParameters query(
      Parameters{{"a", "1"}, {"a", "2"}, {"limit", "0"}, {"colour", "x"}, {"size", "y"}, {"status", "z"}});
  query.take("a");
  query.take_limit();
  query.take("status");
  query.complain("status", "invalid_value", "is none of the statuses");
  const auto finished = query.finish();
  ASSERT_FALSE(finished);
  std::vector<std::string> all;
  for (const auto& field : finished.error().fields) all.push_back(field.pointer + " " + field.code);
  const std::vector<std::string> expected = {"?a conflicting_fields", "?limit out_of_range", "?status invalid_value",
                                             "?colour unknown_field", "?size unknown_field"};
  EXPECT_EQ(all, expected);
}

TEST(QueryParameters, AreNotComplainedOfWithoutEnd) {
  QueryParameters query(Parameters{});
  for (int i = 0; i < 7'000; ++i) query.complain("status", "invalid_value", "is none of the statuses");
  EXPECT_EQ(query.finish().error().fields.size(), 100U);
}

TEST(SplitList, LeavesNoItemOut) {
  using Items = std::vector<std::string_view>;
  EXPECT_EQ(split_list("a"), (Items{"a"}));
  EXPECT_EQ(split_list("a,b,,c"), (Items{"a", "b", "", "c"}));
  EXPECT_EQ(split_list("a,"), (Items{"a", ""}));
  EXPECT_EQ(split_list(""), (Items{""}));
}

TEST(Cursor, ThatSomebodyMadeUpIsRefusedFieldByField) {
  using OrderId = Id<struct OrderTag>;
  EXPECT_EQ(Cursor{{"-17"}}.time(0).value(), Timestamp(std::chrono::microseconds(-17)));
  for (const std::string text : {"", "zzz", "17x", " 17", "99999999999999999999", "1.5"}) {
    EXPECT_EQ(Cursor{{text}}.time(0).error().code, "invalid_cursor") << text;
  }
  EXPECT_EQ(Cursor{{"o-1"}}.id<OrderId>(0).value(), OrderId("o-1"));
  for (const std::string text : {"", "\xff\xfe", "a b", "a\n"}) {
    EXPECT_EQ(Cursor{{text}}.id<OrderId>(0).error().code, "invalid_cursor") << text;
  }
}

}  // namespace
}  // namespace agora::http
