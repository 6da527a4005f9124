#include "libs/http/event_stream.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include "libs/http/server.hpp"

namespace agora::http {
namespace {

/// A stream beside a log that has every event, `text` bytes each.
class EventStreamTest : public ::testing::Test {
 protected:
  static constexpr std::size_t kTextBytes = 100;
  static constexpr std::int64_t kPage = 3;

  static StreamEvent event(std::int64_t sequence) {
    auto text = std::to_string(sequence);
    text.resize(kTextBytes, '.');
    return {sequence, std::make_shared<const std::string>(std::move(text))};
  }

  void begin(const Limits& limits, std::int64_t after = 0, std::int64_t live_after = 0) {
    const auto read = [this](std::int64_t from, std::int64_t through, std::int64_t) { return read_log(from, through); };
    stream_ = std::make_unique<EventStream>(io_.get_executor(),
                                            EventStream::Begin{.after = after, .live_after = live_after}, read);
    stream_->admit(limits, {});
  }
  void push(std::int64_t from, std::int64_t through) {
    for (auto sequence = from; sequence <= through; ++sequence) stream_->push(event(sequence));
  }
  /// The numbers of what there is to send now.
  std::vector<std::int64_t> take_all() {
    std::vector<std::int64_t> taken;
    while (const auto text = take()) taken.push_back(std::stoll(*text));
    return taken;
  }
  std::shared_ptr<const std::string> take() {
    auto future = asio::co_spawn(io_, stream_->take(), asio::use_future);
    io_.restart();
    io_.run();
    return future.get();
  }

  asio::io_context io_{1};
  std::unique_ptr<EventStream> stream_;
  std::vector<std::pair<std::int64_t, std::int64_t>> reads_;
  std::int64_t erased_through_ = 0;

 private:
  Task<std::vector<StreamEvent>> read_log(std::int64_t after, std::int64_t through) {
    reads_.emplace_back(after, through);
    std::vector<StreamEvent> page;
    for (auto s = std::max(after, erased_through_) + 1; s <= through && std::ssize(page) < kPage; ++s) {
      page.push_back(event(s));
    }
    co_return page;
  }
};

using Numbers = std::vector<std::int64_t>;

TEST_F(EventStreamTest, GivesWhatWasPushedInOrderAndReadsNothing) {
  begin({});
  push(1, 3);
  EXPECT_EQ(take_all(), (Numbers{1, 2, 3}));
  push(7, 8);
  EXPECT_EQ(take_all(), (Numbers{7, 8}));
  EXPECT_TRUE(reads_.empty());
}

TEST_F(EventStreamTest, ReadsWhatAClientMissedBeforeWhatIsNew) {
  begin({}, 2, 7);
  push(8, 9);
  EXPECT_EQ(take_all(), (Numbers{3, 4, 5, 6, 7, 8, 9}));
}

TEST_F(EventStreamTest, PassesOverWhatIsNotThereAnyMore) {
  begin({}, 2, 7);
  erased_through_ = 100;
  push(101, 101);
  EXPECT_EQ(take_all(), Numbers{101});
}

TEST_F(EventStreamTest, LetsGoOfTextsBeyondItsBytesAndReadsThemAgain) {
  begin({.stream_bytes_max = 2 * kTextBytes});
  push(1, 6);
  EXPECT_EQ(take_all(), (Numbers{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(reads_.front(), (std::pair<std::int64_t, std::int64_t>{2, 6}));
  reads_.clear();
  push(7, 8);
  EXPECT_EQ(take_all(), (Numbers{7, 8}));
  EXPECT_TRUE(reads_.empty()) << "there is room again";
}

TEST_F(EventStreamTest, ReadsFromTheFirstThatItLetGoOf) {
  begin({.stream_bytes_max = 10});
  push(50, 51);
  EXPECT_EQ(take_all(), (Numbers{50, 51}));
  EXPECT_EQ(reads_.front(), (std::pair<std::int64_t, std::int64_t>{49, 51})) << "what is before it is not its client's";
}

TEST_F(EventStreamTest, KeepsTheOrderWhereTextsAreKeptAgainBehindOnesThatAreNot) {
  begin({.stream_bytes_max = 2 * kTextBytes});
  push(1, 3);
  EXPECT_EQ(*take(), *event(1).text);
  push(4, 5);
  EXPECT_EQ(take_all(), (Numbers{2, 3, 4, 5}));
}

TEST_F(EventStreamTest, ReadsAnEventThatIsLargerThanAllItMayKeep) {
  begin({.stream_bytes_max = 10});
  push(1, 1);
  EXPECT_EQ(take_all(), Numbers{1});
}

TEST_F(EventStreamTest, EndsAtOneMoreThanMayWait) {
  begin({.stream_events_max = 5});
  push(1, 5);
  EXPECT_FALSE(stream_->ended());
  push(6, 6);
  EXPECT_EQ(stream_->ended(), StreamEnd::queue_full);
}

TEST_F(EventStreamTest, WhatIsTakenMakesRoom) {
  begin({.stream_events_max = 5});
  for (std::int64_t i = 1; i < 50; i += 5) {
    push(i, i + 4);
    EXPECT_EQ(take_all().size(), 5U);
  }
  EXPECT_FALSE(stream_->ended());
}

TEST_F(EventStreamTest, TheFirstReasonStays) {
  begin({});
  stream_->end(StreamEnd::expired);
  stream_->end(StreamEnd::drained);
  EXPECT_EQ(stream_->ended(), StreamEnd::expired);
}

TEST(EventBlock, IsOneEventOfTheStandard) {
  EXPECT_EQ(event_block("log:7", "order.paid", R"({"a":1})"), "id: log:7\nevent: order.paid\ndata: {\"a\":1}\n\n");
}

}  // namespace
}  // namespace agora::http
