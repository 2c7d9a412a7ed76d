// Device code to what the driver loads: NVRTC by dlopen, else nvcc, else a reason.
#pragma once
#include <string>
#include <vector>

#include "cuda/driver.h"
#include "jit/process.h"

namespace dace::cuda {

struct DeviceRequest {
  std::string text;
  std::vector<std::string> flags;
  int major = 0, minor = 0;
  int timeoutMs = 120000;
};

// Which compiler will be used, for the cache's key and for people; "" and `why` where there is none.
std::string deviceCompiler(std::string* why);

// A cubin, or PTX where the compiler is older than the device. Throws Failure TOOLCHAIN (with the compiler's log), DEVICE or ABORTED.
std::string compileForDevice(const DeviceRequest& request, const AbortFlag* abort);

}  // namespace dace::cuda
