// Measuring one launch; the method is in timing.hpp.
#include <algorithm>
#include <cstddef>
#include <vector>

#include "kernels/cuda/timing.hpp"

namespace orrery::kernels::cuda {
namespace {

constexpr long long kHoldNanoseconds = 30'000;  // a launch with its two events takes the host under 20 µs

__global__ void hold_stream(long long nanoseconds) {
  long long begin = 0;
  long long now = 0;
  asm volatile("mov.u64 %0, %globaltimer;" : "=l"(begin));
  do {
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
  } while (now - begin < nanoseconds);
}

std::size_t l2_bytes(int device) {
  int bytes = 0;
  ORRERY_CUDA_CHECK(cudaDeviceGetAttribute(&bytes, cudaDevAttrL2CacheSize, device));
  return static_cast<std::size_t>(bytes);
}

}  // namespace

OrreryCudaTiming time_launch(const OrreryCudaMeasure& measure, const std::function<void(const Stream&)>& launch,
                             bool held) {
  if (measure.repeats < 1 || measure.warmup < 0) unsupported("repeats must be at least 1 and warmup at least 0");
  const Stream stream;
  EventTimer timer;
  DeviceBuffer<unsigned char> evict(measure.cold != 0 ? 2 * l2_bytes(measure.device) : 0);
  for (int i = 0; i < measure.warmup; ++i) launch(stream);
  stream.synchronize();

  std::vector<double> seconds;
  seconds.reserve(static_cast<std::size_t>(measure.repeats));
  for (int i = 0; i < measure.repeats; ++i) {
    if (evict.count() > 0) ORRERY_CUDA_CHECK(cudaMemsetAsync(evict.get(), i & 0xff, evict.bytes(), stream.get()));
    if (held) {
      hold_stream<<<1, 1, 0, stream.get()>>>(kHoldNanoseconds);
      ORRERY_CUDA_CHECK_LAUNCH("hold_stream");
    }
    timer.start(stream);
    launch(stream);
    timer.stop(stream);
    seconds.push_back(timer.seconds());
  }
  std::sort(seconds.begin(), seconds.end());
  OrreryCudaTiming timing{};
  timing.min_s = seconds.front();
  timing.median_s = seconds[seconds.size() / 2];
  timing.p90_s = seconds[std::min(seconds.size() - 1, seconds.size() * 9 / 10)];
  timing.repeats = measure.repeats;
  return timing;
}

}  // namespace orrery::kernels::cuda
