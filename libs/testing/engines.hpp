#pragma once
#include <string>

namespace agora::testing {

/// URL of an engine for tests, `postgresql` or `kafka`: the one that ./dev started for the run
/// (AGORA_ENGINE_POSTGRESQL, AGORA_ENGINE_KAFKA); else tools/engines starts one that ends with this program. Throws
/// std::runtime_error when it does not start.
std::string engine_url(const std::string& name);

}  // namespace agora::testing
