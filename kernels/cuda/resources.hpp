// Owners of CUDA resources: a stream, a pair of events that times, memory on the device and pinned on the host.
//
// Each belongs to the device that was current when it was made. Destructors ignore errors: after a sticky
// error every call fails, and the first has been reported already.
#pragma once

#include <cstddef>
#include <utility>

#include <cuda_runtime_api.h>

#include "kernels/cuda/checked.hpp"

namespace orrery::kernels::cuda {

/// A non-blocking stream: work in the legacy default stream doesn't order against it.
class Stream {
 public:
  Stream() { ORRERY_CUDA_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  ~Stream() { (void)cudaStreamDestroy(stream_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  [[nodiscard]] cudaStream_t get() const { return stream_; }
  void synchronize() const { ORRERY_CUDA_CHECK(cudaStreamSynchronize(stream_)); }

 private:
  cudaStream_t stream_ = nullptr;
};

/// Time between two points of a stream, on the GPU's clock (resolution about half a microsecond).
class EventTimer {
 public:
  EventTimer() {
    ORRERY_CUDA_CHECK(cudaEventCreate(&begin_));
    ORRERY_CUDA_CHECK(cudaEventCreate(&end_));
  }
  ~EventTimer() {
    (void)cudaEventDestroy(begin_);
    (void)cudaEventDestroy(end_);
  }
  EventTimer(const EventTimer&) = delete;
  EventTimer& operator=(const EventTimer&) = delete;

  void start(const Stream& stream) { ORRERY_CUDA_CHECK(cudaEventRecord(begin_, stream.get())); }
  void stop(const Stream& stream) { ORRERY_CUDA_CHECK(cudaEventRecord(end_, stream.get())); }

  /// Waits for stop() to be reached.
  [[nodiscard]] double seconds() const {
    float milliseconds = 0.0F;
    ORRERY_CUDA_CHECK(cudaEventSynchronize(end_));
    ORRERY_CUDA_CHECK(cudaEventElapsedTime(&milliseconds, begin_, end_));
    return static_cast<double>(milliseconds) * 1e-3;
  }

 private:
  cudaEvent_t begin_ = nullptr;
  cudaEvent_t end_ = nullptr;
};

/// `count` values of T on the current device, uninitialised.
template <typename T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(std::size_t count) : count_(count) {
    if (count > 0) ORRERY_CUDA_CHECK(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T)));
  }
  ~DeviceBuffer() { (void)cudaFree(data_); }
  DeviceBuffer(DeviceBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  [[nodiscard]] T* get() const { return data_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return count_ * sizeof(T); }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

/// Page-locked host memory.
class PinnedBuffer {
 public:
  explicit PinnedBuffer(std::size_t bytes) : bytes_(bytes) { ORRERY_CUDA_CHECK(cudaMallocHost(&data_, bytes)); }
  ~PinnedBuffer() { (void)cudaFreeHost(data_); }
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;

  [[nodiscard]] unsigned char* get() const { return static_cast<unsigned char*>(data_); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Makes `device` current while it lives.
class CurrentDevice {
 public:
  explicit CurrentDevice(int device) {
    ORRERY_CUDA_CHECK(cudaGetDevice(&before_));
    ORRERY_CUDA_CHECK(cudaSetDevice(device));
  }
  ~CurrentDevice() { (void)cudaSetDevice(before_); }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;

 private:
  int before_ = 0;
};

}  // namespace orrery::kernels::cuda
