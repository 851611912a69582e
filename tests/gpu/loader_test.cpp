// The loader says in which of its states it is. Needs no GPU: fake modules stand for what might be found.
#include "kernels/cuda/loader.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace orrery::kernels::cuda {

/// For readable failures.
void PrintTo(ModuleState state, std::ostream* out) { *out << name(state); }

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::filesystem::path fake(const std::string& name) {
  return std::filesystem::path(ORRERY_FAKE_MODULES) / ("fake_" + name + ".so");
}

TEST(CudaLoader, SaysThatThereIsNoModule) {
  const Module module = Module::open("/nonexistent/orrery_cuda.so");
  EXPECT_EQ(module.state(), ModuleState::no_module);
  EXPECT_EQ(module.describe(), "no CUDA module: /nonexistent/orrery_cuda.so does not exist");
  EXPECT_EQ(module.table(), nullptr);
}

TEST(CudaLoader, SaysThatAFileIsNoModule) {
  const std::filesystem::path path = std::filesystem::temp_directory_path() / "orrery_not_a_module.so";
  std::ofstream(path) << "not a shared object";
  const Module module = Module::open(path);
  std::filesystem::remove(path);
  EXPECT_EQ(module.state(), ModuleState::broken_module);
  EXPECT_THAT(module.describe(), HasSubstr("does not open"));
  EXPECT_EQ(module.table(), nullptr);
}

TEST(CudaLoader, SaysThatALibraryHasNoEntry) {
  const Module module = Module::open(fake("without_entry"));
  EXPECT_EQ(module.state(), ModuleState::broken_module);
  EXPECT_THAT(module.describe(), HasSubstr("it has no orrery_cuda_module"));
}

TEST(CudaLoader, RefusesAnotherVersionOfTheTable) {
  const Module module = Module::open(fake("version"));
  EXPECT_EQ(module.state(), ModuleState::version_mismatch);
  EXPECT_THAT(module.describe(), HasSubstr("has table version 999, this program needs 1"));
  EXPECT_EQ(module.table(), nullptr);
}

TEST(CudaLoader, SaysThatThereIsNoDriverInOneLine) {
  const Module module = Module::open(fake("no_driver"));
  EXPECT_EQ(module.state(), ModuleState::no_driver);
  EXPECT_EQ(module.describe(), "CUDA module found, but no usable NVIDIA driver: first line");
  EXPECT_NE(module.table(), nullptr);
}

TEST(CudaLoader, SaysThatThereIsNoGpu) {
  EXPECT_EQ(Module::open(fake("no_gpu")).state(), ModuleState::no_gpu);
  EXPECT_EQ(Module::open(fake("zero")).state(), ModuleState::no_gpu);
  EXPECT_EQ(Module::open(fake("zero")).describe(), "CUDA module and driver found, but no GPU");
}

TEST(CudaLoader, SaysThatAskingFailed) {
  const Module module = Module::open(fake("failing"));
  EXPECT_NE(module.state(), ModuleState::ready);
  EXPECT_THAT(module.describe(), HasSubstr("asking for GPUs failed: first line"));
  EXPECT_THAT(module.describe(), Not(HasSubstr("\n")));
}

TEST(CudaLoader, NamesTheGpusThatItFinds) {
  const Module module = Module::open(fake("two"));
  EXPECT_EQ(module.state(), ModuleState::ready);
  ASSERT_EQ(module.devices().size(), 2U);
  EXPECT_EQ(module.describe(), "2 GPUs: Fake 0 (sm_90, 132 SMs), Fake 1 (sm_90, 132 SMs)");
  EXPECT_NE(module.table(), nullptr);
}

TEST(CudaLoader, TakesTheModuleThatTheVariableNames) {
  ASSERT_EQ(setenv("ORRERY_CUDA_MODULE", fake("two").c_str(), 1), 0);
  EXPECT_EQ(Module::find().state(), ModuleState::ready);
  ASSERT_EQ(setenv("ORRERY_CUDA_MODULE", "/nonexistent.so", 1), 0);
  EXPECT_EQ(Module::find().state(), ModuleState::no_module);
  ASSERT_EQ(unsetenv("ORRERY_CUDA_MODULE"), 0);
}

TEST(CudaLoader, GivesEveryStateItsOwnName) {
  EXPECT_EQ(name(ModuleState::no_module), "no_module");
  EXPECT_EQ(name(ModuleState::broken_module), "broken_module");
  EXPECT_EQ(name(ModuleState::version_mismatch), "version_mismatch");
  EXPECT_EQ(name(ModuleState::no_driver), "no_driver");
  EXPECT_EQ(name(ModuleState::no_gpu), "no_gpu");
  EXPECT_EQ(name(ModuleState::ready), "ready");
}

TEST(CudaRequest, CarriesTheShapeOver) {
  GemmShape shape;
  shape.dtype = Dtype::fp8;
  shape.m = 3;
  shape.n = 5;
  shape.k = 7;
  shape.batch = 2;
  shape.accumulate = true;
  const OrreryCudaGemm gemm = gemm_request(shape);
  EXPECT_EQ(gemm.dtype, ORRERY_CUDA_FP8_E4M3);
  EXPECT_EQ(gemm.m, 3);
  EXPECT_EQ(gemm.n, 5);
  EXPECT_EQ(gemm.k, 7);
  EXPECT_EQ(gemm.batch, 2);
  EXPECT_EQ(gemm.accumulate, 1);

  const OrreryCudaCopy copy = copy_request(HostCopyShape{Bytes{4096.0}, false, true});
  EXPECT_EQ(copy.kind, ORRERY_CUDA_DEVICE_TO_HOST);
  EXPECT_EQ(copy.bytes, 4096U);
  EXPECT_EQ(copy.pinned, 1);
}

TEST(CudaRequest, RefusesADtypeWithoutAGemm) {
  GemmShape shape;
  shape.dtype = Dtype::nvfp4;
  EXPECT_THROW((void)gemm_request(shape), std::invalid_argument);
}

}  // namespace
}  // namespace orrery::kernels::cuda
