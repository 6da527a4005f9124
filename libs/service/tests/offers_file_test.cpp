#include "libs/service/offers_file.hpp"

#include <gtest/gtest.h>

namespace agora::service {
namespace {

/// An event of an offers file, in a line.
std::string event(const std::string& type, const std::string& subject, const std::string& data) {
  return R"({"specversion":"1.0","id":"1","source":"/x","type":")" + type + R"(","subject":")" + subject +
         R"(","logid":"offers-file","version":"1","data":)" + data + "}\n";
}

std::string refusal(const std::string& text) {
  try {
    read_offers(text);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

TEST(OffersFile, NamesTheLineThatIsWrong) {
  const std::string good =
      R"({"specversion":"1.0","id":"1","source":"/x","type":"user.registered","subject":"u","logid":"offers-file","version":"1","data":{"user_id":"u"}})";
  EXPECT_EQ(refusal(good + "\n\n" + good), "");
  EXPECT_NE(refusal(good + "\n{").find("line 2"), std::string::npos);
  const auto changed = [&](const std::string& from, const std::string& to) {
    auto text = good;
    return refusal(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_NE(changed("\"1\",\"data\"", "\"0\",\"data\"").find("version"), std::string::npos);
  EXPECT_NE(changed("offers-file", "another-log").find("logid"), std::string::npos);
  EXPECT_NE(changed("{\"user_id\":\"u\"}", "[]").find("data"), std::string::npos);
  EXPECT_NE(changed("\"type\"", "\"kind\"").find("/type"), std::string::npos);
}

TEST(OffersFile, CountsLinesAsAnEditorDoes) {
  const auto good = event("user.registered", "u", R"({"user_id":"u"})");
  for (const auto& [before, line] : std::vector<std::pair<std::string, int>>{
           {"", 1}, {good, 2}, {"\n", 2}, {"\r\n \t\r\n", 3}, {good + "\n" + good, 4}}) {
    const auto text = refusal(before + "{\n" + good);
    EXPECT_TRUE(text.starts_with("offers file, line " + std::to_string(line) + ": ")) << text;
  }
  EXPECT_EQ(read_offers("").size(), 0U);
  EXPECT_EQ(read_offers("\n \n\r\n").size(), 0U);
  EXPECT_EQ(read_offers(good + "\r\n" + good.substr(0, good.size() - 1)).size(), 2U) << "the last needs no newline";
}

TEST(OffersFile, WantsEveryAttributeOfAnEvent) {
  const std::string good = event("user.registered", "u", R"({"user_id":"u"})");
  EXPECT_EQ(refusal(good), "");
  for (const std::string name : {"specversion", "id", "source", "type", "subject", "logid", "version"}) {
    auto text = good;
    text.replace(text.find("\"" + name + "\""), name.size() + 2, "\"other\"");
    const auto why = refusal("\n" + text);
    EXPECT_NE(why.find("line 2: "), std::string::npos) << why;
    EXPECT_NE(why.find("/" + name + " is required"), std::string::npos) << why;
  }
  auto without_data = good;
  without_data.replace(without_data.find("\"data\""), 6, "\"other\"");
  EXPECT_NE(refusal(without_data).find("line 1: data must be an object"), std::string::npos);
}

TEST(OffersFile, RefusesOtherVersionsAndLogs) {
  const std::string good = event("user.registered", "u", R"({"user_id":"u"})");
  const auto changed = [&](const std::string& from, const std::string& to) {
    auto text = good;
    return refusal(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_NE(changed("\"specversion\":\"1.0\"", "\"specversion\":\"0.3\"").find("specversion must be 1.0"),
            std::string::npos);
  EXPECT_NE(changed("\"logid\":\"offers-file\"", "\"logid\":\"offers\"").find("logid offers-file"), std::string::npos);
  for (const std::string version : {"0", "-1", "+1", "1.0", "", " 1", "1x", "9223372036854775808"}) {
    EXPECT_NE(changed("\"version\":\"1\"", "\"version\":\"" + version + "\"").find("version must be a decimal string"),
              std::string::npos)
        << version;
  }
  EXPECT_NE(changed("\"version\":\"1\"", "\"version\":1").find("/version"), std::string::npos);
  EXPECT_EQ(changed("\"version\":\"1\"", "\"version\":\"9223372036854775807\""), "");
  EXPECT_NE(changed("\"subject\":\"u\"", "\"subject\":\"" + std::string(65, 'u') + "\"").find("/subject"),
            std::string::npos);
}

TEST(OffersFile, KeepsWhatAnEventSays) {
  const auto events =
      read_offers(event("offer.created", "o", R"({"offer_id":"o"})") + event("seller.opened", "s", "{}"));
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].type, "offer.created");
  EXPECT_EQ(events[0].subject, "o");
  EXPECT_EQ(events[0].data().member("offer_id")->text(), "o");
  EXPECT_EQ(events[1].type, "seller.opened");
}

}  // namespace
}  // namespace agora::service
