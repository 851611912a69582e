// Memory that one prediction gave back, for the next one.
#pragma once

namespace orrery::scenarios {

/// From now on the allocator keeps up to 64 MB of what is free, in place of giving it back to the system after each
/// prediction and asking for it again, page by page, for the next: a tenth of the time of a sweep over plans of a few
/// megabytes. Of the process: for a program's main() alone. Nothing where the C library is not glibc.
void keep_freed_memory();

}  // namespace orrery::scenarios
