#pragma once
#include <grpcpp/support/byte_buffer.h>
#include <string>

#include "libs/base/clock.hpp"

// What server and client share of gRPC's own types. For this library alone.

namespace agora::rpc {

/// gRPC counts on its monotonic clock, as we do on ours; only how long from now is the same on both.
gpr_timespec to_timespec(Deadline deadline);
Deadline to_deadline(gpr_timespec time);

::grpc::ByteBuffer to_buffer(const std::string& bytes);
/// False when the buffer cannot be read (it was compressed, and is not well-formed).
bool read_buffer(const ::grpc::ByteBuffer& buffer, std::string& bytes);

/// What gRPC has to say of itself becomes lines of our log. Once per process; thread-safe.
void log_as_we_do();

}  // namespace agora::rpc
