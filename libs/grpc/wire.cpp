#include "libs/grpc/wire.hpp"

#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <mutex>

#include "libs/log/log.hpp"

namespace agora::rpc {

gpr_timespec to_timespec(Deadline deadline) {
  if (deadline == Deadline::max()) return gpr_inf_future(GPR_CLOCK_MONOTONIC);
  const auto left =
      std::chrono::duration_cast<std::chrono::microseconds>(deadline - std::chrono::steady_clock::now()).count();
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_micros(left, GPR_TIMESPAN));
}

Deadline to_deadline(gpr_timespec time) {
  if (gpr_time_cmp(time, gpr_inf_future(time.clock_type)) == 0) return Deadline::max();
  const auto left = gpr_time_sub(time, gpr_now(time.clock_type));
  return std::chrono::steady_clock::now() + std::chrono::seconds(left.tv_sec) + std::chrono::nanoseconds(left.tv_nsec);
}

::grpc::ByteBuffer to_buffer(const std::string& bytes) {
  const ::grpc::Slice slice(bytes);
  return {&slice, 1};
}

bool read_buffer(const ::grpc::ByteBuffer& buffer, std::string& bytes) {
  std::vector<::grpc::Slice> slices;
  if (!buffer.Dump(&slices).ok()) return false;
  bytes.clear();
  bytes.reserve(buffer.Length());
  for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return true;
}

void log_as_we_do() {
  static std::once_flag once;
  std::call_once(once, [] {
    gpr_set_log_function([](gpr_log_func_args* line) {
      if (line->severity == GPR_LOG_SEVERITY_DEBUG) return;
      // What is an error to it (a peer that says nonsense, an address that does not answer) is none of ours.
      const auto level = line->severity == GPR_LOG_SEVERITY_ERROR ? log::Level::warn : log::Level::debug;
      log::write(level, {}, "gRPC says", {{"what", line->message}});
    });
  });
}

}  // namespace agora::rpc
