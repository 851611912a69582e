#include "scenarios/kept_memory.hpp"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace orrery::scenarios {

// glibc learns a threshold from large blocks that come and go; many small ones teach it nothing, and their memory goes
// back whenever 128 KiB at the end of the heap are free. A threshold that is set is no longer learnt: both are.
void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kKept = 64 << 20, kLargestOnHeap = 32 << 20;  // the latter is the most that glibc takes
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, kLargestOnHeap);
#endif
}

}  // namespace orrery::scenarios
