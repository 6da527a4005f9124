#include "services/notification/core/mail.hpp"

#include <gtest/gtest.h>

namespace agora::notification {
namespace {

constexpr Timestamp kDate{std::chrono::seconds(1'795'474'567)};  // 2026-11-23 22:56:07 UTC

Mail mail() {
  return {.message_id = "e1.u1@agora.example",
          .from = "no-reply@agora.example",
          .from_name = "Agora",
          .to = "u1@example.com",
          .to_name = "Arthur",
          .subject = "Your order is paid",
          .text = "Hello\nthere",
          .html = "<p>Hello</p>",
          .date = kDate};
}

/// What comes before the empty line, unfolded: a line for each header.
std::vector<std::string> headers_of(const std::string& message) {
  std::vector<std::string> headers;
  std::string_view head = std::string_view(message).substr(0, message.find("\r\n\r\n"));
  while (!head.empty()) {
    const auto end = head.find("\r\n");
    const auto line = head.substr(0, end);
    if (line.starts_with(' ')) {
      headers.back() += line;
    } else {
      headers.emplace_back(line);
    }
    head = end == std::string_view::npos ? std::string_view{} : head.substr(end + 2);
  }
  return headers;
}

TEST(MailMessage, HasItsHeaders) {
  EXPECT_EQ(headers_of(to_rfc5322(mail())),
            (std::vector<std::string>{"From: Agora <no-reply@agora.example>", "To: Arthur <u1@example.com>",
                                      "Subject: Your order is paid", "Date: Mon, 23 Nov 2026 22:56:07 +0000",
                                      "Message-ID: <e1.u1@agora.example>", "Auto-Submitted: auto-generated",
                                      "MIME-Version: 1.0",
                                      "Content-Type: multipart/alternative; boundary=\"=_agora_alternative\""}));
}

TEST(MailMessage, IsAsciiInShortLinesThatEndInCrLf) {
  auto m = mail();
  m.subject = std::string(300, 'x') + " €" + std::string(300, 'y');
  m.to_name = std::string(200, 'z');
  m.text = std::string(5'000, 'a') + "\n.\nä\r\n.\r\n";
  const auto message = to_rfc5322(m);
  std::size_t line = 0;
  for (std::size_t i = 0; i < message.size(); ++i) {
    const auto c = static_cast<unsigned char>(message[i]);
    EXPECT_TRUE(c < 0x80 && (c >= 0x20 || c == '\r' || c == '\n')) << i;
    EXPECT_EQ(c == '\n', i > 0 && message[i - 1] == '\r') << i;
    line = c == '\n' ? 0 : line + 1;
    EXPECT_LE(line, 77U) << i;
  }
  EXPECT_EQ(message.find("\r\n.\r\n"), std::string::npos);
}

TEST(MailMessage, CannotBeGivenHeadersOrRecipientsByWhatUsersWrite) {
  for (const auto& evil : std::vector<std::string>{
           "x\r\nBcc: victim@example.com", "x\nBcc: victim@example.com", "x\r\n\r\nbody", "a\rb",
           std::string("a\0b", 3), "\"quoted\" <victim@example.com>, other@example.com",
           "=?UTF-8?B?QmNjOg==?=", "x\r\n.\r\nMAIL FROM:<a@b>", " lead", "trail ", "ümläut\r\nTo: x@y"}) {
    auto m = mail();
    m.from_name = m.to_name = m.subject = evil;
    const auto headers = headers_of(to_rfc5322(m));
    ASSERT_EQ(headers.size(), 8U) << evil;
    EXPECT_TRUE(headers[0].ends_with(" <no-reply@agora.example>"));
    EXPECT_TRUE(headers[1].ends_with(" <u1@example.com>")) << headers[1];
    EXPECT_EQ(headers[1].find('@'), headers[1].rfind('@')) << headers[1];
    EXPECT_TRUE(headers[2].starts_with("Subject: ")) << headers[2];
  }
}

TEST(MailMessage, DoesNotSplitACharacterBetweenEncodedWords) {
  auto m = mail();
  for (std::size_t pad = 0; pad < 4; ++pad) {
    m.subject = std::string(pad, 'x');
    for (int i = 0; i < 60; ++i) m.subject += "€";
    const auto headers = headers_of(to_rfc5322(m));
    // 39 bytes a word: 13 characters of three bytes, or fewer after the padding.
    for (auto at = headers[2].find("?B?"); at != std::string::npos; at = headers[2].find("?B?", at + 1)) {
      const auto end = headers[2].find("?=", at);
      const auto digits = headers[2].substr(at + 3, end - at - 3);
      const auto bytes =
          digits.size() / 4 * 3 - static_cast<std::size_t>(std::count(digits.begin(), digits.end(), '='));
      const bool is_first = at == headers[2].find("?B?");
      EXPECT_EQ((bytes - (is_first ? pad : 0)) % 3, 0U) << headers[2];
    }
  }
}

TEST(MailMessage, WithoutANameHasTheBareAddress) {
  auto m = mail();
  m.to_name.clear();
  EXPECT_EQ(headers_of(to_rfc5322(m))[1], "To: <u1@example.com>");
  // Where that would be a line of 79 characters, the address has one of its own.
  m.to = std::string(61, 'a') + "@example.com";
  EXPECT_NE(to_rfc5322(m).find("To: \r\n <" + m.to + ">\r\n"), std::string::npos);
}

TEST(MailAddress, IsAPlainMailbox) {
  for (const auto* good :
       {"a@b", "first.last@example.com", "o'neil+tag@sub.example.co.uk", "x_y-z@xn--bcher-kva.example"}) {
    EXPECT_TRUE(is_mail_address(good)) << good;
  }
  for (const auto* bad : {"",        "a",         "@b",
                          "a@",      "a@@b",      "a@b@c",
                          ".a@b",    "a.@b",      "a..b@c",
                          "a b@c",   "a@b c",     "a@b\r\nRCPT TO:<x@y>",
                          "a\n@b",   "\"a b\"@c", "a@[127.0.0.1]",
                          "<a@b>",   "a@b>",      "a,b@c",
                          "a@b,c@d", "a@-b",      "a@b-",
                          "a@b..c",  "a@.b",      "ä@b",
                          "a@ü",     "a@b;",      "a:b@c"}) {
    EXPECT_FALSE(is_mail_address(bad)) << bad;
  }
  EXPECT_FALSE(is_mail_address(std::string_view("a\0@b", 4)));
  EXPECT_TRUE(is_mail_address(std::string(64, 'a') + "@b"));
  EXPECT_FALSE(is_mail_address(std::string(65, 'a') + "@b"));
  std::string longest = "a@";
  while (longest.size() < 250) longest += "abc.";
  longest += std::string(254 - longest.size(), 'z');
  EXPECT_TRUE(is_mail_address(longest));
  EXPECT_FALSE(is_mail_address(longest + "z"));
}

}  // namespace
}  // namespace agora::notification
