#include "libs/log/log.hpp"

#include <memory>
#include <mutex>
#include <unistd.h>

#include <spdlog/async.h>
#include <spdlog/async_logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "libs/base/clock.hpp"
#include "libs/json/writer.hpp"

namespace agora::log {
namespace {

constexpr std::size_t kQueueLines = 8'192;

struct Output {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::string service;
  Level level = Level::info;
  bool json = true;
};

/// Set by start(), cleared by stop(); main calls both, nothing logs beside them.
std::shared_ptr<const Output>& output() {
  static std::shared_ptr<const Output> instance;
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

}  // namespace

std::string format_json(std::string_view service, Timestamp now, Level level, const Ctx& ctx, std::string_view text,
                        Fields fields) {
  std::string line;
  json::Writer json(line);
  json.begin_object().member("ts", now).member("level", name_of(level)).member("msg", text).member("service", service);
  if (ctx.trace.valid()) json.member("trace_id", ctx.trace.trace_id_hex());
  for (const auto& field : fields) {
    json.key(field.name);
    std::visit([&](const auto& value) { json.value(value); }, field.value);
  }
  json.end_object();
  return line;
}

std::string format_logfmt(Timestamp now, Level level, const Ctx& ctx, std::string_view text, Fields fields) {
  std::string line = to_rfc3339(now).substr(11, 12);
  line += level == Level::info ? " " : " " + std::string(name_of(level)) + " ";
  line += text;
  const auto add = [&](std::string_view name, const auto& value) {
    line += ' ';
    line += name;
    line += '=';
    // As a JSON value: quotes and control characters come out escaped, so a field cannot forge a line.
    json::Writer(line).value(value);
  };
  for (const auto& field : fields) {
    std::visit([&](const auto& value) { add(field.name, value); }, field.value);
  }
  if (ctx.trace.valid() && level >= Level::warn) add("trace_id", ctx.trace.trace_id_hex());
  return line;
}

void start(std::string_view service, Level level, Format format) {
  auto fresh = std::make_shared<Output>();
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
  output() = std::move(fresh);
}

void stop() {
  if (const auto current = std::move(output())) current->logger->flush();
  output().reset();
}

std::uint64_t dropped() {
  const auto current = output();
  return current ? current->pool->overrun_counter() : 0;
}

void write(Level level, const Ctx& ctx, std::string_view text, Fields fields) {
  const auto& current = output();
  if (!current || level < current->level) return;
  const auto now = SystemClock().now();
  const auto line = current->json ? format_json(current->service, now, level, ctx, text, fields)
                                  : format_logfmt(now, level, ctx, text, fields);
  current->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace agora::log
