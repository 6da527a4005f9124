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

Task<void> ask_into(Answer& answer, transfer::Transfers& transfers, Ctx ctx, transfer::HttpRequest request) {
  const auto url = request.url;
  auto got = co_await transfer::ask(transfers, std::move(ctx), std::move(request));
  if (!got) throw std::runtime_error("no answer from " + url + ": " + got.error().message);
  answer.status = got->status;
  answer.is_replay = got->header("idempotency-replayed").has_value();
  answer.body = std::move(got->body);
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
  transfer::HttpRequest sent{
      .method = request.method, .url = request.url, .body = request.body, .answer_bytes_max = kBodyBytesMax};
  if (token_) sent.headers.push_back("Authorization: Bearer " + token_->reveal());
  if (!request.body.empty()) sent.headers.emplace_back("Content-Type: application/json");
  if (!request.idempotency_key.empty()) sent.headers.push_back("Idempotency-Key: " + request.idempotency_key);

  Answer answer;
  const auto rethrow = [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  };
  asio::co_spawn(io_, ask_into(answer, transfers_, {.deadline = request.deadline}, std::move(sent)), rethrow);
  io_.restart();
  io_.run();
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
