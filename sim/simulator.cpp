// The two instances of the engine: one for each queue.
#include "sim/simulator.hpp"

namespace orrery::sim {

template class BasicSimulator<RadixHeap>;
template class BasicSimulator<PackedHeap>;

}  // namespace orrery::sim
