#include "libs/events/feed_source.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"

namespace agora::events {
namespace {

constexpr std::string_view kScheme = "feed:";
/// Values in one page: 1,000 events of 100 lines would be more, but then a page ends by its bytes.
constexpr std::size_t kPageValuesMax = 2'000'000;
/// Larger than any page; what is longer is not a feed.
constexpr std::size_t kPageBytesMax = 16 << 20;
/// Events in a page after one that cannot be read at all: halved until the event is found that is to blame.
constexpr std::int64_t kCarefulLimit = 512;
/// How much longer than its wait a poll may take.
constexpr std::chrono::milliseconds kAnswerDeadline{5'000};

struct Next {
  std::int64_t after = 0;
  std::string after_id{};
};
BOOST_DESCRIBE_STRUCT(Next, (), (after, after_id))

struct Head {
  std::string log_id{};
  std::int64_t head = 0;
  std::int64_t trimmed_through = 0;
  Next next{};
};
BOOST_DESCRIBE_STRUCT(Head, (), (log_id, head, trimmed_through, next))

struct ProblemBody {
  std::string code{};
  std::string detail{};
};
BOOST_DESCRIBE_STRUCT(ProblemBody, (), (code, detail))

Error unavailable(std::string why) {
  return {Errc::unavailable, "source_unavailable", std::move(why)};
}

Error unreadable(const Position& after, const Error& why) {
  return {Errc::failed_precondition, "unreadable_event",
          "the event after number " + std::to_string(after.sequence) + " cannot be read: " + why.message};
}

/// The whole page, or all before the event that cannot even be parked. "No" `unreadable_event`: it is the first.
Result<Fetched> read_events(const std::shared_ptr<const json::Document>& document, const std::optional<Position>& at) {
  AGORA_TRY(auto head, json::read<Head>(document->root(), json::UnknownFields::ignore));
  Fetched fetched{.log = {head.log_id, head.head, head.trimmed_through},
                  .next = {head.log_id, head.next.after, head.next.after_id}};
  const auto list = document->root().member("events");
  if (!list || list->kind() != json::Kind::array) return unavailable("the answer has no events");
  Position last = at.value_or(Position{head.log_id, 0, ""});
  for (auto node = list->first(); node; node = node->next()) {
    auto event = read_delivered(document, *node);
    if (!event) {
      if (fetched.events.empty()) return unreadable(last, event.error());
      fetched.next = last;
      break;
    }
    last = {head.log_id, event->sequence, event->id};
    fetched.events.push_back(std::move(*event));
  }
  return fetched;
}

Result<Fetched> read_refusal(const transfer::HttpAnswer& answer) {
  const auto problem = json::read<ProblemBody>(answer.body, json::UnknownFields::ignore);
  if (answer.status == 410 && problem) return Error{Errc::failed_precondition, problem->code, problem->detail};
  return unavailable("the feed answered " + std::to_string(answer.status) + (problem ? " " + problem->code : ""));
}

}  // namespace

FeedSource::FeedSource(transfer::Transfers& transfers, const std::string& url, std::string consumer,
                       Secret<std::string> token, std::vector<std::string> topics)
    : transfers_(transfers),
      url_(url),
      consumer_(std::move(consumer)),
      token_(std::move(token)),
      topics_(std::move(topics)) {
  if (!url.starts_with("feed:http://") && !url.starts_with("feed:https://")) {
    throw std::invalid_argument("the URL of a feed is feed:http://HOST:PORT");
  }
}

void FeedSource::seek(const std::string&, const std::optional<Standing>& from) {
  at_ = from ? std::optional(from->position) : std::nullopt;
  acknowledged_ = at_;
  birth_through_ = from ? from->birth_through() : 0;
}

void FeedSource::acknowledge(const std::string&, const Position& through) {
  acknowledged_ = through;
}

std::vector<std::string> FeedSource::topics(const std::string&) const {
  return topics_;
}

std::unique_ptr<Source> FeedSource::reader(std::vector<std::string> topics) {
  if (topics.empty()) topics = topics_;
  auto reader = std::make_unique<FeedSource>(transfers_, url_, consumer_, token_, std::move(topics));
  reader->observes_ = true;
  return reader;
}

std::string FeedSource::query(std::chrono::milliseconds wait) const {
  std::string query = "consumer=" + consumer_ + "&topics=";
  for (std::size_t i = 0; i < topics_.size(); ++i) query += (i > 0 ? "," : "") + topics_[i];
  query += "&wait=" + std::to_string(wait.count());
  if (observes_) query += "&observe=true";
  if (limit_ > 0) query += "&limit=" + std::to_string(limit_);
  if (!at_) return query;
  // Ids of logs and events are of characters that need no encoding.
  query += "&log_id=" + at_->log_id + "&after=" + std::to_string(at_->sequence) + "&after_id=" + at_->event_id;
  if (!observes_ && acknowledged_ == at_) query += "&ack=" + std::to_string(at_->sequence);
  if (at_->sequence < birth_through_) query += "&birth=" + std::to_string(birth_through_);
  return query;
}

transfer::HttpRequest FeedSource::poll(std::chrono::milliseconds wait) const {
  return {.url = url_.substr(kScheme.size()) + "/internal/feed?" + query(wait),
          .headers = {"Authorization: Bearer " + token_.reveal()},
          .answer_bytes_max = kPageBytesMax};
}

Task<Result<Fetched>> FeedSource::fetch(Ctx ctx, std::chrono::milliseconds wait) {
  if (!std::exchange(is_assigned_, true)) {
    Fetched news;
    news.assigned.emplace_back();
    co_return news;
  }
  while (true) {
    auto request = poll(wait);
    ctx.deadline = std::min(ctx.deadline, std::chrono::steady_clock::now() + wait + kAnswerDeadline);
    const auto answer = co_await transfer::ask(transfers_, ctx, std::move(request));
    if (!answer) co_return unavailable(answer.error().message);
    if (answer->status != 200) co_return read_refusal(*answer);
    auto parsed = json::Document::parse(answer->body, kPageValuesMax);
    if (parsed) co_return take_page(std::make_shared<const json::Document>(std::move(*parsed)));
    // One of its events is no JSON that we read, and takes the page with it: a shorter page finds which.
    if (limit_ == 1) co_return unreadable(at_.value_or(Position{}), parsed.error());
    limit_ = limit_ == 0 ? kCarefulLimit : limit_ / 2;
  }
}

Result<Fetched> FeedSource::take_page(const std::shared_ptr<const json::Document>& document) {
  auto page = read_events(document, at_);
  if (!page) {
    const auto& why = page.error();
    return why.errc == Errc::failed_precondition ? why : unavailable("the feed's answer: " + why.message);
  }
  limit_ = limit_ >= kCarefulLimit ? 0 : limit_ * 2;
  if (!at_) birth_through_ = page->log.trimmed_through;
  at_ = page->next;
  return page;
}

}  // namespace agora::events
