#include "libs/http/request_reader.hpp"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace agora::http {
namespace {

using Progress = RequestReader::Progress;

constexpr std::int64_t kHeaderMax = 256;
constexpr std::int64_t kBodyMax = 64;

/// What became of some bytes that arrived in pieces.
struct Outcome {
  Progress progress = Progress::head;
  std::string refused{};
  RequestData request{};
  std::string rest{};
};

Outcome feed(const std::vector<std::string>& pieces) {
  RequestReader reader(kHeaderMax, kBodyMax);
  Outcome outcome;
  for (const auto& piece : pieces) {
    outcome.rest += piece;
    const bool over = outcome.progress == Progress::complete || outcome.progress == Progress::refused;
    if (!over) outcome.progress = reader.read(outcome.rest);
  }
  if (outcome.progress == Progress::refused) outcome.refused = reader.refusal().code;
  if (outcome.progress == Progress::complete) outcome.request = reader.take();
  return outcome;
}

std::string chunked(const std::string& body) {
  return "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

TEST(RequestReader, ReadsARequestAndLeavesTheNext) {
  const auto outcome = feed({"POST /a%20b?c=d HTTP/1.1\r\nHOST: x\r\nContent-Length: 3\r\nX-Y:  z \r\n\r\nabcGET /"});
  ASSERT_EQ(outcome.progress, Progress::complete);
  EXPECT_EQ(outcome.request.method, Method::post);
  EXPECT_EQ(outcome.request.path, "/a%20b");
  EXPECT_EQ(outcome.request.query, "c=d");
  EXPECT_EQ(outcome.request.body, "abc");
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"host", "x"}, {"content-length", "3"}, {"x-y", "z"}};
  EXPECT_EQ(outcome.request.headers, headers);
  EXPECT_EQ(outcome.rest, "GET /");
}

TEST(RequestReader, TakesPathAndQueryFromAnAbsoluteTarget) {
  const auto path_of = [](const std::string& target) {
    const auto request = feed({"GET " + target + " HTTP/1.1\r\nHost: shop\r\n\r\n"}).request;
    return request.path + "|" + request.query;
  };
  EXPECT_EQ(path_of("http://shop/a?b"), "/a|b");
  EXPECT_EQ(path_of("http://shop"), "/|");
  EXPECT_EQ(path_of("http://shop?b=/c"), "/|b=/c");
  EXPECT_EQ(path_of("/a?b=http://c"), "/a|b=http://c");
}

TEST(RequestReader, ReadsTheSameHoweverTheBytesWereCut) {
  const std::string next = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::vector<std::string> messages = {
      "GET /a HTTP/1.1\r\nHost: x\r\n\r\n" + next,
      "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc" + next,
      chunked("0\r\n\r\n") + next,
      chunked("3;name=value\r\nabc\r\n00002\r\nde\r\n0\r\nTrailer: t\r\n\r\n") + next,
      chunked("1\r\na\r\nzz\r\n"),
      chunked("41\r\n" + std::string(65, 'a')),
      "GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
  };
  for (const auto& message : messages) {
    const auto whole = feed({message});
    for (std::size_t first = 1; first < message.size(); ++first) {
      for (std::size_t second = first; second <= message.size(); ++second) {
        const auto cut =
            feed({message.substr(0, first), message.substr(first, second - first), message.substr(second)});
        ASSERT_EQ(cut.progress, whole.progress) << message << first << " " << second;
        ASSERT_EQ(cut.refused, whole.refused) << message << first << " " << second;
        ASSERT_EQ(cut.request.body, whole.request.body) << message << first << " " << second;
        if (whole.progress == Progress::complete) {
          ASSERT_EQ(cut.rest, next) << first << " " << second;
        }
      }
    }
  }
}

// Beast 1.81 ended the process: an assertion on the rest of a last chunk that came in pieces.
TEST(RequestReader, TakesALastChunkByteByByte) {
  std::vector<std::string> pieces = {chunked("")};
  for (const char c : std::string("0\r\n\r\n")) pieces.emplace_back(1, c);
  EXPECT_EQ(feed(pieces).progress, Progress::complete);
}

TEST(RequestReader, TrailersAreNoHeaders) {
  const auto outcome = feed({chunked("1\r\na\r\n0\r\nAuthorization: Bearer t\r\n\r\n")});
  ASSERT_EQ(outcome.progress, Progress::complete);
  for (const auto& [name, value] : outcome.request.headers) EXPECT_NE(name, "authorization");
}

TEST(RequestReader, LimitsTheHead) {
  const std::string start = "GET / HTTP/1.1\r\nHost: x\r\nX: ";
  const auto of_size = [&](std::size_t size) { return start + std::string(size - start.size() - 4, 'a') + "\r\n\r\n"; };
  EXPECT_EQ(feed({of_size(kHeaderMax)}).progress, Progress::complete);
  EXPECT_EQ(feed({of_size(kHeaderMax + 1)}).refused, "header_too_large");
  EXPECT_EQ(feed({std::string(kHeaderMax, 'a')}).progress, Progress::head);
  EXPECT_EQ(feed({std::string(kHeaderMax + 1, 'a')}).refused, "header_too_large");
}

TEST(RequestReader, LimitsTheBody) {
  const auto with_length = [](std::int64_t length) {
    return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  };
  EXPECT_EQ(feed({with_length(kBodyMax) + std::string(kBodyMax, 'a')}).progress, Progress::complete);
  EXPECT_EQ(feed({with_length(kBodyMax + 1)}).refused, "body_too_large");
  EXPECT_EQ(feed({chunked("40\r\n" + std::string(64, 'a') + "\r\n0\r\n\r\n")}).progress, Progress::complete);
  EXPECT_EQ(feed({chunked("40\r\n" + std::string(64, 'a') + "\r\n1\r\n")}).refused, "body_too_large");
  EXPECT_EQ(feed({chunked("41\r\na")}).refused, "body_too_large");
}

TEST(RequestReader, LimitsWhatStandsBetweenChunks) {
  EXPECT_EQ(feed({chunked("1;"), std::string(kHeaderMax - 2, 'e')}).progress, Progress::body);
  EXPECT_EQ(feed({chunked("1;"), std::string(kHeaderMax, 'e')}).refused, "bad_request");
  EXPECT_EQ(feed({chunked("0\r\nT: "), std::string(kHeaderMax, 't')}).refused, "bad_request");
}

TEST(RequestReader, RefusesChunksThatAreNone) {
  for (const std::string body : {"\r\n\r\n\r\n", "zz\r\nabc", "-1\r\nabc", "+1\r\nabc", "0x1\r\na\r\n",
                                 "1\r\nab\r\n0\r\n\r\n", "ffffffffffffffffff\r\na", "1\nabcdef", " 1\r\na\r\n"}) {
    EXPECT_EQ(feed({chunked(body + "\r\n\r\n")}).refused, "bad_request") << body;
  }
}

TEST(RequestReader, RefusesBareLineFeedsBeforeTheHeadIsWhole) {
  EXPECT_EQ(feed({"GET / HTTP/1.1\nHost: x\n\n"}).refused, "bad_request");
  EXPECT_EQ(feed({"GET / HTTP/1.1\r", "\nHost: x\r"}).progress, Progress::head);
  EXPECT_EQ(feed({"GET / HTTP/1.1\r", "\nHost: x", "\n"}).refused, "bad_request");
  EXPECT_EQ(feed({"\n"}).refused, "bad_request");
}

TEST(RequestReader, KnowsWhoWaitsForAContinue) {
  const auto expects = [](const std::string& line, const std::string& expect) {
    RequestReader reader(kHeaderMax, kBodyMax);
    std::string input = line + "\r\nHost: x\r\nContent-Length: 3\r\n" + expect + "\r\n";
    EXPECT_EQ(reader.read(input), Progress::body);
    return reader.expects_continue();
  };
  EXPECT_TRUE(expects("POST / HTTP/1.1", "Expect: 100-Continue\r\n"));
  EXPECT_FALSE(expects("POST / HTTP/1.1", ""));
  EXPECT_FALSE(expects("POST / HTTP/1.1", "Expect: something\r\n"));
  EXPECT_FALSE(expects("POST / HTTP/1.0", "Expect: 100-continue\r\n"));
}

TEST(RequestReader, KnowsTheMethodsThatAreServed) {
  const auto method_of = [](const std::string& method) {
    RequestReader reader(kHeaderMax, kBodyMax);
    std::string input = method + " / HTTP/1.1\r\nHost: x\r\n\r\n";
    EXPECT_EQ(reader.read(input), Progress::complete);
    return reader.method();
  };
  for (const auto method :
       {Method::get, Method::head, Method::post, Method::put, Method::patch, Method::delete_, Method::options}) {
    EXPECT_EQ(method_of(std::string(to_string(method))), method);
  }
  EXPECT_EQ(method_of("TRACE"), std::nullopt);
  EXPECT_EQ(method_of("get"), std::nullopt);
  EXPECT_EQ(method_of("BREW"), std::nullopt);
}

}  // namespace
}  // namespace agora::http
