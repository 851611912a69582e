// cudaMemcpyAsync between device and device, or device and host, page-locked or not.
//
// A copy from pageable host memory is staged by the driver and waits for the host (CUDA C++ Programming Guide,
// "Page-Locked Host Memory"), so its time includes that.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/copy/gpu.hpp"
#include "kernels/cuda/resources.hpp"
#include "kernels/cuda/timing.hpp"

namespace orrery::kernels::cuda {
namespace {

/// Source and destination of one copy, wherever they lie.
class Ends {
 public:
  explicit Ends(const OrreryCudaCopy& copy) : bytes_(static_cast<std::size_t>(copy.bytes)) {
    if (copy.bytes == 0) unsupported("a copy must have at least one byte");
    switch (copy.kind) {
      case ORRERY_CUDA_DEVICE_TO_DEVICE:
        kind_ = cudaMemcpyDeviceToDevice;
        break;
      case ORRERY_CUDA_HOST_TO_DEVICE:
        kind_ = cudaMemcpyHostToDevice;
        break;
      case ORRERY_CUDA_DEVICE_TO_HOST:
        kind_ = cudaMemcpyDeviceToHost;
        break;
      default:
        unsupported("no copy of kind " + std::to_string(copy.kind));
    }
    source_ = kind_ == cudaMemcpyHostToDevice ? on_host(copy) : on_device();
    destination_ = kind_ == cudaMemcpyDeviceToHost ? on_host(copy) : on_device();
  }

  [[nodiscard]] unsigned char* source() const { return source_; }
  [[nodiscard]] unsigned char* destination() const { return destination_; }

  void run(const Stream& stream) const {
    ORRERY_CUDA_CHECK(cudaMemcpyAsync(destination_, source_, bytes_, kind_, stream.get()));
  }

 private:
  unsigned char* on_device() {
    device_.emplace_back(bytes_);
    return device_.back().get();
  }
  unsigned char* on_host(const OrreryCudaCopy& copy) {
    if (copy.pinned == 0) {
      pageable_.resize(bytes_);
      return pageable_.data();
    }
    pinned_ = std::make_unique<PinnedBuffer>(bytes_);
    return pinned_->get();
  }

  std::size_t bytes_;
  cudaMemcpyKind kind_ = cudaMemcpyDeviceToDevice;
  std::vector<DeviceBuffer<unsigned char>> device_;
  std::vector<unsigned char> pageable_;
  std::unique_ptr<PinnedBuffer> pinned_;
  unsigned char* source_ = nullptr;
  unsigned char* destination_ = nullptr;
};

bool waits_for_host(const OrreryCudaCopy& copy) {
  return copy.kind != ORRERY_CUDA_DEVICE_TO_DEVICE && copy.pinned == 0;
}

}  // namespace

OrreryCudaTiming time_copy(const OrreryCudaCopy& copy, const OrreryCudaMeasure& measure) {
  const CurrentDevice current(measure.device);
  const Ends ends(copy);
  return time_launch(
      measure, [&](const Stream& stream) { ends.run(stream); }, !waits_for_host(copy));
}

OrreryCudaCheck check_copy(const OrreryCudaCopy& copy, int device) {
  const CurrentDevice current(device);
  const Ends ends(copy);
  const Stream stream;
  std::vector<unsigned char> sent(static_cast<std::size_t>(copy.bytes));
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<unsigned char>(i * 131 + i / 251);
  // The unified address space tells each pointer's place.
  ORRERY_CUDA_CHECK(cudaMemcpyAsync(ends.source(), sent.data(), sent.size(), cudaMemcpyDefault, stream.get()));
  ends.run(stream);
  std::vector<unsigned char> arrived(sent.size());
  ORRERY_CUDA_CHECK(
      cudaMemcpyAsync(arrived.data(), ends.destination(), arrived.size(), cudaMemcpyDefault, stream.get()));
  stream.synchronize();
  std::int64_t wrong = 0;
  for (std::size_t i = 0; i < sent.size(); ++i) wrong += sent[i] != arrived[i] ? 1 : 0;
  return OrreryCudaCheck{static_cast<double>(wrong), static_cast<std::int64_t>(sent.size())};
}

}  // namespace orrery::kernels::cuda
