// The addon's face in JavaScript, compiled into it: property reads and result objects cost a hundredth here of what they cost through N-API, and private
// fields guarantee that a native handle only ever comes back to the function that knows its type. Evaluates to a function of the native functions.
(function (raw, status) {
  "use strict";
  const secret = {};
  const runStatus = () => ({ code: status[0], site: status[1], value: status[2], extent: status[3], ns: status[4] });
  const statusOf = (s) => ({ code: s[0], site: s[1], value: s[2], extent: s[3], ns: s[4] });
  const made = (token) => { if (token !== secret) throw new TypeError("only the addon makes these"); };

  class NativeKernel {
    #handle;
    constructor(token, parts) {
      made(token);
      [this.#handle, this.key, this.cached, this.compileMs, this.bytes] = parts;
    }
    static bind(kernel, args, symbols, arenaBytes, options) {
      return new BoundRun(secret, raw.bind(kernel.#handle, args, symbols, arenaBytes, options.threads, options.parallel));
    }
    static run(kernel, args, symbols, arenaBytes, options) {
      if (!Array.isArray(args)) throw new TypeError("args is not an array");
      // Spread arguments reach native code without a lookup each, and without a getter that could detach what was looked at before.
      if (args.length <= 24) raw.run(kernel.#handle, symbols, arenaBytes, options.threads, options.parallel, ...args);
      else raw.runMany(kernel.#handle, symbols, arenaBytes, options.threads, options.parallel, [...args]);
      return runStatus();
    }
    static runAsync(kernel, args, symbols, arenaBytes, options) {
      const [handle, promise] = raw.runStart(kernel.#handle, args, symbols, arenaBytes, options.threads, options.write);
      return new AsyncRun(secret, handle, promise.then(statusOf));
    }
  }

  class BoundRun {
    #handle;
    constructor(token, handle) { made(token); this.#handle = handle; }
    run() { return raw.boundRun(this.#handle); }
    status() { raw.boundStatus(this.#handle); return runStatus(); }
    dispose() { raw.boundDispose(this.#handle); }
  }

  class AsyncRun {
    #handle;
    constructor(token, handle, promise) { made(token); this.#handle = handle; this.promise = promise; }
    cancel() { raw.asyncCancel(this.#handle); }
    progress() { return raw.asyncProgress(this.#handle); }
  }

  class Loading {
    #handle;
    constructor(token, handle, promise) { made(token); this.#handle = handle; this.promise = promise; }
    abort() { raw.loadAbort(this.#handle); }
  }

  const request = (call, r, ...more) => {
    if (typeof r !== "object" || r === null) throw new TypeError("a compile request is an object");
    return call(r.sources, r.flags, r.link, r.cacheDir, r.cacheMode, r.timeoutMs, r.compiler, ...more);
  };

  const gpuStatus = (s) => ({ ...statusOf(s), failure: s[5], kernel: s[6] });
  class GpuProgram {
    #handle;
    constructor(token, parts) {
      made(token);
      [this.#handle, this.key, this.cached, this.compileMs, this.bytes] = parts;
    }
    // Arrays, and device memory as its handle.
    run(args, symbols, arenaBytes, written) { return gpuStatus(raw.gpuRun(this.#handle, DeviceBuffer.handles(args), symbols, arenaBytes, written)); }
    runAsync(args, symbols, arenaBytes, written) {
      const [handle, promise] = raw.gpuRunStart(this.#handle, DeviceBuffer.handles(args), symbols, arenaBytes, written);
      return new AsyncRun(secret, handle, promise.then(gpuStatus));
    }
  }

  class Gpu {
    #handle;
    constructor(token, index) {
      made(token);
      this.index = index;
      [this.#handle, this.name, this.memoryBytes, this.capability] = raw.gpuOpen(index);
    }
    load(r) { return new GpuProgram(secret, request(raw.gpuLoad, r, this.#handle, r.device, r.deviceFlags, r.kernels)); }
    loadAsync(r) {
      const [handle, promise] = request(raw.gpuLoadStart, r, this.#handle, r.device, r.deviceFlags, r.kernels);
      return new Loading(secret, handle, promise.then((parts) => new GpuProgram(secret, parts)));
    }
    allocate(bytes) { return new DeviceBuffer(secret, this, this.#handle, bytes); }
    memory() { return raw.gpuMemory(this.#handle); }
    room() { return raw.gpuRoom(this.#handle); }
    trim() { raw.gpuPool(this.#handle, 0); }
    resetHighWater() { raw.gpuPool(this.#handle, 1); }
    limit(keep, most) { raw.gpuPool(this.#handle, 2, keep, most); }
  }

  class DeviceBuffer {
    #handle;
    #gpu;
    constructor(token, gpu, handle, bytes) {
      made(token);
      this.gpu = gpu;
      this.bytes = bytes;
      this.#gpu = handle;
      this.#handle = raw.gpuAllocate(handle, bytes);
    }
    static handles(args) {
      if (!Array.isArray(args)) throw new TypeError("args is not an array");
      return args.map((a) => (typeof a === "object" && a !== null && #handle in a ? a.#handle : a));
    }
    // Of the whole array, to or from `offset` bytes on.
    upload(array, offset = 0) { raw.gpuCopy(this.#gpu, 0, this.#handle, offset, array, 0, array.byteLength); }
    download(array, offset = 0) { raw.gpuCopy(this.#gpu, 1, this.#handle, offset, array, 0, array.byteLength); }
    copyFrom(other, bytes = other.bytes, from = 0, to = 0) { raw.gpuCopy(this.#gpu, 2, this.#handle, to, other.#handle, from, bytes); }
    clear(bytes = this.bytes, offset = 0) { raw.gpuCopy(this.#gpu, 3, this.#handle, offset, undefined, 0, bytes); }
    dispose() { raw.gpuFree(this.#handle); }
  }
  const gpus = new Map();
  return {
    abiVersion: raw.abiVersion,
    version: raw.version,
    get defaultCacheDir() { return raw.defaultCacheDir(); },
    discoverToolchain: (compiler) => raw.discoverToolchain(compiler),
    load: (r) => new NativeKernel(secret, request(raw.load, r)),
    loadAsync(r) {
      const [handle, promise] = request(raw.loadStart, r);
      return new Loading(secret, handle, promise.then((parts) => new NativeKernel(secret, parts)));
    },
    bind: NativeKernel.bind,
    run: NativeKernel.run,
    runAsync: NativeKernel.runAsync,
    isDetached: raw.isDetached,
    memory: raw.memory,
    resetHighWater: raw.resetHighWater,
    trim: raw.trim,
    blas: (path) => raw.blas(path),
    mxcsr: raw.mxcsr,
    cacheEntries: (dir) => raw.cacheEntries(dir),
    cacheClear: (dir) => raw.cacheClear(dir),
    cacheLimit: (bytes, dir) => raw.cacheLimit(bytes, dir),
    cpu: raw.cpu,
    cuda: (path) => raw.cuda(path),
    gpu(index) {
      let g = gpus.get(index);
      if (!g) gpus.set(index, g = new Gpu(secret, index));
      return g;
    },
    openGpus: () => [...gpus.values()],
  };
})
