// Programs on a GPU, for JavaScript. All of a device's work is done by its own thread; only its memory is taken and given back from others.
#include <cstring>

#include "background.h"
#include "cuda/device.h"
#include "env.h"
#include "functions.h"
#include "loading.h"
#include "views.h"

namespace dace {
namespace {

using cuda::DeviceBuffer;
using cuda::Gpu;
using cuda::GpuProgram;

struct ProgramOn {
  Gpu* gpu;
  const GpuProgram* program;
};

cuda::ProgramRequest gpuRequest(Call& c) { return {requestOf(c), text(c.env, c.argv[8], "device"), texts(c.env, c.argv[9], "deviceFlags"), texts(c.env, c.argv[10], "kernels")}; }

Parts loadOn(Gpu& gpu, const cuda::ProgramRequest& r, const AbortFlag* abort) {
  const cuda::LoadedProgram p = cuda::loadProgram(gpu, r, abort);
  return [p, on = std::make_shared<ProgramOn>(ProgramOn{&gpu, p.program})](napi_env env) {
    return array(env, {external(env, on), js(env, p.program->host->key), js(env, p.cached), js(env, p.ms), js(env, double(p.program->host->bytes + p.program->image.size()))});
  };
}

napi_value statusOf(napi_env env, const cuda::RunResult& r) {
  return array(env, {js(env, double(r.code)), js(env, double(r.site)), js(env, double(r.value)), js(env, double(r.extent)), js(env, double(r.ns)), js(env, r.failure), js(env, double(r.kernel))});
}

// An argument that lies on the device: a handle.
std::shared_ptr<DeviceBuffer> bufferOf(Call& c, napi_value v) {
  if (typeOf(c.env, v) != napi_external) return nullptr;
  const auto held = sharedFromExternal<std::shared_ptr<DeviceBuffer>>(c.env, v);
  if (!*held) typeError("device memory that was disposed");
  return *held;
}

// Runs `f` on the device's thread and waits.
template <class F>
void on(Gpu& gpu, F f) {
  struct T : Task {
    F* f;
  } task;
  task.f = &f;
  task.work = [](Task* t) { (*static_cast<T*>(t)->f)(); };
  gpu.executor().run(&task);
}

class GpuJob final : public ArrayJob {
 public:
  ProgramOn program{};
  size_t arenaBytes = 0;
  std::vector<std::shared_ptr<DeviceBuffer>> buffers;
  cuda::RunResult result;

  bool stop() override {
    cancel();
    return program.gpu->executor().withdraw(this);
  }
  static void work(Task* t) {
    auto* self = static_cast<GpuJob*>(t);
    if (self->control.cancel.isSet()) self->result.code = DACE_CANCELLED;
    else self->result = self->program.gpu->run(*self->program.program, self->arguments(), self->buffers, self->symbols, self->arenaBytes, self->control);
    self->env_->finished(self);
  }
  void settle(napi_env env) override {
    buffers.clear();
    if (result.code == DACE_OK && !writeBack(env)) return reject(env, gone());
    drop(env);
    check(env, napi_resolve_deferred(env, deferred_, statusOf(env, result)));
  }
  static bool onDevice(Call& c, napi_value v, size_t, ArrayJob& job) {
    auto& self = static_cast<GpuJob&>(job);
    self.buffers.push_back(bufferOf(c, v));
    return self.buffers.back() != nullptr;
  }

 private:
  std::vector<cuda::Argument> arguments() const {
    std::vector<cuda::Argument> out;
    for (size_t k = 0; k < args.size(); k++) out.push_back({args[k], bytes[k], written[k], buffers[k] ? buffers[k]->block.address : 0});
    return out;
  }
};

Gpu& gpuOf(Call& c) { return fromExternal<Gpu>(c.env, c.argv[0]); }

[[noreturn]] void failed(const cuda::Driver& d, const char* what, cuda::Result r) {
  throw JsError{JsError::Kind::error, std::string(what) + ": " + d.describe(r), r == cuda::kOutOfMemory ? "OOM" : "DEVICE", ""};
}

}  // namespace

napi_value gpuOpen(Call& c) {
  Gpu& gpu = Gpu::of(int(whole(c.env, c.argv[0], "the device's number", 0, 1023)));
  return array(c.env, {external(c.env, std::shared_ptr<Gpu>(&gpu, [](Gpu*) {})), js(c.env, gpu.info().name), js(c.env, double(gpu.info().memory)), js(c.env, std::to_string(gpu.info().major) + "." + std::to_string(gpu.info().minor))});
}

// (the seven of load, gpu, device, deviceFlags, kernels)
napi_value gpuLoad(Call& c) { return loadOn(fromExternal<Gpu>(c.env, c.argv[7]), gpuRequest(c), nullptr)(c.env); }

napi_value gpuLoadStart(Call& c) {
  Gpu& gpu = fromExternal<Gpu>(c.env, c.argv[7]);
  return LoadJob::begin(c, [&gpu, r = gpuRequest(c)](const AbortFlag* abort) { return loadOn(gpu, r, abort); });
}

// (program, args, symbols, arenaBytes, written): the caller waits, so arrays are read and written where they are.
napi_value gpuRun(Call& c) {
  const ProgramOn p = fromExternal<ProgramOn>(c.env, c.argv[0]);
  uint32_t n, writes;
  bool isArray = false;
  check(c.env, napi_is_array(c.env, c.argv[1], &isArray));
  if (!isArray) typeError("args is not an array");
  check(c.env, napi_get_array_length(c.env, c.argv[1], &n));
  std::vector<cuda::Argument> args;
  std::vector<std::shared_ptr<DeviceBuffer>> buffers;
  for (uint32_t i = 0; i < n; i++) {
    napi_value v;
    check(c.env, napi_get_element(c.env, c.argv[1], i, &v));
    buffers.push_back(bufferOf(c, v));
    if (buffers.back()) {
      args.push_back({nullptr, buffers.back()->block.bytes, false, buffers.back()->block.address});
      continue;
    }
    const View view = viewOf(c.state, v, i);
    args.push_back({view.data, view.bytes, false});
  }
  check(c.env, napi_is_array(c.env, c.argv[4], &isArray));
  if (!isArray) typeError("write is not an array of indices");
  check(c.env, napi_get_array_length(c.env, c.argv[4], &writes));
  for (uint32_t i = 0; i < writes; i++) {
    napi_value v;
    check(c.env, napi_get_element(c.env, c.argv[4], i, &v));
    args.at(size_t(whole(c.env, v, "an index in write", 0, double(n) - 1))).written = true;
  }
  size_t count;
  const int64_t* given = symbolsOf(c.state, c.argv[2], &count);
  const std::vector<int64_t> symbols(given, given + count);
  const size_t arenaBytes = size_t(whole(c.env, c.argv[3], "arenaBytes", 0, 9007199254740991.0));
  RunControl control;
  cuda::RunResult r;
  on(*p.gpu, [&] { r = p.gpu->run(*p.program, args, buffers, symbols, arenaBytes, control); });
  return statusOf(c.env, r);
}

// (program, args, symbols, arenaBytes, written)
napi_value gpuRunStart(Call& c) {
  auto job = std::make_shared<GpuJob>();
  job->Task::work = GpuJob::work;
  job->program = fromExternal<ProgramOn>(c.env, c.argv[0]);
  job->arenaBytes = size_t(whole(c.env, c.argv[3], "arenaBytes", 0, 9007199254740991.0));
  try {
    job->take(c, 1, 2, 4, GpuJob::onDevice);
    napi_value handle = external(c.env, std::shared_ptr<ArrayJob>(job)), promise = c.state.begin(job);
    job->program.gpu->executor().post(job.get());
    return array(c.env, {handle, promise});
  } catch (...) {
    job->drop(c.env);
    throw;
  }
}

// (gpu, bytes): not cleared.
napi_value gpuAllocate(Call& c) {
  const auto s = gpuOf(c).session();
  const size_t bytes = size_t(whole(c.env, c.argv[1], "bytes", 0, 9007199254740991.0));
  cuda::DeviceBlock block;
  if (const cuda::Result r = s->pool->acquire(bytes, &block)) failed(s->driver, ("no device memory for an array of " + std::to_string(bytes) + " bytes").c_str(), r);
  return external(c.env, std::make_shared<std::shared_ptr<DeviceBuffer>>(std::make_shared<DeviceBuffer>(s, block)));
}

napi_value gpuFree(Call& c) {
  // Runs that use it hold it until they are over.
  sharedFromExternal<std::shared_ptr<DeviceBuffer>>(c.env, c.argv[0])->reset();
  return nullptr;
}

// (gpu, kind, buffer, byte offset, array or buffer, byte offset, bytes); kind 0: to the device, 1: to the host, 2: from the other buffer, 3: cleared
napi_value gpuCopy(Call& c) {
  Gpu& gpu = gpuOf(c);
  const int kind = int(whole(c.env, c.argv[1], "kind", 0, 3));
  const auto buffer = bufferOf(c, c.argv[2]);
  if (!buffer) typeError("not device memory");
  const auto size = [&](size_t k, const char* what) { return size_t(whole(c.env, c.argv[k], what, 0, 9007199254740991.0)); };
  const size_t at = size(3, "offset"), bytes = size(6, "bytes");
  if (at > buffer->block.bytes || bytes > buffer->block.bytes - at) typeError("a copy goes beyond device memory");
  View view;
  std::shared_ptr<DeviceBuffer> other;
  if (kind < 2) {
    view = viewOf(c.state, c.argv[4], 0);
    if (view.bytes < bytes) typeError("a copy goes beyond the array");
  }
  const size_t from = kind == 2 ? size(5, "offset") : 0;
  if (kind == 2) {
    other = bufferOf(c, c.argv[4]);
    if (!other || other->session != buffer->session) typeError("not memory of the same device");
    if (from > other->block.bytes || bytes > other->block.bytes - from) typeError("a copy goes beyond device memory");
  }
  cuda::Session& s = *buffer->session;
  if (s.lost || gpu.current() != buffer->session) throw JsError{JsError::Kind::error, "the array was lost when its device failed", "DEVICE", ""};
  if (bytes == 0) return nullptr;
  cuda::Result r = cuda::kSuccess;
  on(gpu, [&] {
    const cuda::InContext in(s.driver, s.context);
    const cuda::Address to = buffer->block.address + at;
    if ((r = in.result) != cuda::kSuccess) return;
    if (kind == 0) r = s.staging->upload(to, view.data, bytes);
    else if (kind == 1) r = s.staging->download(view.data, to, bytes);
    else if (kind == 2) r = s.driver.copy(to, other->block.address + from, bytes, s.stream);
    else r = s.driver.fill(to, 0, bytes, s.stream);
  });
  if (r != cuda::kSuccess) failed(s.driver, "a copy", r);
  return nullptr;
}

napi_value gpuMemory(Call& c) {
  Gpu& gpu = gpuOf(c);
  napi_value o = object(c.env);
  cuda::DevicePoolStatistics s;
  cuda::GraphStatistics graphs;
  std::string blas, solver;
  cuda::HostStatistics host;
  bool pinned = false;
  if (const auto session = gpu.current(); session && !session->lost)
    on(gpu, [&] {
      s = session->pool->statistics(), graphs = session->graphs(), host = session->host->statistics(), pinned = session->staging->pinned();
      blas = session->blas ? session->blas->path() : session->blasTried ? "none (" + session->blasWhy + ")" : "";
      solver = session->solver ? session->solver->path() : session->solverTried ? "none (" + session->solverWhy + ")" : "";
    });
  const std::pair<const char*, uint64_t> numbers[] = {{"inUse", s.inUse}, {"pooled", s.pooled}, {"highWater", s.highWater}, {"blocks", s.blocks}, {"allocations", s.allocations}, {"reuses", s.reuses},
                                                      {"retries", s.retries}, {"graphsReplayed", graphs.replayed}, {"graphsRecorded", graphs.recorded}, {"graphsUpdated", graphs.updated},
                                                      {"hostInUse", host.inUse}, {"hostPooled", host.pooled}, {"hostHighWater", host.highWater}, {"offloaded", host.out}, {"fetched", host.in}};
  for (const auto& [name, value] : numbers) set(c.env, o, name, js(c.env, double(value)));
  set(c.env, o, "pinned", js(c.env, pinned));
  set(c.env, o, "blas", js(c.env, blas));
  set(c.env, o, "solver", js(c.env, solver));
  return o;
}

// (gpu)
napi_value gpuRoom(Call& c) { return js(c.env, double(gpuOf(c).room())); }

// (gpu, what: 0 trim, 1 reset the high-water mark, 2 limits; kept bytes, most bytes)
napi_value gpuPool(Call& c) {
  Gpu& gpu = gpuOf(c);
  const int what = int(whole(c.env, c.argv[1], "what", 0, 2));
  if (what == 2) return gpu.limit({size_t(whole(c.env, c.argv[2], "keep", 0, 9007199254740991.0)), size_t(whole(c.env, c.argv[3], "limit", 0, 9007199254740991.0))}), nullptr;
  const auto session = gpu.current();
  if (!session || session->lost) return nullptr;
  cuda::Result r = cuda::kSuccess;
  if (what == 0)
    on(gpu, [&] {
      const cuda::InContext in(session->driver, session->context);
      if ((r = in.result) == cuda::kSuccess) r = session->host->trim();
      if (const cuda::Result trimmed = session->pool->trim(); r == cuda::kSuccess) r = trimmed;
    });
  else session->pool->resetHighWater(), session->host->resetHighWater();
  if (r != cuda::kSuccess) failed(session->driver, "giving device memory back", r);
  return nullptr;
}

}  // namespace dace
