#include "cli/http_calls.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>

#include <boost/asio/co_spawn.hpp>

namespace agora::cli {
namespace {

constexpr std::chrono::seconds kAnswerDeadline{30};
/// Larger than anything our services answer here.
constexpr std::size_t kBodyBytesMax = 64 << 20;
constexpr std::size_t kBodyValuesMax = 2'000'000;

std::size_t collect(char* data, std::size_t size, std::size_t count, void* into) {
  auto& body = *static_cast<std::string*>(into);
  if (body.size() + size * count > kBodyBytesMax) return 0;
  body.append(data, size * count);
  return size * count;
}

using Easy = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

void add(Headers& headers, const std::string& line) {
  auto* longer = curl_slist_append(headers.get(), line.c_str());
  if (longer == nullptr) throw std::bad_alloc();
  static_cast<void>(headers.release());
  headers.reset(longer);
}

}  // namespace

json::Document Answer::document() const {
  auto parsed = json::Document::parse(body, kBodyValuesMax);
  if (!parsed) throw std::runtime_error("the answer cannot be read: " + parsed.error().message);
  return std::move(*parsed);
}

std::string Answer::why() const {
  const auto parsed = json::Document::parse(body);
  const auto detail = parsed ? text_member(parsed->root(), "detail") : std::string{};
  return std::to_string(status) + (detail.empty() ? "" : ": " + detail);
}

Answer HttpCalls::ask(const Request& request) {
  const Easy easy(curl_easy_init(), curl_easy_cleanup);
  if (!easy) throw std::runtime_error("libcurl gave no handle");
  Headers headers(nullptr, curl_slist_free_all);
  if (token_) add(headers, "Authorization: Bearer " + token_->reveal());
  if (!request.body.empty()) add(headers, "Content-Type: application/json");
  if (!request.idempotency_key.empty()) add(headers, "Idempotency-Key: " + request.idempotency_key);
  Answer answer;
  curl_easy_setopt(easy.get(), CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_CUSTOMREQUEST, request.method.c_str());
  curl_easy_setopt(easy.get(), CURLOPT_HTTPHEADER, headers.get());
  if (!request.body.empty()) {
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(easy.get(), CURLOPT_POSTFIELDS, request.body.c_str());
  }
  curl_easy_setopt(easy.get(), CURLOPT_WRITEFUNCTION, collect);
  curl_easy_setopt(easy.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(easy.get(), CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  // Services are named by their addresses; a proxy of the environment has no business between us.
  curl_easy_setopt(easy.get(), CURLOPT_PROXY, "");

  auto code = CURLE_OK;
  const auto done = [&code](const std::exception_ptr& failure, CURLcode result) {
    if (failure) std::rethrow_exception(failure);
    code = result;
  };
  asio::co_spawn(io_, transfers_.perform({.deadline = request.deadline}, easy.get()), done);
  io_.restart();
  io_.run();
  if (code != CURLE_OK) throw std::runtime_error("no answer from " + request.url + ": " + curl_easy_strerror(code));
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &answer.status);
  curl_header* replayed = nullptr;
  answer.is_replay = curl_easy_header(easy.get(), "Idempotency-Replayed", 0, CURLH_HEADER, -1, &replayed) == CURLHE_OK;
  return answer;
}

Deadline soon() {
  return std::chrono::steady_clock::now() + kAnswerDeadline;
}

std::string text_member(const json::Node& node, std::string_view name) {
  const auto found = node.member(name);
  if (!found || found->kind() == json::Kind::null) return {};
  if (found->kind() == json::Kind::string) return std::string(found->text());
  std::string text;
  json::append(text, *found);
  return text;
}

}  // namespace agora::cli
