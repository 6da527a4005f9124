#include "libs/log/log.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unistd.h>

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "libs/base/clock.hpp"
#include "libs/json/writer.hpp"

namespace agora::log {
namespace {

// spdlog makes room for all of them at once, some 400 bytes each.
constexpr std::size_t kQueueLines = 2'048;

struct Output {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::string service;
  Level level = Level::info;
  bool json = true;
};

/// Set by start(), cleared by stop(), which may come from any thread while others log: a failed fsync ends the process.
struct Current {
  std::shared_mutex mutex;
  std::unique_ptr<const Output> output;
};

Current& current() {
  static Current instance;
  return instance;
}

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "info";
}

/// How many bytes the UTF-8 character in front of `text` has; 0 when it is malformed (RFC 3629), or a control character
/// that the JSON writer leaves alone and a terminal may obey (DEL, U+0080 to U+009F).
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(0);
  if (first < 0x80) return first == 0x7F ? 0 : 1;
  const std::size_t size = first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Where the second byte decides: C1 controls, overlong forms, surrogates, what is beyond U+10FFFF.
  const unsigned second = byte(1);
  const bool bad = (first == 0xC2 && second < 0xA0) || (first == 0xE0 && second < 0xA0) ||
                   (first == 0xED && second >= 0xA0) || (first == 0xF0 && second < 0x90) ||
                   (first == 0xF4 && second >= 0x90);
  return bad ? 0 : size;
}

/// A driver's or the system's message may be of any bytes; one of them must not make a line that no reader takes.
std::string clean(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto size = character_size(text);
    out += size == 0 ? std::string_view("\xEF\xBF\xBD") : text.substr(0, size);
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

void write_value(json::Writer& json, const std::string& text) {
  json.value(clean(text));
}
void write_value(json::Writer& json, std::int64_t number) {
  json.value(number);
}
void write_value(json::Writer& json, bool flag) {
  json.value(flag);
}

}  // namespace

std::string format_json(std::string_view service, Timestamp now, Level level, const Ctx& ctx, std::string_view text,
                        Fields fields) {
  std::string line;
  json::Writer json(line);
  json.begin_object()
      .member("ts", now)
      .member("level", name_of(level))
      .member("msg", clean(text))
      .member("service", service);
  if (ctx.trace.valid()) json.member("trace_id", ctx.trace.trace_id_hex());
  for (const auto& field : fields) {
    json.key(field.name);
    std::visit([&](const auto& value) { write_value(json, value); }, field.value);
  }
  json.end_object();
  return line;
}

std::string format_logfmt(Timestamp now, Level level, const Ctx& ctx, std::string_view text, Fields fields) {
  std::string line = to_rfc3339(now).substr(11, 12);
  line += level == Level::info ? " " : " " + std::string(name_of(level)) + " ";
  // As JSON values: quotes and control characters come out escaped, so neither text nor field can forge a line.
  const auto quoted_from = line.size();
  json::Writer(line).value(clean(text));
  line.pop_back();
  line.erase(quoted_from, 1);
  const auto add = [&](std::string_view name, const auto& value) {
    line += ' ';
    line += name;
    line += '=';
    json::Writer json(line);
    write_value(json, value);
  };
  for (const auto& field : fields) {
    std::visit([&](const auto& value) { add(field.name, value); }, field.value);
  }
  if (ctx.trace.valid() && level >= Level::warn) add("trace_id", ctx.trace.trace_id_hex());
  return line;
}

void start(std::string_view service, Level level, Format format) {
  auto fresh = std::make_unique<Output>();
  fresh->pool = std::make_shared<spdlog::details::thread_pool>(kQueueLines, 1);
  fresh->logger = std::make_shared<spdlog::async_logger>("agora", std::make_shared<spdlog::sinks::stdout_sink_mt>(),
                                                         fresh->pool, spdlog::async_overflow_policy::overrun_oldest);
  fresh->logger->set_pattern("%v");
  fresh->logger->set_level(spdlog::level::trace);
  // Whoever reads a pipe sees a line at once; the queue's own thread does the flushing.
  fresh->logger->flush_on(spdlog::level::trace);
  fresh->service = service;
  fresh->level = level;
  fresh->json = format == Format::json || (format == Format::automatic && ::isatty(STDOUT_FILENO) == 0);
  const std::unique_lock lock(current().mutex);
  current().output = std::move(fresh);
}

void stop() {
  const std::unique_lock lock(current().mutex);
  // Its thread pool goes last, and ends when the queue is written.
  current().output.reset();
}

std::uint64_t dropped() {
  const std::shared_lock lock(current().mutex);
  const auto& output = current().output;
  return output ? output->pool->overrun_counter() : 0;
}

void write(Level level, const Ctx& ctx, std::string_view text, Fields fields) {
  const std::shared_lock lock(current().mutex);
  const auto& output = current().output;
  if (!output || level < output->level) return;
  const auto now = SystemClock().now();
  const auto line = output->json ? format_json(output->service, now, level, ctx, text, fields)
                                 : format_logfmt(now, level, ctx, text, fields);
  output->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace agora::log
