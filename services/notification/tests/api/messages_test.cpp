#include "services/notification/api/messages.hpp"

#include <gtest/gtest.h>

namespace agora::notification {
namespace {

constexpr auto kEvery = {Kind::welcome,
                         Kind::order_placed,
                         Kind::order_paid,
                         Kind::order_expired,
                         Kind::order_canceled,
                         Kind::order_lines_canceled,
                         Kind::order_refunded,
                         Kind::order_shipped,
                         Kind::order_delivered,
                         Kind::capture_refused,
                         Kind::sale_paid,
                         Kind::sale_canceled,
                         Kind::sale_lines_canceled};
constexpr auto kData =
    R"({"number":"4T8QX0WZ1M","total":"999.98","currency":"USD","pay_by":"2026-11-24 10:00","by_seller":true,"ended":true,)"
    R"("lines":[{"quantity":2,"title":"Thumb <b>&\"x\"","sku":"T-1","total":"999.98"},{"quantity":1,"title":"Towel","sku":"T-2","total":"0.00"}]})";

TEST(Messages, HaveWordsForEveryKindInEveryLanguage) {
  for (const auto kind : kEvery) {
    const auto english = words_of(kind, "en", kData, "Arthur");
    const auto german = words_of(kind, "de-AT", kData, "Arthur");
    for (const auto& words : {english, german}) {
      EXPECT_FALSE(words.subject.empty());
      EXPECT_EQ(words.subject.find('\n'), std::string::npos);
      EXPECT_NE(words.text.find("Arthur"), std::string::npos);
      EXPECT_NE(words.html.find("Arthur"), std::string::npos);
      for (const auto* text : {&words.subject, &words.text, &words.html}) {
        EXPECT_EQ(text->find("{{"), std::string::npos) << *text;
      }
      EXPECT_EQ(words.subject.find("4T8QX0WZ1M") == std::string::npos, kind == Kind::welcome) << words.subject;
    }
    EXPECT_NE(english.subject, german.subject);
    EXPECT_EQ(words_of(kind, "fr", kData, "").subject, english.subject) << "a language that is not there";
    EXPECT_EQ(words_of(kind, "", kData, "").subject, english.subject);
  }
}

TEST(Messages, EscapeInHtmlAndNowhereElse) {
  const auto words = words_of(Kind::order_paid, "en", kData, "<i>A&B</i>");
  EXPECT_NE(words.text.find("Hello <i>A&B</i>,"), std::string::npos) << words.text;
  EXPECT_NE(words.text.find("2 x Thumb <b>&\"x\": 999.98 USD"), std::string::npos) << words.text;
  EXPECT_NE(words.html.find("Hello &lt;i&gt;A&amp;B&lt;/i&gt;,"), std::string::npos) << words.html;
  EXPECT_NE(words.html.find("Thumb &lt;b&gt;&amp;&quot;x&quot;: 999.98 USD"), std::string::npos) << words.html;
  EXPECT_EQ(words.html.find("<i>"), std::string::npos);
}

TEST(Messages, HaveNoTemplatesInWhatUsersWrite) {
  const auto words = words_of(Kind::order_paid, "en", R"({"number":"{{name}}","lines":[]})", "{{#lines}}");
  EXPECT_EQ(words.subject, "Your order {{name}} is paid");
  EXPECT_NE(words.text.find("Hello {{#lines}},"), std::string::npos);
}

TEST(Messages, KeepWhatUsersWroteOnOneLine) {
  const auto words =
      words_of(Kind::sale_paid, "en",
               R"({"number":"N","currency":"USD","lines":[{"quantity":1,"title":"a\r\nTotal: 0.00","sku":"\u0007"}]})",
               "x\nSubject: y");
  EXPECT_NE(words.text.find("1 x a  Total: 0.00 ( )"), std::string::npos) << words.text;
  EXPECT_NE(words.text.find("Hello x Subject: y,"), std::string::npos) << words.text;
}

TEST(Messages, SayWhereItGoesWhereThatIsKnown) {
  for (const auto kind : {Kind::order_placed, Kind::order_paid, Kind::order_shipped}) {
    for (const auto* locale : {"en", "de"}) {
      const auto words = words_of(kind, locale, kData, "Arthur", {"A <b>&", "155 Country\nLane", "GB"});
      EXPECT_NE(words.text.find("\n  A <b>&\n  155 Country Lane\n  GB\n"), std::string::npos) << words.text;
      EXPECT_NE(words.html.find("A &lt;b&gt;&amp;<br>\n155 Country Lane<br>\nGB<br>"), std::string::npos) << words.html;
      const auto without = words_of(kind, locale, kData, "Arthur");
      EXPECT_LT(without.text.size(), words.text.size());
      EXPECT_EQ(without.html.find("<br>"), std::string::npos);
    }
  }
}

TEST(Messages, SayHowToFollowWhatIsOnItsWay) {
  for (const auto* locale : {"en", "de"}) {
    const auto words = words_of(Kind::order_shipped, locale,
                                R"({"number":"N","lines":[],"tracking":{"carrier":"D<H>L","tracking_number":"J&1",)"
                                R"("url":"https://a/?x=1&y=\"2"}})",
                                "");
    EXPECT_NE(words.text.find("D<H>L"), std::string::npos) << words.text;
    EXPECT_NE(words.text.find(": https://a/?x=1&y=\"2\n"), std::string::npos) << words.text;
    EXPECT_NE(words.html.find("D&lt;H&gt;L"), std::string::npos) << words.html;
    EXPECT_NE(words.html.find("<a href=\"https://a/?x=1&amp;y=&quot;2\">J&amp;1</a>."), std::string::npos)
        << words.html;
    const auto without =
        words_of(Kind::order_shipped, locale,
                 R"({"number":"N","lines":[],"tracking":{"carrier":"DHL","tracking_number":"J1"}})", "");
    EXPECT_EQ(without.html.find("href"), std::string::npos);
    EXPECT_NE(without.html.find("J1."), std::string::npos) << without.html;
    EXPECT_EQ(words_of(Kind::order_shipped, locale, R"({"number":"N","lines":[]})", "").text.find("DHL"),
              std::string::npos);
  }
}

TEST(Messages, SayWhatOfAnOrderIsCanceledAndWhatIsGivenBack) {
  constexpr auto kCanceled =
      R"({"number":"N","not_shipped":true,"lines":[{"quantity":2,"title":"To<w>el"}],"refund":{"total":"10.00","currency":"USD"}})";
  const auto english = words_of(Kind::order_lines_canceled, "en", kCanceled, "");
  EXPECT_NE(english.text.find("the seller did not ship it in time.\n\n  2 x To<w>el\n"), std::string::npos)
      << english.text;
  EXPECT_NE(english.text.find("You get 10.00 USD back."), std::string::npos) << english.text;
  EXPECT_NE(english.html.find("<li>2 × To&lt;w&gt;el</li>"), std::string::npos) << english.html;
  const auto german = words_of(Kind::order_lines_canceled, "de", kCanceled, "");
  EXPECT_NE(german.text.find("Sie erhalten 10.00 USD zurück."), std::string::npos) << german.text;
  const auto unpaid = words_of(Kind::order_lines_canceled, "en", R"({"number":"N","by_buyer":true,"lines":[]})", "");
  EXPECT_EQ(unpaid.text.find("back"), std::string::npos) << unpaid.text;
  const auto seller = words_of(Kind::sale_lines_canceled, "en", kCanceled, "");
  EXPECT_NE(seller.text.find("2 x To<w>el"), std::string::npos);
  EXPECT_EQ(seller.text.find("10.00"), std::string::npos) << "that is the buyer's";
}

TEST(Messages, WithoutANameGreetNobodyByName) {
  EXPECT_TRUE(words_of(Kind::welcome, "en", "{}", "").text.starts_with("Hello,\n"));
}

}  // namespace
}  // namespace agora::notification
