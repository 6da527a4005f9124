#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "libs/base/ctx.hpp"
#include "libs/base/id.hpp"

namespace agora::log {

/// error: someone must act; warn: degraded; info: state changed; debug: for developers.
enum class Level { debug, info, warn, error };

/// A field of a log line: constant name, plain value. Never a request, a command, a body or personal data.
struct Field {
  std::string_view name;
  std::variant<std::string, std::int64_t, bool> value;

  Field(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(v) {}
  Field(std::string_view n, std::int64_t v) : name(n), value(v) {}
  Field(std::string_view n, int v) : name(n), value(std::int64_t{v}) {}
  Field(std::string_view n, std::uint64_t v) : name(n), value(static_cast<std::int64_t>(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  template <class Tag>
  Field(std::string_view n, const Id<Tag>& v) : name(n), value(v.str()) {}
};

using Fields = std::initializer_list<Field>;

/// How lines look: JSON for machines, logfmt for people; `automatic` is logfmt on a terminal, else JSON.
enum class Format { automatic, json, logfmt };

/// Starts logging to stdout for this process; call once, first thing in main. Asynchronous: the request path never
/// waits for a terminal or a pipe; what does not fit the queue (2,048 lines) is dropped and counted (dropped()).
void start(std::string_view service, Level level = Level::info, Format format = Format::automatic);
/// Writes what is queued and stops; what is logged after that is not written. Safe to call twice, and from any thread.
void stop();
/// Lines dropped because the queue was full, since start(); 0 after stop().
std::uint64_t dropped();

/// One line: constant text, values as fields, trace id of `ctx`. Thread-safe.
void write(Level level, const Ctx& ctx, std::string_view text, Fields fields = {});

/// The line as machines read it, and as people do; what write() prints. Whatever bytes a text holds, it stays one line
/// of valid UTF-8: control characters are escaped, what is no character becomes U+FFFD.
std::string format_json(std::string_view service, Timestamp now, Level level, const Ctx& ctx, std::string_view text,
                        Fields fields);
std::string format_logfmt(Timestamp now, Level level, const Ctx& ctx, std::string_view text, Fields fields);

inline void debug(const Ctx& ctx, std::string_view text, Fields fields = {}) {
  write(Level::debug, ctx, text, fields);
}
inline void info(const Ctx& ctx, std::string_view text, Fields fields = {}) {
  write(Level::info, ctx, text, fields);
}
inline void warn(const Ctx& ctx, std::string_view text, Fields fields = {}) {
  write(Level::warn, ctx, text, fields);
}
inline void error(const Ctx& ctx, std::string_view text, Fields fields = {}) {
  write(Level::error, ctx, text, fields);
}

}  // namespace agora::log
