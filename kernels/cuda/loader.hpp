// Opens the CUDA module at run time, or says in one line why there is none to use.
//
// Host code only: no CUDA header, no link to a CUDA library. The same program starts with the module, a driver
// and GPUs, or without any of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/cuda/module.h"
#include "kernels/kernel.hpp"

namespace orrery::kernels::cuda {

enum class ModuleState : std::uint8_t {
  no_module,         ///< orrery_cuda.so was not built or not found
  broken_module,     ///< a file is there, but it doesn't open or has no entry
  version_mismatch,  ///< built from another version of the table
  no_driver,         ///< the module is well; the NVIDIA driver is missing or too old
  no_gpu,            ///< the driver is well; it sees no GPU
  ready,
};
[[nodiscard]] std::string_view name(ModuleState state);

/// The module as found. Copies share one open library, which is never closed: CUDA doesn't survive that.
class Module {
 public:
  /// Looks at $ORRERY_CUDA_MODULE, then beside the executable, then in ../lib/orrery of an installation.
  [[nodiscard]] static Module find();

  /// Opens exactly `path`.
  [[nodiscard]] static Module open(const std::filesystem::path& path);

  [[nodiscard]] ModuleState state() const { return state_; }

  /// One line for the user: "2 GPUs: NVIDIA H100 80GB HBM3 (sm_90, 132 SMs), …", or what is missing.
  [[nodiscard]] const std::string& describe() const { return line_; }

  /// The table, or nullptr while no module of this version is open. Its timings need state() == ready.
  [[nodiscard]] const OrreryCudaModule* table() const { return table_; }

  [[nodiscard]] const std::vector<OrreryCudaDevice>& devices() const { return devices_; }

 private:
  void look_for_gpus();

  ModuleState state_ = ModuleState::no_module;
  std::string line_;
  const OrreryCudaModule* table_ = nullptr;
  std::vector<OrreryCudaDevice> devices_;
};

/// The request that runs `shape`. Throws std::invalid_argument for a dtype the module has no GEMM for.
[[nodiscard]] OrreryCudaGemm gemm_request(const GemmShape& shape);

/// The request that runs `shape`.
[[nodiscard]] OrreryCudaCopy copy_request(const HostCopyShape& shape);

}  // namespace orrery::kernels::cuda
