#include "libs/events/feed_source.hpp"

#include <stdexcept>

#include <boost/describe/class.hpp>

#include "libs/json/reader.hpp"

namespace agora::events {
namespace {

constexpr std::string_view kScheme = "feed:";
/// Values in one page: 1,000 events of 100 lines would be more, but then a page ends by its bytes.
constexpr std::size_t kPageValuesMax = 2'000'000;
/// Larger than any page; what is longer is not a feed.
constexpr std::size_t kPageBytesMax = 16 << 20;
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

std::string query_of(const std::string& consumer, const Fetch& request) {
  std::string query = "consumer=" + consumer + "&topics=";
  for (std::size_t i = 0; i < request.topics.size(); ++i) query += (i > 0 ? "," : "") + request.topics[i];
  query += "&wait=" + std::to_string(request.wait.count());
  if (request.after) {
    // Ids of logs and events are of characters that need no encoding.
    const auto& after = *request.after;
    query += "&log_id=" + after.log_id + "&after=" + std::to_string(after.sequence) + "&after_id=" + after.event_id;
    if (request.acknowledge) query += "&ack=" + std::to_string(after.sequence);
  }
  if (request.birth_through) query += "&birth=" + std::to_string(*request.birth_through);
  return query;
}

std::size_t collect(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kPageBytesMax) return 0;
  body.append(data, size * count);
  return size * count;
}

Result<Fetched> read_page(std::string_view body) {
  AGORA_TRY(auto parsed, json::Document::parse(body, kPageValuesMax));
  const auto document = std::make_shared<const json::Document>(std::move(parsed));
  AGORA_TRY(auto head, json::read<Head>(document->root(), json::UnknownFields::ignore));
  Fetched fetched{.log = {head.log_id, head.head, head.trimmed_through},
                  .next = {head.log_id, head.next.after, head.next.after_id}};
  const auto list = document->root().member("events");
  if (!list || list->kind() != json::Kind::array) return unavailable("the answer has no events");
  for (auto node = list->first(); node; node = node->next()) {
    AGORA_TRY(auto event, read_event(document, *node));
    fetched.events.push_back(std::move(event));
  }
  return fetched;
}

Result<Fetched> read_refusal(long status, std::string_view body) {
  const auto problem = json::read<ProblemBody>(body, json::UnknownFields::ignore);
  if (status == 410 && problem) return Error{Errc::failed_precondition, problem->code, problem->detail};
  return unavailable("the feed answered " + std::to_string(status) + (problem ? " " + problem->code : ""));
}

}  // namespace

struct FeedSource::Handle {
  explicit Handle(const Secret<std::string>& token) : easy(curl_easy_init()) {
    if (easy == nullptr) throw std::runtime_error("libcurl gave no handle");
    const auto header = "Authorization: Bearer " + token.reveal();
    headers = curl_slist_append(nullptr, header.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &body);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    // The peers are named by their addresses; a proxy of the environment has no business between them.
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
  }
  ~Handle() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  CURL* easy;
  curl_slist* headers = nullptr;
  std::string body{};
};

FeedSource::FeedSource(transfer::Transfers& transfers, const std::string& url, std::string consumer,
                       Secret<std::string> token)
    : transfers_(transfers), consumer_(std::move(consumer)), token_(std::move(token)) {
  if (!url.starts_with("feed:http://") && !url.starts_with("feed:https://")) {
    throw std::invalid_argument("the URL of a feed is feed:http://HOST:PORT");
  }
  base_ = url.substr(kScheme.size()) + "/internal/feed?";
  handle_ = std::make_unique<Handle>(token_);
}

FeedSource::~FeedSource() = default;

Task<Result<Fetched>> FeedSource::fetch(Ctx ctx, Fetch request) {
  const auto url = base_ + query_of(consumer_, request);
  // One who looks while another polls has a connection of its own.
  auto handle = handle_ ? std::move(handle_) : std::make_unique<Handle>(token_);
  handle->body.clear();
  curl_easy_setopt(handle->easy, CURLOPT_URL, url.c_str());
  ctx.deadline = std::min(ctx.deadline, std::chrono::steady_clock::now() + request.wait + kAnswerDeadline);
  const auto code = co_await transfers_.perform(std::move(ctx), handle->easy);
  long status = 0;
  curl_easy_getinfo(handle->easy, CURLINFO_RESPONSE_CODE, &status);
  const auto body = std::move(handle->body);
  handle_ = std::move(handle);
  if (code != CURLE_OK) co_return unavailable(curl_easy_strerror(code));
  if (status != 200) co_return read_refusal(status, body);
  auto page = read_page(body);
  if (!page) co_return unavailable("the feed's answer cannot be read: " + page.error().message);
  co_return page;
}

}  // namespace agora::events
