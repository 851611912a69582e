// Finding and opening the CUDA module; see loader.hpp.
#include "kernels/cuda/loader.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <stdexcept>
#include <system_error>

#include <fmt/format.h>

namespace orrery::kernels::cuda {
namespace {

constexpr const char* kFileName = "orrery_cuda.so";
constexpr const char* kVariable = "ORRERY_CUDA_MODULE";

std::filesystem::path executable_folder() {
  std::error_code error;
  const std::filesystem::path executable = std::filesystem::read_symlink("/proc/self/exe", error);
  return executable.parent_path();
}

/// Where the module may lie; the first file that exists is it.
std::vector<std::filesystem::path> candidates() {
  const std::filesystem::path here = executable_folder();
  std::vector<std::filesystem::path> paths = {here / kFileName};
  // GNUInstallDirs names the library folder after the distribution's habit.
  for (const char* folder : {"lib", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"}) {
    paths.push_back(here.parent_path() / folder / "orrery" / kFileName);
  }
  return paths;
}

/// The first line of a message of several.
std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

std::string describe_devices(const std::vector<OrreryCudaDevice>& devices) {
  std::string line = fmt::format("{} GPU{}:", devices.size(), devices.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < devices.size(); ++i) {
    line += fmt::format("{} {} (sm_{}{}, {} SMs)", i == 0 ? "" : ",", devices[i].name, devices[i].compute_major,
                        devices[i].compute_minor, devices[i].sm_count);
  }
  return line;
}

}  // namespace

std::string_view name(ModuleState state) {
  switch (state) {
    case ModuleState::no_module:
      return "no_module";
    case ModuleState::broken_module:
      return "broken_module";
    case ModuleState::version_mismatch:
      return "version_mismatch";
    case ModuleState::no_driver:
      return "no_driver";
    case ModuleState::no_gpu:
      return "no_gpu";
    case ModuleState::ready:
      return "ready";
  }
  throw std::logic_error("unknown module state");
}

Module Module::find() {
  if (const char* given = std::getenv(kVariable); given != nullptr && *given != '\0') return open(given);
  for (const std::filesystem::path& path : candidates()) {
    std::error_code error;
    if (std::filesystem::exists(path, error)) return open(path);
  }
  Module module;
  module.line_ = fmt::format("no CUDA module: {} is not beside the program (built without CUDA)", kFileName);
  return module;
}

Module Module::open(const std::filesystem::path& path) {
  Module module;
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    module.line_ = fmt::format("no CUDA module: {} does not exist", path.string());
    return module;
  }
  module.state_ = ModuleState::broken_module;
  // An absolute path: dlopen searches the system's folders for a bare file name. Never closed, see the class.
  void* library = dlopen(std::filesystem::absolute(path).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    module.line_ = fmt::format("the CUDA module does not open: {}", first_line(dlerror()));
    return module;
  }
  const auto entry = reinterpret_cast<OrreryCudaModuleEntry>(dlsym(library, ORRERY_CUDA_MODULE_ENTRY));
  const OrreryCudaModule* table = entry == nullptr ? nullptr : entry();
  if (table == nullptr) {
    module.line_ = fmt::format("{} is no CUDA module of Orrery: it has no {}", path.string(), ORRERY_CUDA_MODULE_ENTRY);
    return module;
  }
  if (table->version != ORRERY_CUDA_MODULE_VERSION || table->size != sizeof(OrreryCudaModule)) {
    module.state_ = ModuleState::version_mismatch;
    module.line_ = fmt::format("{} has table version {}, this program needs {}: build both from one source",
                               path.string(), table->version, ORRERY_CUDA_MODULE_VERSION);
    return module;
  }
  module.table_ = table;
  module.look_for_gpus();
  return module;
}

void Module::look_for_gpus() {
  OrreryCudaStatus status{};
  std::int32_t count = 0;
  table_->device_count(&count, &status);
  for (std::int32_t device = 0; status.code == ORRERY_CUDA_OK && device < count; ++device) {
    OrreryCudaDevice info{};
    if (table_->device_info(device, &info, &status) == ORRERY_CUDA_OK) devices_.push_back(info);
  }
  if (status.code == ORRERY_CUDA_NO_DRIVER) {
    state_ = ModuleState::no_driver;
    line_ = fmt::format("CUDA module found, but no usable NVIDIA driver: {}", first_line(status.message));
  } else if (status.code == ORRERY_CUDA_NO_GPU || (status.code == ORRERY_CUDA_OK && count == 0)) {
    state_ = ModuleState::no_gpu;
    line_ = "CUDA module and driver found, but no GPU";
  } else if (status.code != ORRERY_CUDA_OK) {
    state_ = ModuleState::no_gpu;
    line_ = fmt::format("CUDA module found, but asking for GPUs failed: {}", first_line(status.message));
  } else {
    state_ = ModuleState::ready;
    line_ = describe_devices(devices_);
  }
  if (state_ != ModuleState::ready) devices_.clear();
}

OrreryCudaGemm gemm_request(const GemmShape& shape) {
  OrreryCudaGemm request{};
  switch (shape.dtype) {
    case Dtype::fp32:
      request.dtype = ORRERY_CUDA_FP32;
      break;
    case Dtype::tf32:
      request.dtype = ORRERY_CUDA_TF32;
      break;
    case Dtype::fp16:
      request.dtype = ORRERY_CUDA_FP16;
      break;
    case Dtype::bf16:
      request.dtype = ORRERY_CUDA_BF16;
      break;
    case Dtype::fp8:
      request.dtype = ORRERY_CUDA_FP8_E4M3;
      break;
    default:
      throw std::invalid_argument(fmt::format("the CUDA module has no GEMM for {}", name(shape.dtype)));
  }
  request.accumulate = shape.accumulate ? 1 : 0;
  request.m = shape.m;
  request.n = shape.n;
  request.k = shape.k;
  request.batch = shape.batch;
  return request;
}

OrreryCudaCopy copy_request(const HostCopyShape& shape) {
  OrreryCudaCopy request{};
  request.kind = shape.to_device ? ORRERY_CUDA_HOST_TO_DEVICE : ORRERY_CUDA_DEVICE_TO_HOST;
  request.pinned = shape.pinned ? 1 : 0;
  request.bytes = static_cast<std::uint64_t>(shape.bytes.value());
  return request;
}

}  // namespace orrery::kernels::cuda
