// The native functions that glue.js puts together.
#pragma once
#include "values.h"

namespace dace {

// loading.cpp
napi_value discoverToolchainJs(Call&);
napi_value load(Call&);
napi_value loadStart(Call&);
napi_value loadAbort(Call&);
napi_value cacheEntries(Call&);
napi_value cacheClear(Call&);
napi_value cacheLimit(Call&);
napi_value defaultCacheDirJs(Call&);
// running.cpp
napi_value run(Call&);
napi_value runMany(Call&);
napi_value bind(Call&);
napi_value boundRun(Call&);
napi_value boundStatus(Call&);
napi_value boundDispose(Call&);
// background.cpp
napi_value runStart(Call&);
napi_value asyncCancel(Call&);
napi_value asyncProgress(Call&);
// gpu.cpp
napi_value gpuOpen(Call&);
napi_value gpuLoad(Call&);
napi_value gpuLoadStart(Call&);
napi_value gpuRun(Call&);
napi_value gpuRunStart(Call&);
napi_value gpuAllocate(Call&);
napi_value gpuFree(Call&);
napi_value gpuCopy(Call&);
napi_value gpuMemory(Call&);
napi_value gpuPool(Call&);
napi_value gpuRoom(Call&);
// machine.cpp
napi_value isDetached(Call&);
napi_value memory(Call&);
napi_value resetHighWater(Call&);
napi_value trim(Call&);
napi_value blas(Call&);
napi_value mxcsr(Call&);
napi_value cpuJs(Call&);
napi_value cudaJs(Call&);

}  // namespace dace
