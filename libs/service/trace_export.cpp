#include "libs/service/trace_export.hpp"

#include <algorithm>
#include <charconv>

#include "libs/log/log.hpp"
#include "libs/telemetry/tracer.hpp"

namespace agora::service {
namespace {

using telemetry::MoreWork;

constexpr std::chrono::milliseconds kBackoffFirst{1'000};
/// What it says is not read; so much of it is waited for.
constexpr std::size_t kAnswerBytesMax = 1 << 20;

/// What OTLP's specification has clients send again.
bool is_retryable(long status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

std::optional<double> TraceExportOptions::share() const {
  double value = 0;
  const auto [end, ec] = std::from_chars(sampled.data(), sampled.data() + sampled.size(), value);
  const bool is_number = ec == std::errc{} && end == sampled.data() + sampled.size();
  if (!is_number || !(value >= 0 && value <= 1)) return std::nullopt;
  return value;
}

TraceExport::TraceExport(TraceExportOptions options, telemetry::Resource resource, telemetry::Tracer& tracer)
    : options_(std::move(options)), resource_(std::move(resource)), tracer_(tracer) {
  url_ = options_.endpoint;
  while (url_.ends_with('/')) url_.pop_back();
  url_ += "/v1/traces";
}

telemetry::Job TraceExport::job() {
  return [this](Ctx ctx) { return round(std::move(ctx)); };
}

Task<MoreWork> TraceExport::round(Ctx ctx) {
  if (std::chrono::steady_clock::now() < not_before_) co_return MoreWork::no;
  if (in_body_ == 0) {
    const auto spans = tracer_.take();
    if (spans.empty()) co_return MoreWork::no;
    body_ = telemetry::to_otlp(spans, resource_);
    in_body_ = spans.size();
  }
  bool is_final = false;
  auto trouble = co_await send(std::move(ctx), is_final);
  const bool taken = trouble.empty();
  say(std::move(trouble));
  if (!taken && !is_final) {
    backoff_ = std::clamp(2 * backoff_, kBackoffFirst, options_.backoff_max);
    not_before_ = std::chrono::steady_clock::now() + backoff_;
    co_return MoreWork::no;
  }
  auto& counters = tracer_.counters();
  (taken ? counters.exported : counters.refused).add(in_body_);
  in_body_ = 0;
  backoff_ = {};
  co_return tracer_.has_batch() ? MoreWork::yes : MoreWork::no;
}

Task<std::string> TraceExport::send(Ctx ctx, bool& is_final) {
  transfer::HttpRequest request{.method = "POST",
                                .url = url_,
                                .headers = {"Content-Type: application/x-protobuf"},
                                .body = body_,
                                .answer_bytes_max = kAnswerBytesMax};
  ctx.deadline = std::min(ctx.deadline, std::chrono::steady_clock::now() + options_.deadline);
  const auto answer = co_await transfer::ask(transfers_, std::move(ctx), std::move(request));
  if (!answer) co_return answer.error().message;
  if (answer->status / 100 == 2) co_return "";
  is_final = !is_retryable(answer->status);
  co_return "the collector answered " + std::to_string(answer->status);
}

void TraceExport::say(std::string trouble) {
  if (trouble == trouble_) return;
  if (trouble.empty()) {
    log::info({}, "traces are exported again");
  } else {
    log::warn({}, "traces are not exported", {{"reason", trouble}});
  }
  trouble_ = std::move(trouble);
}

Task<void> TraceExport::flush(Ctx ctx) {
  while (trouble_.empty() && !ctx.expired()) {
    [[maybe_unused]] const auto more = co_await round(ctx);
    if (in_body_ == 0 && tracer_.empty()) co_return;
  }
}

}  // namespace agora::service
