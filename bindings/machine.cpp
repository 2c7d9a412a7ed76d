// Memory, BLAS, the processor and GPUs, for JavaScript.
#include "blas/library.h"
#include "cuda/compile.h"
#include "cuda/driver.h"
#include "cuda/linear.h"
#include "env.h"
#include "functions.h"
#include "jit/cpu.h"
#include "jit/library.h"
#include "memory/pool.h"
#include "views.h"

namespace dace {

napi_value isDetached(Call& c) {
  napi_typedarray_type type;
  size_t length, offset;
  void* data;
  napi_value buffer;
  bool detached = false;
  if (napi_get_typedarray_info(c.env, c.argv[0], &type, &length, &data, &buffer, &offset) != napi_ok) typeError("not a typed array");
  if (length == 0) napi_is_detached_arraybuffer(c.env, buffer, &detached);
  return js(c.env, detached);
}

napi_value memory(Call& c) {
  const PoolStatistics s = Pool::arenas().statistics();
  napi_value o = object(c.env);
  set(c.env, o, "inUse", js(c.env, double(s.inUse)));
  set(c.env, o, "pooled", js(c.env, double(s.pooled + Pool::copies().statistics().pooled)));
  set(c.env, o, "highWater", js(c.env, double(s.highWater)));
  set(c.env, o, "allocations", js(c.env, double(s.allocations)));
  set(c.env, o, "reuses", js(c.env, double(s.reuses)));
  return o;
}

napi_value resetHighWater(Call&) { return Pool::arenas().resetHighWater(), nullptr; }
napi_value trim(Call&) { return Pool::arenas().trim(), Pool::copies().trim(), nullptr; }

napi_value blas(Call& c) {
  const BlasChoice choice = chooseBlas(optionalText(c.env, c.argv[0], "path").value_or(""));
  napi_value o = object(c.env);
  set(c.env, o, "library", js(c.env, choice.library));
  // Both kinds run on as many threads as the kernel has.
  set(c.env, o, "threads", js(c.env, double(cpu().cores)));
  set(c.env, o, "tried", js(c.env, choice.tried));
  return o;
}

napi_value mxcsr(Call& c) { return js(c.env, double(controlWord())); }

napi_value cpuJs(Call& c) {
  napi_value o = object(c.env);
  set(c.env, o, "model", js(c.env, cpu().model));
  set(c.env, o, "cores", js(c.env, double(cpu().cores)));
  set(c.env, o, "features", js(c.env, cpu().features));
  return o;
}

napi_value cudaJs(Call& c) {
  const cuda::Findings f = cuda::findDevices(optionalText(c.env, c.argv[0], "path").value_or(""));
  std::vector<napi_value> devices;
  for (const cuda::DeviceInfo& d : f.devices) {
    napi_value o = object(c.env);
    set(c.env, o, "name", js(c.env, d.name));
    set(c.env, o, "memory", js(c.env, double(d.memory)));
    set(c.env, o, "capability", js(c.env, std::to_string(d.major) + "." + std::to_string(d.minor)));
    set(c.env, o, "multiprocessors", js(c.env, double(d.multiprocessors)));
    set(c.env, o, "maxThreads", js(c.env, double(d.maxThreads)));
    set(c.env, o, "warp", js(c.env, double(d.warp)));
    set(c.env, o, "sharedPerBlock", js(c.env, double(d.sharedPerBlock)));
    set(c.env, o, "pools", js(c.env, d.pools));
    devices.push_back(o);
  }
  napi_value o = object(c.env);
  set(c.env, o, "library", js(c.env, f.library));
  set(c.env, o, "version", js(c.env, double(f.version)));
  set(c.env, o, "devices", array(c.env, devices));
  set(c.env, o, "causes", js(c.env, f.causes));
  std::string why;
  const std::string compiler = f.devices.empty() ? "" : cuda::deviceCompiler(&why);
  set(c.env, o, "compiler", js(c.env, compiler));
  set(c.env, o, "noCompiler", js(c.env, why));
  const cuda::Libraries libraries = f.devices.empty() ? cuda::Libraries{} : cuda::findLibraries();
  set(c.env, o, "blas", js(c.env, libraries.blas));
  set(c.env, o, "solver", js(c.env, libraries.solver));
  return o;
}

}  // namespace dace
