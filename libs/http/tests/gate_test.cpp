#include "libs/http/gate.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace agora::http {
namespace {

using namespace std::string_literals;

bool passes(const std::string& head) {
  return refuse_head(head) == nullptr;
}

/// A POST with these further header lines.
std::string post(const std::string& lines, const std::string& request_line = "POST /orders HTTP/1.1") {
  return request_line + "\r\nHost: shop\r\n" + lines + "\r\n";
}

TEST(HeaderGate, LetsOrdinaryHeadsPass) {
  const std::vector<std::string> heads = {
      post(""),
      post("Content-Length: 0\r\n"),
      post("Content-Length: 123456789012345678\r\n"),
      post("content-length:\t5 \r\n"),
      post("Transfer-Encoding: chunked\r\n"),
      post("TRANSFER-ENCODING: Chunked\r\n"),
      post("X-Empty:\r\n"),
      post("X: any text, with: colons and \xc3\xa9 and\ttabs\r\n"),
      post("", "GET /a?b=c&d=%2F HTTP/1.0"),
      post("", "OPTIONS * HTTP/1.1"),
      post("", "GET http://shop/orders HTTP/1.1"),
      post("", "GET HTTPS://SHOP?x HTTP/1.1"),
      "GET / HTTP/1.1\r\nHost: [::1]:8000\r\n\r\n",
      "GET / HTTP/1.1\r\nHost:\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
  };
  for (const auto& head : heads) EXPECT_TRUE(passes(head)) << head << refuse_head(head);
}

TEST(HeaderGate, RefusesTwoWaysToTellWhereTheBodyEnds) {
  EXPECT_FALSE(passes(post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n")));
  EXPECT_FALSE(passes(post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n")));
  EXPECT_FALSE(passes(post("Content-Length: 4\r\nContent-Length: 4\r\n")));
  EXPECT_FALSE(passes(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")));
  EXPECT_FALSE(passes(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")));
}

TEST(HeaderGate, TakesNoTransferEncodingButOneChunked) {
  for (const std::string value : {"xchunked", "gzip", "gzip, chunked", "chunked, identity", "chunked, chunked",
                                  "chunked;q=1", "identity", "\"chunked\"", "", ",chunked", "chunked\x0b"}) {
    EXPECT_FALSE(passes(post("Transfer-Encoding: " + value + "\r\n"))) << value;
  }
}

TEST(HeaderGate, RefusesChunkedInHttp10) {
  EXPECT_FALSE(passes(post("Transfer-Encoding: chunked\r\n", "POST /orders HTTP/1.0")));
}

TEST(HeaderGate, RefusesContentLengthsThatAreNotDigitsAlone) {
  for (const std::string value :
       {"+5", "-5", "5,5", "5, 5", "0x5", "5 5", "5.0", "", "\"5\"", "five", "99999999999999999999", "\xef\xbc\x95"}) {
    EXPECT_FALSE(passes(post("Content-Length: " + value + "\r\n"))) << value;
  }
}

TEST(HeaderGate, WantsOneHost) {
  EXPECT_FALSE(passes("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(passes(post("Host: shop\r\n")));
  EXPECT_FALSE(passes(post("hOST: other\r\n")));
  EXPECT_FALSE(passes(post("Host: shop\r\n", "GET / HTTP/1.0")));
  for (const std::string host : {"a b", "a, b", "user@shop", "shop/path"}) {
    EXPECT_FALSE(passes("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")) << host;
  }
}

TEST(HeaderGate, RefusesFoldedLines) {
  EXPECT_FALSE(passes(post("X: a\r\n b\r\n")));
  EXPECT_FALSE(passes(post("X: a\r\n\tb\r\n")));
  EXPECT_FALSE(passes("GET / HTTP/1.1\r\n Host: shop\r\n\r\n"));
}

TEST(HeaderGate, RefusesNamesThatAreNoTokens) {
  for (const std::string line : {"Content-Length : 5", "Transfer-Encoding\t: chunked", ": x", "no colon", "X Y: z",
                                 "X(Y): z", "X\x01: z", "\xc3\xa9: z", "X\"Y\": z", "X@Y: z"}) {
    EXPECT_FALSE(passes(post(line + "\r\n"))) << line;
  }
}

TEST(HeaderGate, RefusesControlCharactersAndBareLineEnds) {
  EXPECT_FALSE(passes(post("X: a\rb\r\n")));
  EXPECT_FALSE(passes(post("X: a\nY: b\r\n")));
  EXPECT_FALSE(passes(post("X: a\r\r\n")));
  EXPECT_FALSE(passes(post("X: a\0b\r\n"s)));
  EXPECT_FALSE(passes(post("X\0: a\r\n"s)));
  EXPECT_FALSE(passes(post("X: \x7f\r\n")));
  EXPECT_FALSE(passes(post("", "GET /\0 HTTP/1.1"s)));
  EXPECT_FALSE(passes("GET / HTTP/1.1\nHost: shop\r\n\r\n"));
  EXPECT_FALSE(passes("GET / HTTP/1.1\nHost: shop\n\n"));
}

TEST(HeaderGate, RefusesOtherRequestLines) {
  for (const std::string line :
       {"GET /", "GET", "", "GET / HTTP/2.0", "GET / HTTP/1.2", "GET / http/1.1", "GET / HTTP/1.1 ", "GET  / HTTP/1.1",
        " GET / HTTP/1.1", "GET /a b HTTP/1.1", "GET /\tb HTTP/1.1", "GET /#part HTTP/1.1", "GET\t/ HTTP/1.1",
        "G(T / HTTP/1.1", "GET orders HTTP/1.1", "CONNECT shop:80 HTTP/1.1", "GET  HTTP/1.1"}) {
    EXPECT_FALSE(passes(post("", line))) << line;
  }
}

TEST(HeaderGate, RefusesAnAbsoluteTargetThatIsNotAtTheHost) {
  for (const std::string target : {"http://evil/orders", "http://shop.evil/", "http://shop:80/", "http://shop@evil/",
                                   "ftp://shop/", "http:///orders", "://shop/", "javascript://shop/"}) {
    EXPECT_FALSE(passes(post("", "GET " + target + " HTTP/1.1"))) << target;
  }
}

TEST(HeaderGate, RefusesAHeadThatDoesNotEnd) {
  const auto head = post("Content-Length: 5\r\n");
  for (std::size_t size = 0; size < head.size(); ++size) EXPECT_FALSE(passes(head.substr(0, size))) << size;
}

TEST(HeaderGate, ReadsNothingAfterTheBlankLine) {
  EXPECT_TRUE(passes(post("Content-Length: 5\r\n") + "Host: other\r\nnot a header\n"));
}

TEST(HeaderGate, SaysWhyInASentenceThatEchoesNothing) {
  for (const auto& head :
       {post("Host: canary\r\n"), post("Content-Length: canary\r\n"), post("Transfer-Encoding: canary\r\n"),
        post("canary : x\r\n"), post("", "GET http://canary/ HTTP/1.1"), post("", "GET canary HTTP/1.1"),
        post("", "CANARY")}) {
    const auto* reason = refuse_head(head);
    ASSERT_NE(reason, nullptr) << head;
    EXPECT_EQ(std::string(reason).find("canary"), std::string::npos) << reason;
    EXPECT_GT(std::string_view(reason).size(), 10U);
  }
}

}  // namespace
}  // namespace agora::http
