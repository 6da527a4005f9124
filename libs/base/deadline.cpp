// Instantiates the header once, so that it is checked on its own.
#include "libs/base/deadline.hpp"

namespace agora {
template Task<int> with_deadline<int>(Ctx, Task<int>);
}  // namespace agora
